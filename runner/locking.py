"""File locks that say whom they wait for; the kernel gives them back when a process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class HeldLock:
    """An exclusive lock on a file, held until `release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    def release(self) -> None:
        """Give it back; a second call does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def try_hold(path: Path) -> HeldLock | None:
    """Take the lock at `path` if nobody has it.

    Raises:
        OSError: the lock file can't be made.
    """
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    _sign(handle)
    return HeldLock(handle)


@contextlib.contextmanager
def hold(path: Path, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at `path`; `waiting` is told once who has it, if somebody does.

    Raises:
        OSError: the lock file can't be made.
    """
    lock = try_hold(path)
    if lock is None:
        waiting(f"waiting for {holder(path)}")
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except BaseException:
            os.close(handle)
            raise
        _sign(handle)
        lock = HeldLock(handle)
    try:
        yield
    finally:
        lock.release()


def holder(path: Path) -> str:
    """Who signed the lock last: `process 123 (reprun run …), since 12:00:01`."""
    try:
        return path.read_text(errors="replace").strip() or "another process"
    except OSError:
        return "another process"


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _sign(handle: int) -> None:
    program = os.path.basename(sys.argv[0] or "python")  # noqa: PTH119  pure text
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    since = time.strftime("%H:%M:%S")
    text = f"process {os.getpid()} ({program} {verb}".rstrip() + f"), since {since}\n"
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)
