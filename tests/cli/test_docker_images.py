"""The image can't be had, isn't what it was, or isn't for this machine: each has its word."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.support.docked import ALPINE, last, lay, manifest, nothing_is_left
from tests.support.registry import PASSWORD, USER, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program
    from tests.support.registry import Registry

SHOW = "cat /which"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Registry]:
    """A registry that asks for a login."""
    with serve(tmp_path / "private", login=True) as served:
        yield served


def _refused(reprun: Program, *arguments: str, **variables: str) -> tuple[str, str]:
    """Message and hint of a run that isn't started; there is no record of it."""
    before = len(reprun.records())
    said = reprun("run", ".", *arguments, **variables)
    assert said.code == 125, said
    assert said.out == ""
    error, hint = said.err.splitlines()[-2:]
    assert len(reprun.records()) == before
    return error.removeprefix("error: "), hint.removeprefix("hint: ")


def _which(images: Images, text: str) -> str:
    return images.make({"which": text}, base=ALPINE)


def test_an_image_that_does_not_exist(docked: Program, registry: Registry, engine: Engine) -> None:
    name = f"{registry.address}/nosuch:1"
    lay(docked.directory, manifest("true", name))
    message, hint = _refused(docked)
    where = f"neither on this machine nor in {registry.address}"
    assert message == f"there is no image `{name}`, {where}"
    assert hint.startswith("check its name and tag")
    lay(docked.directory, manifest("echo built", name), Dockerfile=f"FROM {ALPINE}\n")
    assert _refused(docked)[1] == (
        "the project has a Dockerfile: pass `--env-file Dockerfile` to build it"
    )
    said = docked("run", ".", "--env-file", "Dockerfile", "-q")
    assert (said.code, said.out) == (0, "built\n")
    engine.client.images.remove(last(docked)["environment"]["image"]["id"], force=True)
    nothing_is_left(engine.client, docked)


@pytest.mark.parametrize("name", ["Alpine:3.20", "alpine:", "alpine@sha256:12", "a b"])
def test_what_is_no_name_of_an_image(docked: Program, name: str) -> None:
    lay(docked.directory, manifest("true", name))
    said = docked("run", ".")
    assert said.code in {2, 125}
    assert f"`{name}` is no name of an image" in said.err
    assert said.err.splitlines()[-1].startswith("hint: ")


def test_an_image_for_another_platform(docked: Program, images: Images, registry: Registry,
                                       engine: Engine) -> None:  # fmt: skip
    made = images.make({"bin/sh": "#!"}, platform="linux/s390x")
    name = f"{registry.address}/other:1"
    registry.push(engine, made, "other:1")
    lay(docked.directory, manifest("true", name))
    message, hint = _refused(docked)
    assert "linux/s390x" in message
    assert "this machine is linux/" in message
    assert "-A platform=linux/s390x" in hint


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("linux/arm64", "is for linux/amd64, and linux/arm64 is asked for"),
        ("bla", "there is no platform `bla`"),
    ],
)
def test_a_platform_that_is_asked_for(docked: Program, platform: str, message: str) -> None:
    """Also where the image is locked for this machine's own."""
    lay(docked.directory, manifest("true"))
    assert docked("run", ".").code == 0
    assert message in _refused(docked, "-A", f"platform={platform}")[0]


def test_a_registry_that_is_down(docked: Program, registry: Registry) -> None:
    registry.stop()
    lay(docked.directory, manifest("true", f"{registry.address}/a:1"))
    message, hint = _refused(docked)
    assert f"{registry.address} can't be reached" in message
    assert hint == "check the network and the registry's name"


def test_a_private_registry(
    docked: Program, images: Images, private: Registry, engine: Engine, tmp_path: Path
) -> None:
    made = _which(images, "private")
    private.push(engine, made, "mine:1")
    images.remove(made)
    lay(docked.directory, manifest(SHOW, f"{private.address}/mine:1"))
    message, hint = _refused(docked)
    assert f"{private.address} does not let you pull `{private.address}/mine:1`" in message
    assert hint == f"log in with an account that may: `docker login {private.address}`"
    folder = private.log_in(tmp_path / "login")
    said = docked("run", ".", DOCKER_CONFIG=str(folder))
    assert (said.code, said.out) == (0, "private"), said
    images.keep(f"{private.address}/mine:1")
    login = (folder / "config.json").read_text().split('"auth": "')[1].split('"')[0]
    for path in filter(lambda one: one.is_file(), docked.home.rglob("*")):
        content = path.read_bytes()
        assert login.encode() not in content, path
        assert f"{USER}:{PASSWORD}".encode() not in content, path


def test_a_tag_that_has_moved(
    alone: Program, images: Images, registry: Registry, engine: Engine
) -> None:
    old, new = _which(images, "old"), _which(images, "new")
    name = f"{registry.address}/moving:1"
    digest = registry.push(engine, old, "moving:1")
    lay(alone.directory, manifest(SHOW, name))
    assert alone("run", ".").out == "old"
    registry.push(engine, new, "moving:1")  # and the engine's own tag moves with it
    said = alone("run", ".")
    assert said.out == "old"
    assert f"warning: `{name}` names another image by now" in said.err
    assert "hint: `--relock` takes the new one" in said.err
    assert last(alone)["environment"]["image"]["reference"] == (
        f"{registry.address}/moving@{digest}"
    )
    said = alone("run", ".", "--relock")
    assert said.out == "new"
    assert "names another image" not in said.err
    assert alone("run", ".").out == "new"


