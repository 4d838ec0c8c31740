"""What a step prints, kept in its logs and shown as it comes, whatever runs the step."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, BinaryIO

from runner.errors import ExecutionError
from runner.process.tee import Tee

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.executors.base import Execution

Show = tuple[BinaryIO, BinaryIO]
_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


@contextlib.contextmanager
def kept(execution: Execution) -> Iterator[tuple[int, int]]:
    """The logs of stdout and stderr, open.

    Raises:
        ExecutionError: they can't be written.
    """
    with _log(execution.stdout) as stdout, _log(execution.stderr) as stderr:
        yield stdout, stderr


def tees(
    pipes: tuple[int | None, int | None],
    logs: tuple[int, int],
    show: Show | None,
    secrets: tuple[str, ...],
) -> tuple[Tee, Tee]:
    """One for stdout and one for stderr; without pipes they are fed."""
    out, err = show or (None, None)
    if not secrets:
        return Tee(pipes[0], logs[0], out), Tee(pipes[1], logs[1], err)
    from runner.process.redaction import Redaction

    return (
        Tee(pipes[0], logs[0], out, Redaction(secrets)),
        Tee(pipes[1], logs[1], err, Redaction(secrets)),
    )


def warnings(execution: Execution, tees: tuple[Tee, Tee]) -> Iterator[str]:
    """What of the output is not kept, or was not seen."""
    for tee, path in zip(tees, (execution.stdout, execution.stderr), strict=True):
        if tee.fault is not None:
            yield f"{path} is cut off: {tee.fault.strerror}"
        if tee.unseen is not None:
            what = f"not all that the step printed could be shown: {tee.unseen.strerror}"
            yield f"{what}; it is in {path}"


@contextlib.contextmanager
def _log(path: Path) -> Iterator[int]:
    try:
        handle = os.open(path, _LOG_FLAGS, 0o644)
    except OSError as error:
        raise ExecutionError(f"can't keep the step's output in {path}: {error.strerror}") from error
    try:
        yield handle
    finally:
        os.close(handle)
