"""The exit status is the step's own; reprun's own ones say whose fault it was."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
pytestmark = pytest.mark.usefixtures("sample")
DEATHS = """\
entry_points:
  death: {parameters: {signal: int}, command: "kill -{signal} $$"}
"""


@pytest.mark.parametrize("status", [0, 1, 2, 3, 77, 124, 125, 255])
def test_the_steps_own_status_comes_through(reprun: Program, status: int) -> None:
    said = reprun("run", ".", *LOCAL, "-e", "exit", "-P", f"status={status}")
    assert (said.code, said.out, said.err) == (status, "", "")
    record = reprun.records()[0]
    assert record["exit_code"] == status
    assert record["status"] == ("failed" if status else "finished")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_step_that_dies_of_a_signal(reprun: Program, number: signal.Signals) -> None:
    samples.lay(reprun.directory, DEATHS)
    said = reprun("run", ".", *LOCAL, "-P", f"signal={int(number)}")
    assert said.code == 128 + number
    memory = ", as a machine that runs out of memory does" * (number == signal.SIGKILL)
    assert said.err == f"error: the step was ended by {number.name}{memory}\n"
    assert reprun.records()[0]["status"] == "killed"


def test_what_is_wrong_with_a_request_costs_2_and_leaves_no_trace(reprun: Program) -> None:
    assert reprun("run", ".", "-P", "count=x").code == 2
    assert reprun.records() == []
    assert reprun.leftovers() == []


def test_what_can_not_be_started_costs_125(reprun: Program) -> None:
    assert reprun("run", "nowhere").code == 125
    assert reprun("run", ".", "--env-manager", "docker").code == 125
    assert reprun.records() == []


def test_no_shell_to_start_a_step_with(reprun: Program) -> None:
    said = reprun("run", ".", PATH="/nonexistent")
    assert said.code == 125
    assert "bash" in said.err
    assert [each["status"] for each in reprun.records()] == ["failed"]
    assert reprun.leftovers() == []


def test_a_step_whose_interpreter_is_missing_exits_as_the_shell_says(reprun: Program) -> None:
    samples.lay(reprun.directory, 'entry_points: {main: {command: "no-such-program"}}\n')
    said = reprun("run", ".", *LOCAL)
    assert said.code == 127
    assert "no-such-program" in said.err


@pytest.mark.parametrize("flags", [(), ("-q",)])
def test_a_declared_output_that_is_missing_fails_the_run(
    reprun: Program, flags: tuple[str, ...]
) -> None:
    (reprun.directory / "main.py").write_text("print('done nothing')")
    said = reprun("run", ".", *LOCAL, *flags)
    assert (said.code, said.out) == (1, "done nothing\n")
    assert "error: the step made nothing that matches `out.txt`, declared under `outputs`" in (
        said.err.splitlines()
    )
    assert reprun.records()[0]["status"] == "failed"
    assert reprun.records()[0]["exit_code"] == 0
