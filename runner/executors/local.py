"""The executor for this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.errors import TIMED_OUT, ExecutionError, Interrupted
from runner.executors import output, startable
from runner.executors.base import Outcome, Resources
from runner.executors.shell import find_program
from runner.process.order import Order
from runner.process.relay import Relay
from runner.process.spawn import Supervised

if TYPE_CHECKING:
    from typing import Literal

    from runner.executors.base import Execution
    from runner.executors.output import Show
    from runner.process.spawn import Report
    from runner.process.tee import Tee

MOST_NAMES = 5


class Local:
    """Runs steps on this machine, each under a supervisor; one at a time (a thread has its own)."""

    def __init__(self) -> None:
        self._ready: Supervised | None = None

    def prepare(self, handles: tuple[int, ...] = ()) -> None:
        """Start the next step's supervisor now, so that its 10 ms pass while others work.

        Args:
            handles: as `Execution.handles`, which then has to name the same.
        """
        self.close()
        self._ready = Supervised(handles)

    def close(self) -> None:
        """Let a supervisor go that was prepared and not used."""
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def execute(self, execution: Execution, *, show: Show | None) -> Outcome:
        """Run a step to its end; `show` gets what it prints to stdout and stderr, as it comes.

        SIGINT, SIGTERM and SIGHUP are handed on to the step meanwhile, if this is the main thread.

        Raises:
            ExecutionError: the step could not be started, or (`StepLost`) its end is unknown.
            Interrupted: a signal came before the step was started.
        """
        order = _order(execution)
        with output.kept(execution) as logs:
            supervised, self._ready = self._ready or Supervised(execution.handles), None
            with supervised, Relay(supervised.signal) as relay:
                pipes = (supervised.stdout, supervised.stderr)
                tees = output.tees(pipes, logs, show, execution.secrets)
                if relay.received is not None:
                    raise Interrupted(relay.received)
                report = supervised.run(order, *tees)
        return _outcome(report, relay.received, _warnings(report, execution, tees))


def _order(execution: Execution) -> Order:
    """What the supervisor is told; checked, so that nothing is begun that can't be done."""
    if not execution.directory.is_dir():
        raise ExecutionError(f"no directory {execution.directory} to run the step in")
    program = find_program(execution.argv[0], execution.variables, execution.directory)
    startable.check(execution)
    return Order(
        program=os.fsencode(program),
        argv=[os.fsencode(text) for text in execution.argv],
        variables={os.fsencode(k): os.fsencode(v) for k, v in execution.variables.items()},
        directory=os.fsencode(execution.directory),
        timeout=execution.timeout,
        grace=execution.grace,
    )


def _outcome(report: Report, received: int | None, warnings: tuple[str, ...]) -> Outcome:
    from datetime import UTC, datetime, timedelta

    ended_by, exit_code, signal = _end(report, received)
    started = datetime.fromtimestamp(report.started, UTC)
    return Outcome(
        exit_code=exit_code,
        ended_by=ended_by,
        signal=signal,
        started=started,
        ended=started + timedelta(seconds=report.wall),
        resources=Resources(
            wall_s=report.wall,
            cpu_user_s=report.user,
            cpu_system_s=report.system,
            peak_memory_bytes=report.peak_kib * 1024,
        ),
        warnings=warnings,
    )


def _end(
    report: Report, received: int | None
) -> tuple[Literal["exit", "signal", "timeout", "interrupt"], int, int | None]:
    """(ended_by, exit code, signal) of a step."""
    died_of = os.WTERMSIG(report.status) if os.WIFSIGNALED(report.status) else None
    if report.cause == "timeout":
        return "timeout", TIMED_OUT, died_of
    # Also where the step was over by then: a signal to reprun must not go unheard.
    if number := received or (report.number if report.cause == "interrupt" else 0):
        return "interrupt", 128 + number, number
    if died_of is not None:
        return "signal", 128 + died_of, died_of
    return "exit", os.WEXITSTATUS(report.status), None


def _warnings(report: Report, execution: Execution, tees: tuple[Tee, Tee]) -> tuple[str, ...]:
    warnings = []
    if report.left:
        names = ", ".join(f"`{name}`" for name in report.left[:MOST_NAMES])
        more = ", …" if len(report.left) > MOST_NAMES else ""
        ended = "process that was" if len(report.left) == 1 else "processes that were"
        warnings.append(f"the step left {len(report.left)} {ended} ended: {names}{more}")
    if report.survivors:
        warnings.append(f"{report.survivors} of the step's processes can't be killed")
    return (*warnings, *output.warnings(execution, tees))
