"""What reprun is told by a signal, a step in a container is told, whatever is its first process."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import Interrupted
from tests.support import stand_in
from tests.support.contained import Containers, left_in
from tests.support.own_engine import own_engine
from tests.support.processes import processes_with, wait_until
from tests.support.steps import STEPS_IN, execution_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Engine

WAIT = "touch ready; while :; do sleep 0.05; done"
DEAF = "trap '' TERM INT HUP; " + WAIT
TIDY = "trap 'echo saved; exit 0' TERM; " + WAIT


@pytest.fixture
def address(any_engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The engine that `stand_in` runs its step in; in the end nothing of the step is left."""
    monkeypatch.setenv(STEPS_IN, any_engine.address)
    yield any_engine.address
    assert left_in(any_engine.address, tmp_path) == []
    assert processes_with(str(tmp_path)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_step_hears_the_signal(address: str, tmp_path: Path, number: signal.Signals) -> None:
    del address
    name = number.name.removeprefix("SIG")
    reprun = stand_in.start(tmp_path, f"trap 'echo got {name}; exit 0' {name}; {WAIT}")
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(number)
    assert reprun.wait(20) == 128 + number
    assert stand_in.outcome_of(tmp_path) == (128 + number, "interrupt", number, [])
    assert (tmp_path / "stdout.log").read_text() == f"got {name}\n"


def test_a_deaf_step_is_killed_after_the_grace(address: str, tmp_path: Path) -> None:
    del address
    reprun = stand_in.start(tmp_path, DEAF, grace=0.5)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGTERM)
    assert reprun.wait(20) == 143


def test_a_second_ctrl_c_kills_at_once(address: str, tmp_path: Path) -> None:
    del address
    reprun = stand_in.start(tmp_path, DEAF, grace=60)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert reprun.poll() is None
    reprun.send_signal(signal.SIGINT)
    assert reprun.wait(20) == 130


@pytest.mark.parametrize("delay", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_a_signal_at_any_moment_of_making_and_starting(
    address: str, tmp_path: Path, delay: float
) -> None:
    """From 0.2 s on its handlers stand or it is ended by the signal itself."""
    del address
    reprun = stand_in.start(tmp_path, WAIT, grace=2)
    time.sleep(delay)
    reprun.send_signal(signal.SIGTERM)
    assert reprun.wait(20) in {143, -signal.SIGTERM, 1}


def test_without_a_first_process_of_the_engines(any_engine: Engine, tmp_path: Path) -> None:
    bare = Containers(any_engine.address, tmp_path, init=False)
    outcome = bare.execute(execution_in(tmp_path, TIDY, timeout=1.0), show=None)
    assert (outcome.exit_code, outcome.ended_by) == (124, "timeout")
    assert (tmp_path / "stdout.log").read_text() == "saved\n"
    assert left_in(any_engine.address, tmp_path) == []


def test_an_engine_that_lacks_its_first_process(engine: Engine, tmp_path: Path) -> None:
    """As those of some distributions do; the step runs without, and hears of its end as well."""
    body: dict[str, object] = {"HostConfig": {"NetworkMode": "none"}}
    with own_engine(engine, options=("--init-path", "/nowhere/docker-init")) as own:
        lacking = Containers(own.engine.address, tmp_path, body=body)
        outcome = lacking.execute(execution_in(tmp_path, TIDY, timeout=1.0), show=None)
        assert left_in(own.engine.address, tmp_path) == []
    assert (outcome.exit_code, outcome.ended_by) == (124, "timeout")
    assert (tmp_path / "stdout.log").read_text() == "saved\n"


def test_a_person_who_switches_the_first_process_off(any_engine: Engine, tmp_path: Path) -> None:
    body: dict[str, object] = {"HostConfig": {"Init": False}}
    bare = Containers(any_engine.address, tmp_path, body=body)
    outcome = bare.execute(execution_in(tmp_path, TIDY, timeout=1.0), show=None)
    assert outcome.ended_by == "timeout"
    assert (tmp_path / "stdout.log").read_text() == "saved\n"


def test_a_reader_who_takes_nothing_does_not_keep_the_step_alive(
    address: str, tmp_path: Path
) -> None:
    del address
    reading, writing = os.pipe()
    reprun = stand_in.start(
        tmp_path, "touch ready; exec yes", timeout=None, grace=1, stdout=writing
    )
    os.close(writing)
    wait_until((tmp_path / "project/ready").exists)
    time.sleep(0.3)
    reprun.send_signal(signal.SIGTERM)
    wait_until(lambda: _of_the_step(tmp_path, reprun.pid) == [])
    assert reprun.poll() is None
    os.close(reading)
    assert reprun.wait(20) == 143


class SignallingSecrets(tuple[str, ...]):
    """Secrets that are read in the middle of making ready, and a signal that comes then."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        signal.raise_signal(signal.SIGTERM)
        return super().__iter__()


def test_a_signal_while_the_step_is_made_ready(any_engine: Engine, tmp_path: Path) -> None:
    secrets = SignallingSecrets(("secret",))
    execution = execution_in(tmp_path, "touch started", secrets=secrets)
    with pytest.raises(Interrupted, match="interrupted"):
        Containers(any_engine.address, tmp_path).execute(execution, show=None)
    assert not (tmp_path / "project/started").exists()
    assert left_in(any_engine.address, tmp_path) == []


def test_a_fault_while_the_step_runs_ends_it(any_engine: Engine, tmp_path: Path) -> None:
    def fault(_number: int, _frame: object) -> None:
        raise RuntimeError("as a notebook's own handler may")

    before = signal.signal(signal.SIGALRM, fault)
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    try:
        with pytest.raises(RuntimeError, match="own handler"):
            Containers(any_engine.address, tmp_path).execute(
                execution_in(tmp_path, DEAF), show=None
            )
    finally:
        signal.signal(signal.SIGALRM, before)
    assert left_in(any_engine.address, tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def _of_the_step(folder: Path, reprun: int) -> list[int]:
    return [pid for pid in processes_with(str(folder)) if pid != reprun]
