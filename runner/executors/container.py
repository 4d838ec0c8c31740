"""The executor for a container: made, watched to its end and removed, by the engine's API."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runner.errors import TIMED_OUT, EngineLost, Interrupted, StepLost
from runner.executors import container_body, output
from runner.executors.base import Outcome, Resources
from runner.executors.container_body import NoInit
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

_BLOCK = 1 << 16
HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_LAST_WAIT = 30  # seconds, for the end of a container whose output has ended
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
                watch = _Watch(self._engine, container, execution, tees)
                watch.run(woken, init=vessel.init)
                state = watch.state()
        return _outcome(watch, state, relay.received, vessel, execution)


class _Watch:
    """A container from its start until its output has ended."""

    def __init__(
        self, engine: Engine, container: str, execution: Execution, tees: tuple[Tee, Tee]
    ) -> None:
        self._engine = engine
        self._container = container
        self._grace = execution.grace
        self._timeout = execution.timeout
        self._deadline: float | None = None
        self._asked_to_end = False
        self._buffer = bytearray()
        self.tees = tees
        self.cause: Cause = "exit"
        self.used: dict[str, Any] = {}

    def run(self, woken: int, *, init: bool) -> None:
        """Start it and pass on what it prints, until it ends."""
        streams = {"stdout": 1, "stderr": 1}
        with container_body.attached(self._engine, self._container, streams) as stream:
            try:
                container_body.start(self._engine, self._container, init=init)
                if self._timeout is not None:
                    self._deadline = time.monotonic() + self._timeout
                self._attend(stream.fileno(), woken)
            finally:
                for tee in self.tees:
                    tee.feed(b"")

    def _attend(self, stream: int, woken: int) -> None:
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            for handle, _ in poll.poll(self._patience()):
                if handle == woken:
                    for number in os.read(woken, 64):
                        self._end("interrupt", number)
                elif not self._pump(stream):
                    return
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._end("timeout", signal.SIGKILL if self._asked_to_end else signal.SIGTERM)

    def _patience(self) -> float | None:
        """Milliseconds until something is due."""
        if self._deadline is None:
            return None
        return min(max(0.0, self._deadline - time.monotonic()), 3600.0) * 1000

    def _pump(self, stream: int) -> bool:
        """Pass on what has come; False at the end. Frames are the engine's: type, length, bytes."""
        try:
            block = os.read(stream, _BLOCK)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._buffer += block
        while len(self._buffer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                break
            self.tees[kind == _STDERR].feed(bytes(self._buffer[HEADER.size : end]))
            del self._buffer[:end]
        return bool(block)

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
        from docker.errors import APIError

        with self._engine.asked("the step was ended"), contextlib.suppress(APIError):
            self._engine.api.kill(self._container, signal=number)

    def state(self) -> dict[str, Any]:
        """How it ended, as the engine has it.

        Raises:
            StepLost: the engine went away.
        """
        try:
            with self._engine.asked("the step ran"):
                self._engine.api.wait(self._container, timeout=_LAST_WAIT)
                state: dict[str, Any] = self._engine.api.inspect_container(self._container)["State"]
        except EngineLost as error:
            raise StepLost(
                f"how the step ended is not known: {error.message}",
                "what is left of its container is removed by the next command of reprun",
            ) from error
        return state


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
    watch: _Watch,
    state: dict[str, Any],
    received: int | None,
    vessel: Vessel,
    execution: Execution,
) -> Outcome:
    ended_by, exit_code, number = _end_of(watch.cause, state, received)
    started, ended = _moment(state["StartedAt"]), _moment(state["FinishedAt"])
    warnings = [*output.warnings(execution, watch.tees)]
    if state.get("OOMKilled"):
        warnings.append(_OUT_OF_MEMORY)
    wall = max(0.0, (ended - started).total_seconds())
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
        warnings=tuple(warnings),
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
