"""reprun or its step is ended in the middle of Docker's work: nothing is left, the end is clear."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from docker.errors import NotFound

from tests.support.docked import (
    ALPINE,
    containers,
    last,
    lay,
    manifest,
    no_container_is_left,
    nothing_is_left,
    started,
)
from tests.support.processes import processes_with, wait_until
from tests.support.program import end
from tests.support.silence import listen

if TYPE_CHECKING:
    import subprocess

    from tests.support.engine import Engine
    from tests.support.program import Program

TIDY = "trap 'echo tidy; echo x > tidied; exit 5' TERM INT HUP; touch started; sleep 60 & wait"
SLOW = f"FROM {ALPINE}\nRUN touch /{{mark}} && sleep 60\n"
# Passed-on signals make it hang: an entrypoint that never runs what it is given.
ENDLESS = f'FROM {ALPINE}\nLABEL x={{mark}}\nENTRYPOINT ["sh", "-c", "while :; do sleep 1; done"]\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_step(docked: Program, engine: Engine, number: signal.Signals) -> None:
    lay(docked.directory, manifest(TIDY))
    process = docked.start("run", ".", "-q")
    started(docked)
    said = end(process, number)
    assert said.code == 128 + number
    assert said.out == "tidy\n"
    assert said.err == f"error: interrupted by {number.name}\n"
    nothing_is_left(engine.client, docked)
    record = last(docked)
    assert (record["status"], record["exit_code"]) == ("killed", 128 + number)
    assert [output["path"] for output in record["outputs"]] == ["started", "tidied"]


def test_a_signal_to_a_step_that_ignores_it(docked: Program, engine: Engine) -> None:
    lay(docked.directory, manifest("trap '' TERM; touch started; while :; do sleep 1; done"))
    process = docked.start("run", ".", "-q")
    started(docked)
    begun = time.monotonic()
    assert end(process, signal.SIGTERM).code == 128 + signal.SIGTERM
    assert time.monotonic() - begun < 30
    nothing_is_left(engine.client, docked)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_pulling(alone: Program, engine: Engine, number: signal.Signals) -> None:
    with listen() as silence:
        lay(alone.directory, manifest("true", f"127.0.0.1:{silence.port}/a:1"))
        process = alone.start("run", ".", "-q")
        wait_until(lambda: silence.visitors)
        said = end(process, number)
    assert (said.code, said.err) == (128 + number, "error: interrupted\n")
    nothing_is_left(engine.client, alone)
    assert alone.records() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_building(alone: Program, engine: Engine, number: signal.Signals) -> None:
    """The engine ends a build whose client is gone."""
    mark = f"mark-{alone.home.parent.name}-{os.getpid()}"
    lay(alone.directory, manifest("true", None, dockerfile="Dockerfile"),
        Dockerfile=SLOW.format(mark=mark))  # fmt: skip
    process = alone.start("run", ".", "-q")
    wait_until(lambda: _building(engine, mark))
    said = end(process, number)
    assert said.code == (-number if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or said.err == "error: interrupted\n"
    wait_until(lambda: not _building(engine, mark))
    assert alone("runs", "list").code == 0
    nothing_is_left(engine.client, alone)
    assert alone.records() == []


def test_kill_9_in_the_step(alone: Program, engine: Engine) -> None:
    lay(alone.directory, manifest("touch started; sleep 60"))
    process = alone.start("run", ".", "-q")
    started(alone)
    _kill(process)
    assert len(containers(engine.client, alone)) == 1
    run = last(alone)["id"]
    listed = {one["id"]: one for one in alone("runs", "list", "--json").document}
    assert listed[run]["status"] == "lost"
    no_container_is_left(engine.client, alone)
    assert last(alone)["status"] == "lost"
    lay(alone.directory, manifest("echo again"))
    assert alone.record(".")["status"] == "finished"
    nothing_is_left(engine.client, alone)
    wait_until(lambda: not processes_with(str(alone.home)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_volume_without_a_name_goes_with_its_container(
    alone: Program, engine: Engine, number: signal.Signals
) -> None:
    lay(alone.directory, manifest("touch started; sleep 60", volumes=["/data"]))
    process = alone.start("run", ".", "-q")
    started(alone)
    (one,) = containers(engine.client, alone)
    (volume,) = [mount["Name"] for mount in one["Mounts"] if mount["Type"] == "volume"]
    assert engine.client.volumes.get(volume).name == volume
    end(process, number)
    assert alone("runs", "list").code == 0
    no_container_is_left(engine.client, alone)
    with pytest.raises(NotFound):
        engine.client.volumes.get(volume)


@pytest.mark.parametrize("before", ["start", "make"])
def test_kill_9_before_the_container_is_made_and_started(
    alone: Program, engine: Engine, before: str
) -> None:
    """A listener of Python's own kills reprun the moment a function is called."""
    folder = alone.directory.parent / "listener"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(KILLER.format(name=before, file="container_body.py"))
    lay(alone.directory, manifest("touch started"))
    path = f"{folder}:{alone.variables['PYTHONPATH']}"
    said = alone("run", ".", PYTHONPATH=path)
    assert said.code == -signal.SIGKILL
    found = containers(engine.client, alone)
    assert [one["State"] for one in found] == (["created"] if before == "start" else [])
    assert alone("runs", "list").code == 0
    no_container_is_left(engine.client, alone)
    assert last(alone)["status"] == "lost"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_an_image_is_tried(
    alone: Program, engine: Engine, number: signal.Signals
) -> None:
    mark = f"{alone.home.parent.name}-{os.getpid()}"
    lay(alone.directory, manifest("true", None, dockerfile="Dockerfile"),
        Dockerfile=ENDLESS.format(mark=mark))  # fmt: skip
    process = alone.start("run", ".", "-q")
    tried = {"label": [f"x={mark}", "reprun=examination"], "status": "running"}
    wait_until(lambda: engine.client.api.containers(filters=tried), seconds=40)
    end(process, number)
    assert alone("runs", "list").code == 0
    del tried["status"]
    assert engine.client.api.containers(all=True, filters=tried) == []
    no_container_is_left(engine.client, alone)
    _forget(engine, mark)


KILLER = """\
import os, signal, sys, threading

def look(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "{name}":
        if frame.f_code.co_filename.endswith("/{file}"):
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(look)
"""


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate(timeout=20)


def _building(engine: Engine, mark: str) -> list[object]:
    """Containers of a build that know its mark."""
    found = engine.client.api.containers(all=True)
    return [one for one in found if mark in one["Command"]]


def _forget(engine: Engine, mark: str) -> None:
    for one in engine.client.images.list(filters={"label": f"x={mark}"}):
        engine.client.images.remove(one.id or "", force=True)
