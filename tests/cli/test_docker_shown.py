"""What is shown of a Docker project: after a run, and by `--dry-run` without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program, Said

POINTS = "entry_points: {main: {command: 'echo ran', resources: {memory: 64MiB}}}\n"
NAMED = "docker_env: {image: 'alpine:3.20', volumes: ['/usr:/seen:ro']}\n" + POINTS
BUILT = "docker_env: {dockerfile: Dockerfile}\n" + POINTS
DOCKERFILE = "FROM alpine:3.20\nRUN echo made > /made\n"
NOWHERE = "unix:///nowhere/no.sock"


@pytest.fixture
def person(reprun: Program) -> Program:
    """Somebody who has no engine, but one is given."""
    reprun.variables["DOCKER_HOST"] = NOWHERE
    return reprun


def shown(said: Said) -> dict[str, list[str]]:
    """The lines by their first words; a line without one belongs to the line above."""
    assert said.code == 0, said.err
    lines: dict[str, list[str]] = {}
    word = ""
    for line in said.out.splitlines():
        word = line[:12].strip() or word
        lines.setdefault(word, []).append(line[12:])
    return lines


def test_an_image_by_name(person: Program, engine: Engine) -> None:
    samples.lay(person.directory, NAMED)
    before = shown(person("run", ".", "--dry-run", "--no-network"))
    assert before["image"] == ["not pinned yet"]
    assert before["container"] == ["network none, 64.0 MiB of memory"]
    assert before["volume"] == ["/usr:/seen:ro"]
    asked = ("--no-network", "--read-only", "-A", "cpus=1.5")
    record = person.record(".", *asked, DOCKER_HOST=engine.address)
    pin = record["environment"]["image"]["reference"]
    digest = pin.partition("@sha256:")[2]
    after = shown(person("runs", "show"))
    name = f"docker.io/library/alpine@sha256:{digest[:12]}…"
    assert after["image"] == [f"alpine:3.20, {name}"]
    assert after["container"] == ["network none, read-only, 64.0 MiB of memory, 1.5 CPUs"]
    assert after["volume"] == ["/usr at /seen, read-only"]
    known = shown(person("run", ".", "--dry-run"))
    assert known["image"] == [name]
    assert known["environment"] == ["docker, from alpine:3.20, to be pulled"], "no engine answers"
    ready = shown(person("run", ".", "--dry-run", DOCKER_HOST=engine.address))
    assert ready["environment"] == ["docker, from alpine:3.20, ready"]
    document = person("run", ".", "--dry-run", "--json").document["environment"]
    assert document["image"]["pin"] == pin
    assert document["container"]["settings"] == {
        "HostConfig": {"Memory": 64 << 20, "MemorySwap": 64 << 20}
    }
    relock = person("run", ".", "--dry-run", "--relock", "--json").document["environment"]
    assert relock["image"]["pin"] is None


def test_an_image_that_is_only_here(person: Program, engine: Engine, images: Images) -> None:
    name = f"localhost/reprun-tests/{person.home.parent.name}:1".lower()
    images.make({"/made": "by hand"}, base="alpine:3.20", name=name)
    samples.lay(person.directory, f"docker_env: {{image: '{name}'}}\n{POINTS}")
    record = person.record(".", DOCKER_HOST=engine.address)
    digest = record["environment"]["image"]["id"]
    pin = f"{digest[:19]}…, only on this machine"
    assert shown(person("runs", "show"))["image"] == [f"{name}, {pin}"]
    assert shown(person("run", ".", "--dry-run"))["image"] == [pin]


def test_a_dockerfile(person: Program, engine: Engine, images: Images) -> None:
    samples.lay(person.directory, BUILT)
    (person.directory / "Dockerfile").write_text(DOCKERFILE)
    before = shown(person("run", ".", "--dry-run"))
    assert before["base"] == ["alpine:3.20, not pinned yet"]
    assert before["not locked"] == ["Dockerfile:2: RUN echo made > /made"]
    assert "image" not in before
    record = person.record(".", DOCKER_HOST=engine.address)
    image = record["environment"]["image"]["id"]
    images.keep(image)
    after = shown(person("runs", "show"))
    assert after["image"] == [
        f"{image[:19]}…, built from Dockerfile",
        "what its own steps installed is not locked",
    ]
    known = shown(person("run", ".", "--dry-run"))
    assert known["base"][0].startswith("alpine:3.20, docker.io/library/alpine@sha256:")
    assert known["environment"] == ["docker, from Dockerfile, to be built"]
    assert shown(person("check", ".")) != {}


def test_an_image_that_is_to_hold_the_project(person: Program) -> None:
    samples.lay(person.directory, NAMED)
    found = shown(person("run", ".", "--dry-run", "--build-image"))
    assert found["image"] == ["built with the project in it"]
    assert found["base"] == ["alpine:3.20, not pinned yet"]


def test_a_project_without_a_container_has_none_of_it(person: Program) -> None:
    samples.lay(person.directory)
    document = person("run", ".", "--dry-run", "--json").document["environment"]
    assert (document["image"], document["container"]) == (None, None)