def test_a_tag_that_has_moved_in_the_registry_alone(
    alone: Program, images: Images, registry: Registry, engine: Engine
) -> None:
    old, new = _which(images, "old"), _which(images, "new")
    registry.push(engine, old, "moving:1")
    lay(alone.directory, manifest(SHOW, f"{registry.address}/moving:1"))
    assert alone("run", ".").out == "old"
    registry.push(engine, new, "moving:1")
    engine.client.images.get(old).tag(f"{registry.address}/moving", "1")
    assert alone("run", ".").out == "old"
    assert alone("run", ".", "--relock").out == "new"
    registry.stop()
    said = alone("run", ".", "--relock")
    assert (said.code, said.out) == (0, "new")
    assert "can't be asked" in said.err
    assert "hint: the image on this machine is used" in said.err


def test_a_tag_that_is_gone_from_the_registry_alone(
    alone: Program, images: Images, registry: Registry, engine: Engine
) -> None:
    """Whoever asks for what a name means today does not get what it meant yesterday."""
    digest = registry.push(engine, _which(images, "old"), "withdrawn:1")
    name = f"{registry.address}/withdrawn:1"
    lay(alone.directory, manifest(SHOW, name))
    assert alone("run", ".").out == "old"
    registry.delete("withdrawn", digest)
    message, _ = _refused(alone, "--relock")
    assert message.startswith(f"there is no image `{name}`")
    assert alone("run", ".").out == "old"


def test_a_digest_that_is_gone_everywhere(
    alone: Program, images: Images, registry: Registry, engine: Engine
) -> None:
    made = _which(images, "gone")
    name = f"{registry.address}/gone:1"
    digest = registry.push(engine, made, "gone:1")
    lay(alone.directory, manifest(SHOW, name))
    assert alone("run", ".").out == "gone"
    images.remove(made)
    assert alone("run", ".").out == "gone"  # from the registry, by its digest
    images.remove(images.keep(f"{registry.address}/gone@{digest}"))
    registry.delete("gone", digest)
    message, hint = _refused(alone)
    assert message.startswith(f"{registry.address}/gone@{digest} is gone from the registry")
    assert "`--relock` takes what its name means today" in hint


def test_an_image_of_this_machine_alone(docked: Program, images: Images) -> None:
    made = _which(images, "local")
    lay(docked.directory, manifest(SHOW, made))
    said = docked("run", ".")
    assert said.out == "local"
    assert last(docked)["environment"]["image"]["only_here"] is True
    assert last(docked)["environment"]["image"]["id"] == made
    images.remove(made)
    message, _ = _refused(docked)
    assert "not on this machine any more" in message


def test_a_name_that_is_in_no_registry(docked: Program, images: Images, registry: Registry) -> None:
    """Its id is its pin; nobody asks a registry for it, not even where it is to be locked anew."""
    name = f"{registry.address}/only-here:1"
    made = images.make({"which": "local"}, base=ALPINE, name=name)
    lay(docked.directory, manifest(SHOW, name))
    for flags in ((), ("--relock",)):
        said = docked("run", ".", *flags)
        assert (said.code, said.out) == (0, "local"), said
        assert f"warning: `{name}` is in no registry: it is pinned by its id" in said.err
        assert "hint: push it to a registry, and name it by that" in said.err
    assert last(docked)["environment"]["image"]["id"] == made


def test_what_an_image_holds_has_a_fingerprint(docked: Program, images: Images) -> None:
    """Its files and its variables, for both are seen by a step."""
    made = (
        images.make({"which": "a"}, base=ALPINE),
        images.make({"which": "b"}, base=ALPINE),
        images.make({"which": "a"}, base=ALPINE, env={"SEEN": "1"}),
        images.make({"which": "a"}, base=ALPINE),
    )
    found = []
    for image in made:
        lay(docked.directory, manifest(SHOW, image))
        found.append(docked.record(".")["environment"]["fingerprint"])
    assert found[0] == found[3]
    assert len(set(found)) == 3


def test_packages_that_nothing_here_can_read_are_told(docked: Program, images: Images) -> None:
    place = "var/lib/rpm/rpmdb.sqlite"
    made = images.make({"which": "rpm", place: "SQLite format 3"}, base=ALPINE)
    lay(docked.directory, manifest(SHOW, made))
    said = docked("run", ".")
    assert (said.code, said.out) == (0, "rpm")
    told = f"the packages that rpm installed (/{place})"
    assert f"warning: not all of the image's packages could be read: {told}\n" in said.err


def test_an_id_that_nobody_has(docked: Program) -> None:
    name = f"sha256:{hashlib.sha256(b'nobody has it').hexdigest()}"
    lay(docked.directory, manifest("true", name))
    assert "never was in a registry" in _refused(docked)[0]
