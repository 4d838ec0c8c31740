"""`reprun shell` for a run in a container: what its step saw, a real terminal, nothing left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.processes import wait_until
from tests.support.program import end
from tests.support.terminal import CTRL_C, CTRL_D, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program
    from tests.support.terminal import Terminal

LARGE = 3_000_000  # bytes, more than pipes and sockets hold
MANIFEST = """\
docker_env:
  image: alpine:3.20
  environment: [[GREETING, hi there], COPIED]
  volumes: ["{volume}:/seen:ro"]
entry_points:
  main:
    env: {{SEED: '7'}}
    resources: {{memory: 100MiB}}
    command: "{{{{ {look}; }}}} > look.txt"
"""
LOOK = (
    "pwd; id; cat /seen/file /sys/fs/cgroup/memory.max "
    "/sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; ls /sys/class/net; "
    "touch /outside 2>&1; ls; env | grep -v -e MLFLOW -e _= | sort"
)
# A shell has no endpoint, and is inside of no run.
OF_THE_STEP = ("REPRUN_", "PYTHONPATH=")


@pytest.fixture
def person(reprun: Program, engine: Engine) -> Program:
    """Somebody whose engine is the tests'."""
    reprun.variables["DOCKER_HOST"] = engine.address
    return reprun


@pytest.fixture
def project(person: Program) -> Path:
    """A project in an image without bash."""
    text = "docker_env: {image: 'alpine:3.20'}\nentry_points: {main: {command: 'echo ran'}}\n"
    return samples.lay(person.directory, text)


def containers(engine: Engine) -> list[str]:
    """The names of those that reprun has made, ended ones too."""
    found = engine.client.containers.list(all=True, filters={"label": "reprun"})
    return [str(one.name) for one in found]


def of_shells(engine: Engine) -> list[str]:
    """Names of those of shells; other tests' are among them."""
    found = engine.client.containers.list(all=True, filters={"label": "reprun=shell"})
    return [str(one.name) for one in found]


def test_it_sees_what_the_step_saw(person: Program, tmp_path: Path) -> None:
    seen = tmp_path / "a volume"
    seen.mkdir()
    (seen / "file").write_text("of this machine\n")
    top = person.directory / "a project"
    samples.lay(top / "in a folder", MANIFEST.format(volume=seen, look=LOOK))
    (top / "beside.txt").write_text("")
    asked = ("--no-network", "--read-only", "-A", "env=MORE=1", "-A", "cpus=1")
    record = person.record(f"{top}#in a folder", *asked, COPIED="yes")
    then = (person.home / "runs" / record["id"] / "artifacts/look.txt").read_text().splitlines()
    then = [line for line in then if not line.startswith(OF_THE_STEP) and line != "look.txt"]
    now = person("shell", "latest", "-c", LOOK, COPIED="yes", MORE="1")  # no value is recorded
    assert now.code == 0, now.err
    assert now.out.splitlines() == then
    for line in ("/mlflow/projects/code/in a folder", "of this machine", "104857600", "lo"):
        assert line in then
    for line in ("GREETING=hi there", "COPIED=yes", "SEED=7", "MORE=1", "MLproject"):
        assert line in then
    assert "touch: /outside: Read-only file system" in then
    assert person("shell", "latest", "-c", "echo $COPIED-; ls ..").out.split("\n")[0] == "-"
    assert person.leftovers() == []
    assert not list((person.home / "cache/containers").glob("*.lock"))


