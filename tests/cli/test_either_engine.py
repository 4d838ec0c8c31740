"""`reprun run` in a container, on Docker's engine and on Podman's service: both do the same."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import registry as registries
from tests.support import samples
from tests.support.images import Images, making
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.program import Program

LOG = """\
import json, os, urllib.request
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "m", "value": 1.5, "timestamp": 1, "step": 0}
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
login = urllib.request.HTTPPasswordMgrWithDefaultRealm()
headers = {"Content-Type": "application/json"}
if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
    headers["Authorization"] = f"Bearer {token}"
request = urllib.request.Request(address, json.dumps(body).encode(), headers)
urllib.request.urlopen(request).read()
"""


@pytest.fixture
def person(reprun: Program, any_engine: Engine) -> Iterator[Program]:
    """Somebody whose engine is one of the two; none of their containers is left in the end."""
    reprun.variables["DOCKER_HOST"] = any_engine.address
    yield reprun
    runs = {f"reprun-{record['id']}" for record in reprun.records()}
    assert runs & set(containers(any_engine)) == set()


@pytest.fixture
def made(any_engine: Engine) -> Iterator[Images]:
    """Images of the engine's that are gone when the test ends."""
    with making(any_engine) as images:
        yield images


def containers(engine: Engine) -> list[str]:
    return [one["Names"][0].lstrip("/") for one in engine.client.api.containers(all=True)]


def lay(person: Program, command: str, named: str = "image: 'python:3.11-slim'") -> str:
    """A project whose `docker_env` is `named`, with a program that logs; its folder."""
    text = f"docker_env: {{{named}}}\nentry_points: {{main: {{command: '{command}'}}}}\n"
    return str(samples.lay(person.directory / "sample", text, log_py=LOG))


def test_outputs_volumes_and_what_it_logs(person: Program, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in").write_text("from outside\n")
    command = "cat /data/in > out && python3 log.py && echo x > /data/made"
    volumes = f"image: 'python:3.11-slim', volumes: ['{tmp_path}/data:/data']"
    project = lay(person, command, volumes)
    record = person.record(project)
    assert [one["path"] for one in record["outputs"]] == ["out"]
    assert record["metrics"]["m"] == 1.5
    assert (tmp_path / "data" / "made").read_text() == "x\n"


@pytest.mark.parametrize("network", ["--no-network", "-Anetwork=none", "-Anetwork=host"])
def test_it_logs_whatever_its_network(person: Program, network: str) -> None:
    project = lay(person, "python3 log.py; grep -c : /proc/net/dev")
    option = [network] if network.startswith("--") else ["-A", network.removeprefix("-A")]
    said = person("run", project, *option)
    assert said.code == 0, said.err
    assert person.records()[-1]["metrics"]["m"] == 1.5
    assert (int(said.out) == 1) == ("host" not in network)


def test_a_read_only_image(person: Program) -> None:
    said = person("run", lay(person, "touch here /tmp/there && ! touch /usr/x"), "--read-only")
    assert said.code == 0, said.err
    assert "Read-only file system" in said.err


def test_too_little_memory_is_told(person: Program) -> None:
    project = lay(person, 'python3 -c "bytearray(300 << 20)"')
    said = person("run", project, "-A", "memory=64m")
    assert said.code == 137
    assert "the step needed more than its memory limit" in said.err
    assert person("run", project, "-A", "memory=600m").code == 0


def test_a_killed_reprun_s_container_is_removed_by_the_next_command(
    person: Program, any_engine: Engine
) -> None:
    process = person.start("run", lay(person, "echo going; sleep 300"))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [record] = person.records()
    assert f"reprun-{record['id']}" in containers(any_engine)
    assert person("runs", "list").code == 0
    wait_until(lambda: f"reprun-{record['id']}" not in containers(any_engine))


def test_the_project_in_its_image(person: Program, made: Images, any_engine: Engine) -> None:
    project = lay(
        person, "cat /mlflow/projects/code/MLproject | head -c 10", "image: 'alpine:3.20'"
    )
    said = person("run", project, "--build-image")
    assert (said.code, said.out) == (0, "docker_env"), said.err
    image = person.records()[-1]["environment"]["image"]["id"]
    assert any_engine.client.images.get(made.keep(image)).id == image


def test_a_private_registry(
    person: Program, made: Images, any_engine: Engine, tmp_path: Path
) -> None:
    with registries.serve(tmp_path / "registry", login=True) as private:
        image = made.make({"etc/some": "x\n"}, base="alpine:3.20")
        private.push(any_engine, image, "team/thing:1")
        made.remove(image)
        project = lay(person, "cat /etc/some", f"image: '{private.address}/team/thing:1'")
        said = person("run", project)
        assert said.code == 125
        assert f"docker login {private.address}" in said.err
        login = private.log_in(tmp_path / "login")
        said = person("run", project, DOCKER_CONFIG=str(login))
        assert (said.code, said.out) == (0, "x\n"), said.err


def test_what_only_buildkit_and_podman_can_build(
    person: Program, any_engine: Engine, made: Images
) -> None:
    project = lay(person, "cat /seen; stat -c %a /copied", "dockerfile: Dockerfile")
    folder = person.directory / "sample"
    (folder / "a.txt").write_text("a\n")
    (folder / "Dockerfile").write_text(
        "FROM alpine:3.20\nCOPY --chmod=640 a.txt /copied\n"
        "RUN --mount=type=bind,source=a.txt,target=/b cat /b > /seen\n"
    )
    said = person("run", project)
    if "podman" in any_engine.address:
        assert (said.code, said.out) == (0, "a\n640\n"), said.err
        made.keep(person.records()[-1]["environment"]["image"]["id"])
    else:
        assert said.code == 125
        assert "Dockerfile:2: `COPY --chmod=640 a.txt /copied` needs BuildKit" in said.err


def test_a_build_that_fails_names_its_line(person: Program) -> None:
    project = lay(person, "true", "dockerfile: Dockerfile")
    folder = person.directory / "sample"
    (folder / "Dockerfile").write_text(
        "ARG V=3.20\nFROM alpine:$V AS one\nRUN echo one\n"
        "FROM alpine:3.20\nCOPY --from=one /etc/os-release /x\nRUN echo last words && exit 7\n"
    )
    said = person("run", project)
    assert said.code == 125
    assert "Dockerfile:6: step" in said.err
    assert "last words" in said.err
