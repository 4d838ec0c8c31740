"""The engine isn't there, doesn't let us in, goes away in the middle, or has no room left."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from tests.support.docked import (
    ALPINE,
    PYTHON,
    containers,
    last,
    lay,
    manifest,
    nothing_is_left,
    using,
)
from tests.support.docked import started as started_in
from tests.support.engine import unavailable
from tests.support.filesystems import mounted
from tests.support.nobody import NOBODY
from tests.support.own_engine import own_engine
from tests.support.processes import wait_until
from tests.support.program import ROOT, end
from tests.support.silence import listen

if TYPE_CHECKING:
    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program
    from tests.support.registry import Registry

NOWHERE = ("unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "unix:///etc/passwd")
NO_NETWORK = "--no-network"


@pytest.mark.parametrize("address", NOWHERE)
def test_no_engine(reprun: Program, address: str) -> None:
    lay(reprun.directory, manifest("true"))
    said = reprun("run", ".", DOCKER_HOST=address)
    error, hint = said.err.splitlines()
    assert said.code == 125
    assert error.startswith(f"error: no Docker engine answers at {address}: ")
    assert error.endswith(("no such file or directory", "connection refused"))
    assert "`sudo systemctl start docker`" in hint
    assert reprun.records() == []
    assert reprun.leftovers() == []
    document = reprun("run", ".", "--json", DOCKER_HOST=address).document
    assert document["error"]["code"] == "environment.no-engine"


@pytest.mark.parametrize("address", ["/var/run/docker.sock", "tcp://127.0.0.1"])
def test_what_is_no_address_of_an_engine(reprun: Program, address: str) -> None:
    lay(reprun.directory, manifest("true"))
    said = reprun("run", ".", DOCKER_HOST=address)
    assert said.code == 125
    assert said.err == (
        f"error: `{address}` is no address of a Docker engine\n"
        "hint: write it like `DOCKER_HOST=unix:///var/run/docker.sock`\n"
    )


def test_an_engine_that_never_answers(reprun: Program) -> None:
    """Ctrl-C ends the wait."""
    lay(reprun.directory, manifest("true"))
    with listen() as silence:
        process = reprun.start("run", ".", "-q", DOCKER_HOST=f"tcp://127.0.0.1:{silence.port}")
        wait_until(lambda: silence.visitors)
        time.sleep(0.5)
        said = end(process)
    assert (said.code, said.err) == (128 + signal.SIGINT, "error: interrupted\n")
    assert reprun.leftovers() == []


def test_what_needs_no_engine_goes_without_one(reprun: Program) -> None:
    lay(reprun.directory, manifest("true"))
    nowhere = {"DOCKER_HOST": NOWHERE[0]}
    assert reprun("check", ".", **nowhere).code == 0
    dry = reprun("run", ".", "--dry-run", **nowhere)
    assert dry.code == 0
    assert "from alpine:3.20" in dry.out
    assert reprun("runs", "list", **nowhere).code == 0
    said = reprun("doctor", **nowhere)
    assert f"answers at {NOWHERE[0]}" in said.out


def test_a_dry_run_makes_nothing(docked: Program, engine: Engine) -> None:
    lay(docked.directory, manifest("touch made"))
    before = len(docked.records())
    assert docked("run", ".", "--dry-run").code == 0
    assert len(docked.records()) == before
    nothing_is_left(engine.client, docked)


def test_no_permission_on_the_socket(reprun: Program, engine: Engine) -> None:
    path = Path(engine.address.removeprefix("unix://"))
    if os.geteuid() != 0 or path.stat().st_mode & stat.S_IRWXO:
        unavailable("only root can become somebody who may not use the socket")
    lay(reprun.directory, manifest("true"))
    said = _as_nobody(reprun, "run", ".", DOCKER_HOST=engine.address)
    assert said.returncode == 125, said
    error, hint = said.stderr.splitlines()[-2:]
    assert error == f"error: no permission to use the Docker engine at {engine.address}"
    assert "`sudo usermod -aG docker $USER`" in hint


def test_the_engine_is_stopped_in_the_step(alone: Program, engine: Engine) -> None:
    """Its containers end with it."""
    with own_engine(engine) as own:
        using(alone, own.engine)
        lay(alone.directory, manifest("touch started; sleep 60"))
        process = alone.start("run", ".", NO_NETWORK)
        started_in(alone)
        own.stop()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 125, (out, err)
    text = err.decode()
    assert "error: how the step ended is not known" in text
    assert "stopped answering" in text
    record = last(alone)
    assert record["status"] == "failed"
    assert "how the step ended is not known" in record["reason"]
    assert alone.leftovers() == []


def test_the_engine_is_killed_in_the_step_and_comes_back(alone: Program, engine: Engine) -> None:
    with own_engine(engine) as own:
        using(alone, own.engine)
        lay(alone.directory, manifest("touch started; sleep 60"))
        process = alone.start("run", ".", NO_NETWORK)
        started_in(alone)
        own.kill()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 125, err
        assert b"next command of reprun" in err
        assert last(alone)["status"] == "failed"
        assert alone("runs", "list").code == 0
        assert list(alone.home.glob("cache/containers/*.lock"))
        own.restart()
        assert len(containers(own.engine.client, alone)) == 1
        assert alone("runs", "list").code == 0
        nothing_is_left(own.engine.client, alone)


def test_the_engines_disk_is_full_when_an_image_is_pulled(
    alone: Program, engine: Engine, images: Images, registry: Registry, tmp_path: Path
) -> None:
    # Not by the mirror, beside which the engine tries the registry itself, and tells of that.
    made = images.make({"large": os.urandom(30 << 20)}, base=ALPINE)
    registry.push(engine, made, "large:1")
    with mounted(tmp_path / "small", size="20m") as small, own_engine(engine, data=small) as own:
        using(alone, own.engine)
        lay(alone.directory, manifest("true", f"{registry.address}/large:1"))
        said = alone("run", ".", NO_NETWORK)
        assert said.code == 125, said
        error, hint = said.err.splitlines()[-2:]
        assert error.startswith("error: the engine's disk is full: ")
        assert "no space left on device" in error
        assert "`docker image prune`" in hint
        assert alone.records() == []
        nothing_is_left(own.engine.client, alone)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("COPY large /", "the engine's disk is full: "),
        ("RUN dd if=/dev/zero of=/large bs=1M count=100", "Dockerfile:2: step 2 of 2 failed"),
    ],
)
def test_the_engines_disk_is_full_when_an_image_is_built(
    alone: Program, engine: Engine, tmp_path: Path, line: str, message: str
) -> None:
    with mounted(tmp_path / "small", size="60m") as small, own_engine(engine, data=small) as own:
        using(alone, own.engine)
        text = manifest("true", None, dockerfile="Dockerfile")
        lay(alone.directory, text, Dockerfile=f"FROM {ALPINE}\n{line}\n")
        (alone.directory / "large").write_bytes(b"x" * (70 << 20))
        said = alone("run", ".", NO_NETWORK)
        assert said.code == 125, said
        assert f"error: {message}" in said.err
        assert "`docker image prune`" in said.err.splitlines()[-1]
        assert own.engine.client.api.containers(all=True) == []


ROOT_ALONE = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh", "etc/group": "root:x:0:\n"}
NAME_TAKEN = {**ROOT_ALONE, "etc/passwd": "nobody:x:99:99:another one:/:/bin/sh\n"}


@pytest.mark.parametrize(
    ("files", "name", "group"),
    [
        ({}, "nobody", "nogroup"),
        (ROOT_ALONE, "nobody", "nobody"),
        (NAME_TAKEN, f"user{NOBODY}", f"user{NOBODY}"),
    ],
    ids=["in the image", "not in the image", "under another number"],
)
def test_somebody_without_rights_who_may_use_the_engine(
    docked: Program, engine: Engine, images: Images, files: dict[str, str], name: str, group: str
) -> None:
    """The step is theirs: number, name, groups, HOME, files."""
    of_socket = Path(engine.address.removeprefix("unix://")).stat().st_gid
    if os.geteuid() != 0:
        unavailable("only root can become somebody else")
    command = (
        "id -u; whoami; python -c 'import getpass; print(getpass.getuser())'; id -gn; id -G; "
        "echo $USER $LOGNAME; "
        "echo x > $HOME/kept; test -w $HOME && echo home; echo y > out"
    )
    image = images.make(files, base=PYTHON) if files else PYTHON
    lay(docked.directory, manifest(command, image))
    said = _as_nobody(docked, "run", ".", "-q", DOCKER_HOST=engine.address, group=of_socket)
    assert said.returncode == 0, said
    numbers = f"{NOBODY} {of_socket}"
    assert said.stdout.splitlines() == [
        str(NOBODY),
        *(name, name, group, numbers),
        f"{name} {name}",
        "home",
    ]


def _as_nobody(
    reprun: Program, *arguments: str, group: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The program, run by a user without rights, with everything of theirs in a place of theirs."""
    packages = str(Path(click.__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="reprun-nobody-") as name:
        Path(name).chmod(0o755)
        project = shutil.copytree(reprun.directory, Path(name, "project"))
        for one in (Path(name), project, *project.iterdir()):
            os.chown(one, NOBODY, NOBODY)
        path = f"{ROOT}:{packages}"
        own = {"HOME": name, "REPRUN_HOME": f"{name}/home", "PYTHONPATH": path, **variables}
        own["COVERAGE_PROCESS_CONFIG"] = ""  # its data lies where they may not write
        return subprocess.run(
            [_python(), "-m", "runner", *arguments],
            cwd=project,
            env={**reprun.variables, **own},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[] if group is None else [group],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def _python() -> str:
    """A Python like this one that everybody may run."""
    version = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    found = next(filter(_is_open_to_all, (sys.executable, version)), None)
    return found or unavailable("no Python here can be run by a user without rights")


def _is_open_to_all(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, check=False)
    except OSError:
        return False
    return done.returncode == 0
