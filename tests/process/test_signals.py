"""What reprun is told by a signal, the step is told; who started reprun gets 128+N."""

from __future__ import annotations

import os
import pty
import signal
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import Interrupted
from runner.executors.local import Local
from runner.process.relay import Relay
from tests.support import stand_in
from tests.support.processes import processes_with, wait_until
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT = "touch ready; while :; do sleep 0.05; done"
DEAF = "trap '' TERM INT HUP; " + WAIT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_step_hears_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    reprun = stand_in.start(tmp_path, f"trap 'echo got {name}; exit 0' {name}; {WAIT}")
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(number)
    assert reprun.wait(20) == 128 + number
    assert stand_in.outcome_of(tmp_path) == (128 + number, "interrupt", number, [])
    assert (tmp_path / "stdout.log").read_text() == f"got {name}\n"
    assert processes_with(str(tmp_path)) == []


def test_a_deaf_step_is_killed_after_the_grace(tmp_path: Path) -> None:
    reprun = stand_in.start(tmp_path, DEAF, grace=0.5)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGTERM)
    assert reprun.wait(20) == 143
    assert processes_with(str(tmp_path)) == []


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    reprun = stand_in.start(tmp_path, DEAF, grace=60)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert reprun.poll() is None
    reprun.send_signal(signal.SIGINT)
    assert reprun.wait(20) == 130
    assert processes_with(str(tmp_path)) == []


def test_the_same_signal_twice_at_once_is_one(tmp_path: Path) -> None:
    command = f"trap 'sleep 0.5; echo tidied; exit' INT; {WAIT}"
    reprun = stand_in.start(tmp_path, command)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGINT)
    time.sleep(0.01)
    reprun.send_signal(signal.SIGINT)
    assert reprun.wait(20) == 130
    assert (tmp_path / "stdout.log").read_text() == "tidied\n"


def test_jobs_in_the_background_which_ignore_ctrl_c_dont_use_up_the_grace(tmp_path: Path) -> None:
    # A builtin makes the file: bash goes on after a signal that came while a program ran, if that
    # program did not die of it.
    reprun = stand_in.start(tmp_path, "sleep 600 & : >ready; wait", grace=60)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGINT)
    assert reprun.wait(20) == 130
    assert processes_with(str(tmp_path)) == []


def test_nohup_is_honoured(tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    command = "touch ready; until test -e go; do sleep 0.05; done; exit 6"
    reprun = stand_in.start(tmp_path, command, before=ignore)
    wait_until((tmp_path / "project/ready").exists)
    reprun.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    (tmp_path / "project/go").touch()
    assert reprun.wait(20) == 6


def test_ctrl_c_on_a_terminal_reaches_the_step_once(tmp_path: Path) -> None:
    command = f"trap 'echo interrupted; exit 1' INT; {WAIT}"
    pid, terminal = _on_a_terminal(stand_in.argv_of(tmp_path, command, timeout=None, grace=10))
    try:
        wait_until((tmp_path / "project/ready").exists)
        os.write(terminal, b"\x03")
        seen = _read_all(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    finally:
        os.close(terminal)
    assert seen.count(b"interrupted") == 1
    assert stand_in.outcome_of(tmp_path)[:3] == (130, "interrupt", 2)
    assert processes_with(str(tmp_path)) == []


def test_a_closed_terminal_ends_the_step(tmp_path: Path) -> None:
    command = "while :; do echo still here; sleep 0.05; done"
    pid, terminal = _on_a_terminal(stand_in.argv_of(tmp_path, command, timeout=None, grace=1))
    assert b"still here" in os.read(terminal, 100)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129
    assert processes_with(str(tmp_path)) == []


def test_handlers_are_put_back(tmp_path: Path) -> None:
    def mine(_number: int, _frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:
        Local().execute(execution_in(tmp_path, "true"), show=None)
        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_before_the_step_starts_none() -> None:
    sent: list[int] = []
    with Relay(sent.append) as relay:
        signal.raise_signal(signal.SIGTERM)
    assert relay.received == signal.SIGTERM
    assert sent == [signal.SIGTERM]


class SignallingSecrets(tuple[str, ...]):
    """Secrets that are read in the middle of making ready, and a signal that comes then."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        signal.raise_signal(signal.SIGTERM)
        return super().__iter__()


def test_a_signal_while_the_step_is_made_ready(tmp_path: Path) -> None:
    secrets = SignallingSecrets(("secret",))
    with pytest.raises(Interrupted, match="interrupted") as caught:
        Local().execute(execution_in(tmp_path, "touch started", secrets=secrets), show=None)
    assert caught.value.signal == signal.SIGTERM
    assert not (tmp_path / "project/started").exists()
    assert processes_with(str(tmp_path)) == []


def _on_a_terminal(argv: list[str]) -> tuple[int, int]:
    """(process id, our side of the terminal) of a program started on one of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(stand_in.ROOT)
            os.execv(argv[0], argv)  # noqa: S606
        finally:
            os._exit(99)
    return pid, terminal


def _read_all(terminal: int) -> bytes:
    seen = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # the other side has closed
            return seen
        if not block:
            return seen
        seen += block
