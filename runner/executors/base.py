"""The values of the execution stage, and the protocol that every executor satisfies."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


class Execution(Struct, frozen=True):
    """A step made ready: what is started, where, and with which variables.

    Attributes:
        argv: the program and its arguments.
        variables: the step's whole environment.
        directory: working directory.
        timeout: seconds of wall time, None for no limit.
        grace: seconds between SIGTERM and SIGKILL.
        stdout, stderr: files that keep the step's output as it came.
        secrets: texts replaced by `***` in what is kept and shown.
        handles: files kept open until all of the step has ended, even if reprun is killed: the
            locks (`HeldLock.fileno()`) on what the step works in.
    """

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    directory: Path
    stdout: Path
    stderr: Path
    timeout: float | None = None
    grace: float = 10.0
    secrets: tuple[str, ...] = ()
    handles: tuple[int, ...] = ()


class Resources(Struct, frozen=True):
    """What a step used, all its processes together.

    Attributes:
        wall_s: seconds from start to end.
        cpu_user_s, cpu_system_s: CPU seconds of every process of the step that was waited for.
        peak_memory_bytes: largest resident set of any single process.
    """

    wall_s: float
    cpu_user_s: float
    cpu_system_s: float
    peak_memory_bytes: int


class Outcome(Struct, frozen=True):
    """How a step ended.

    Attributes:
        exit_code: the command's exit status; 128+N when signal N ended it; 124 on time-out.
        ended_by: `exit`, `signal` (the step died of one), `timeout`, or `interrupt` (a person or
            a scheduler ended reprun, which ended the step).
        signal: the signal's number, None where none was.
        warnings: what a person should know: processes left behind, a log that is cut off.
    """

    exit_code: int
    ended_by: Literal["exit", "signal", "timeout", "interrupt"]
    started: datetime
    ended: datetime
    resources: Resources
    signal: int | None = None
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Runs one step to its end."""

    def execute(self, execution: Execution, *, show: tuple[BinaryIO, BinaryIO] | None) -> Outcome:
        """Run it; `show` gets what the step prints to stdout and stderr, as it comes.

        Raises:
            ExecutionError: the step could not be started, or (`StepLost`) its end is unknown.
            Interrupted: a signal came before the step was started.
        """