def test_pipes_go_in_and_come_out(person: Program, project: Path) -> None:
    person.record(str(project))
    assert person("shell", "latest", "-c", "cat").out == "", "nothing is piped into it"
    sent = b"0123456789" * (LARGE // 10)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "shell", "latest", "-c", "cat; echo beside >&2; exit 5"],
        input=sent,
        cwd=person.directory,
        env=person.variables,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (5, b"beside\n")
    assert done.stdout == sent
    # What doesn't listen ends all the same.
    assert person("shell", "latest", "-c", "exec 0<&-; echo deaf").out == "deaf\n"


def _left_by(seen: Terminal) -> int:
    """The exit status after Ctrl-D; one that comes between two of the shell's lines is lost."""
    for _ in range(9):
        seen.type(CTRL_D)
        with contextlib.suppress(AssertionError):
            return seen.end(seconds=3)
    seen.type(CTRL_D)
    return seen.end()


def test_a_shell_in_a_terminal(person: Program, project: Path) -> None:
    person.record(str(project))
    with terminal(person, "shell") as seen:
        before = seen.modes
        seen.resize(33, 111)
        seen.wait_for("leave with Ctrl-D")
        seen.wait_for("(run ")
        seen.wait_for("/mlflow/projects/code $")
        assert seen.modes != before, "keys go in as they are"
        seen.type(b"sh -c 'echo slee$(echo ping); exec sleep 30'\n")
        seen.wait_for("sleeping")
        seen.type(CTRL_C)
        seen.wait_for("/mlflow/projects/code $", times=2)
        seen.type(b"echo still $((40 + 2)); ls; stty size\n")
        seen.wait_for("still 42")
        seen.wait_for("MLproject")
        seen.wait_for("33 111")
        seen.resize(44, 122)
        seen.type(b"sleep 0.5; stty size\n")
        seen.wait_for("44 122")
        seen.type(b"tty; echo $TERM; (exit 6)\n")
        seen.wait_for("/dev/pts/")
        seen.wait_for("xterm")
        assert _left_by(seen) == 6, seen.text
        assert seen.modes == before
    assert person.leftovers() == []
    assert not list((person.home / "cache/containers").glob("*.lock"))


def test_bash_where_the_image_has_it(person: Program) -> None:
    text = "docker_env: {image: 'python:3.11-slim'}\nentry_points: {main: {command: 'echo ran'}}\n"
    samples.lay(person.directory, text)
    person.record(".")
    with terminal(person, "shell") as seen:
        seen.wait_for("code $ ")
        seen.type(b"echo $0-$((1 + 1)); exit 9\n")
        seen.wait_for("bash-2")
        assert seen.end() == 9
    assert "(run 01" in seen.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: int, person: Program, project: Path) -> None:
    person.record(str(project))
    process = person.start("shell", "-c", "echo begun; sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    assert end(process, number).code == 128 + number
    assert not list((person.home / "cache/containers").glob("*.lock"))
    assert person.leftovers() == []


def test_who_closes_the_terminal_ends_it(person: Program, project: Path) -> None:
    person.record(str(project))
    with terminal(person, "shell") as seen:
        before = seen.modes
        seen.wait_for("code $ ")
        os.kill(seen.process.pid, signal.SIGHUP)
        assert seen.end() == 128 + signal.SIGHUP
        assert seen.modes == before
    assert not list((person.home / "cache/containers").glob("*.lock"))


def test_what_a_killed_one_leaves_goes_with_the_next_command(
    person: Program, project: Path, engine: Engine
) -> None:
    person.record(str(project))
    process = person.start("shell", "-c", "echo begun; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    (note,) = (person.home / "cache/containers").glob("*/container.json")
    name = f"reprun-{note.parent.name.lower()}"
    assert name in of_shells(engine)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    person("runs", "list")
    wait_until(lambda: name not in containers(engine))
    assert not list((person.home / "cache/containers").glob("*.lock"))


def test_an_image_that_is_gone_is_built_again(
    person: Program, engine: Engine, images: Images
) -> None:
    text = "docker_env: {dockerfile: Dockerfile}\nentry_points: {main: {command: cat /made}}\n"
    samples.lay(person.directory, text)
    (person.directory / "Dockerfile").write_text("FROM alpine:3.20\nRUN echo made > /made\n")
    record = person.record(".")
    image = record["environment"]["image"]["id"]
    engine.client.images.remove(image, force=True)
    said = person("shell", "latest", "-c", "cat /made")
    assert (said.code, said.out) == (0, "made\n"), said.err
    assert "another image" in said.err
    images.keep(f"reprun:{record['environment']['hash'][:24]}")


def test_without_an_engine_it_says_so(person: Program, project: Path, tmp_path: Path) -> None:
    person.record(str(project))
    nowhere = f"unix://{tmp_path}/no.sock"
    said = person("shell", "latest", "-c", "true", DOCKER_HOST=nowhere)
    assert said.code == 125
    assert f"no Docker engine answers at {nowhere}" in said.err
