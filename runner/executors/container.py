"""The executor for a container: made, watched to its end and removed, by the engine's API."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runner.errors import TIMED_OUT, EngineLost, Interrupted, StepLost
from runner.executors import container_body, container_words, output, startable
from runner.executors.base import Outcome, Resources
from runner.executors.container_body import NoInit
from runner.executors.container_output import ContainerOutput
from runner.process.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Literal

    from runner.containers.engine import Engine
    from runner.containers.model import Vessel
    from runner.executors.base import Execution
    from runner.executors.output import Show
    from runner.process.tee import Tee

    Cause = Literal["exit", "signal", "timeout", "interrupt"]

_LONGEST_LOOK = 250  # milliseconds
_NEVER = "0001-"
_OUT_OF_MEMORY = "the step needed more than its memory limit: a process of it was killed"


class Contained:
    """Runs a step in a container of its own.

    Args:
        vessel: the container that is to be made.
        engine: makes it.
    """

    def __init__(self, vessel: Vessel, engine: Engine) -> None:
        self._vessel = vessel
        self._engine = engine

    def execute(self, execution: Execution, *, show: Show | None) -> Outcome:
        """Run a step to its end; `show` gets what it prints to stdout and stderr, as it comes.

        Raises:
            ExecutionError: the step could not be started, or (`StepLost`) its end is unknown.
            Interrupted: a signal came before the step was started.
        """
        startable.check(execution)
        container_words.refuse_too_long(execution)
        container_body.refuse_no_directory(self._vessel, execution)
        try:
            return self._execute(self._vessel, execution, show)
        except NoInit:
            # Its first process then is the step's shell, which hands no signals on.
            return self._execute(replace(self._vessel, init=False), execution, show)

    def _execute(self, vessel: Vessel, execution: Execution, show: Show | None) -> Outcome:
        with output.kept(execution) as logs, wakened() as (woken, wake), Relay(wake) as relay:
            tees = output.tees((None, None), logs, show, execution.secrets)
            with made(self._engine, vessel, execution) as container:
                if relay.received is not None:
                    raise Interrupted(relay.received)
                watch = _Watch(self._engine, container, execution, vessel=vessel)
                watch.run(woken, tees)
        warnings = tuple(output.warnings(execution, tees))
        return _outcome(watch, relay.received, vessel, warnings)


class _Watch:
    """A container from its start to its end."""

    def __init__(
        self, engine: Engine, container: str, execution: Execution, *, vessel: Vessel
    ) -> None:
        self._engine = engine
        self._container = container
        self._vessel = vessel
        self._grace = execution.grace
        self._timeout = execution.timeout
        self._deadline: float | None = None
        self._asked_to_end = False
        self.cause: Cause = "exit"
        self.used: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    def run(self, woken: int, tees: tuple[Tee, Tee]) -> None:
        """Start it and pass on what it prints, until it has ended.

        Raises:
            ExecutionError: it can't be started.
            StepLost: the engine went away.
        """
        stream = container_body.attach(self._engine, self._container, init=self._vessel.init)
        with ContainerOutput(stream, tees) as passed:
            try:
                container_body.start(self._engine, self._container, init=self._vessel.init)
                if self._timeout is not None:
                    self._deadline = time.monotonic() + self._timeout
                self._attend(passed.ended, woken)
            except EngineLost as error:
                raise StepLost(
                    f"how the step ended is not known: {error.message}",
                    "what is left of its container is removed by the next command of reprun",
                ) from error

    def _attend(self, ended: int, woken: int) -> None:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(woken, select.POLLIN)
        silent = 0
        while not (silent and self._is_over()):
            for handle, _ in poll.poll(self._patience(silent)):
                if handle == woken:
                    for number in os.read(woken, 64):
                        self._end("interrupt", number)
                else:
                    poll.unregister(ended)
                    silent = 1
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._end("timeout", signal.SIGKILL if self._asked_to_end else signal.SIGTERM)
            silent = min(2 * silent, _LONGEST_LOOK)

    def _patience(self, silent: int) -> float | None:
        """Milliseconds until something is due.

        Args:
            silent: milliseconds until another look at a container whose output has ended, which
                the step may have closed long before its own end.
        """
        limits = [float(silent)] if silent else []
        if self._deadline is not None:
            limits.append(min(max(0.0, self._deadline - time.monotonic()), 3600.0) * 1000)
        return min(limits, default=None)

    def _is_over(self) -> bool:
        with self._engine.asked("the step ran"):
            self.state = self._engine.api.inspect_container(self._container)["State"]
        return not self.state["Running"] and not self.state["FinishedAt"].startswith(_NEVER)

    def _end(self, cause: Cause, number: int) -> None:
        """Have the step ended by a signal, and for good when its time to tidy up is over."""
        if self.cause == "exit":
            self.cause = cause
        if number == signal.SIGKILL:
            self._deadline = None
            self.used = container_body.statistics(self._engine, self._container)
        elif not self._asked_to_end:
            self._asked_to_end = True
            self._deadline = time.monotonic() + self._grace
        container_body.signal(self._engine, self._container, number, vessel=self._vessel)


@contextlib.contextmanager
def wakened() -> Iterator[tuple[int, Callable[[int], None]]]:
    """A pipe that a signal's handler writes to, so that the loop hears of it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wake(number: int) -> None:
        with contextlib.suppress(OSError):
            os.write(writing, bytes([number]))

    try:
        yield reading, wake
    finally:
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def made(engine: Engine, vessel: Vessel, execution: Execution) -> Iterator[str]:
    """The container, made; removed at the end, unless the engine is gone."""
    try:
        yield container_body.make(engine, vessel, execution)
    finally:
        container_body.remove(engine, vessel.name)


def _outcome(
    watch: _Watch, received: int | None, vessel: Vessel, warnings: tuple[str, ...]
) -> Outcome:
    state = watch.state
    ended_by, exit_code, number = _end_of(watch.cause, state, received)
    started = _moment(state["StartedAt"])
    # The engine may take the end of a short step for earlier than its start.
    ended = max(started, _moment(state["FinishedAt"]))
    if state.get("OOMKilled") or container_body.ran_out_of_memory(vessel.folder):
        warnings = (*warnings, _OUT_OF_MEMORY)
    wall = (ended - started).total_seconds()
    user, system, peak = container_body.used(vessel.folder, watch.used)
    return Outcome(
        exit_code=exit_code,
        ended_by=ended_by,
        signal=number,
        started=started,
        ended=ended,
        resources=Resources(
            wall_s=wall, cpu_user_s=user, cpu_system_s=system, peak_memory_bytes=peak
        ),
        warnings=warnings,
    )


def _end_of(
    cause: Cause, state: dict[str, Any], received: int | None
) -> tuple[Cause, int, int | None]:
    """(ended_by, exit code, signal); a container only tells 128+N of what signal N ended."""
    code = int(state["ExitCode"])
    died_of = code - 128 if code - 128 in signal.valid_signals() else None
    if cause == "timeout":
        return "timeout", TIMED_OUT, died_of
    if received is not None:
        return "interrupt", 128 + received, received
    if died_of is not None:
        return "signal", code, died_of
    return "exit", code, None


def _moment(text: str) -> datetime:
    """An RFC 3339 time with nanoseconds."""
    from datetime import UTC, datetime

    plain, _, fraction = text.rstrip("Z").partition(".")
    fraction = fraction.partition("+")[0]
    return datetime.fromisoformat(f"{plain}.{fraction[:6]:0<6}").replace(tzinfo=UTC)
