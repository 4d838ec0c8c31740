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


_OPEN: set[int] = set()


def handles() -> tuple[int, ...]:
    """The open lock files of this process.

    A program that changes what they guard is given them, so that it goes on holding the locks when
    this process is killed and it is not.
    """
    return tuple(_OPEN)


class HeldLock:
    """A lock on a file, held until `release`, or the end of all who have it open."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle
        _OPEN.add(handle)

    def fileno(self) -> int:
        """The open lock file; a process that inherits it holds the lock too.

        Raises:
            ValueError: it was released.
        """
        if self._handle is None:
            raise ValueError("the lock was released")
        return self._handle

    def release(self) -> None:
        """Give it back; a second call does nothing."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, 0)
            _OPEN.discard(self._handle)
            os.close(self._handle)
            self._handle = None


def try_hold(path: Path) -> HeldLock | None:
    """Take the lock at `path` if nobody has it.

    Raises:
        OSError: the lock file can't be made.
    """
    return _take(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def share(path: Path) -> HeldLock:
    """Hold the lock at `path` together with others who share it; waits for one who holds it alone.

    Raises:
        OSError: the lock file can't be made.
    """
    lock = _take(path, fcntl.LOCK_SH)
    assert lock is not None
    return lock


@contextlib.contextmanager
def hold(path: Path, *, waiting: Callable[[str], None]) -> Iterator[HeldLock]:
    """Hold the lock at `path`; `waiting` is told once who has it, if somebody does.

    Raises:
        OSError: the lock file can't be made.
    """
    lock = try_hold(path)
    if lock is None:
        waiting(f"waiting for {holder(path)}")
        lock = _take(path, fcntl.LOCK_EX)
        assert lock is not None
    try:
        yield lock
    finally:
        lock.release()


def holder(path: Path) -> str:
    """Who signed the lock last: `process 123 (reprun run …), since 12:00:01`."""
    try:
        return path.read_text(errors="replace").strip() or "another process"
    except OSError:
        return "another process"


def _take(path: Path, operation: int) -> HeldLock | None:
    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, operation)
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        if _stands(handle, path):
            _sign(handle)
            return HeldLock(handle)
        # Somebody deleted the file while we waited (a cleared cache): another one counts now.
        os.close(handle)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _stands(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    program = os.path.basename(sys.argv[0] or "python")  # noqa: PTH119  pure text
    # Anything but a verb may be an address with a password in it.
    verb = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1].isalpha() else ""
    since = time.strftime("%H:%M:%S")
    text = f"process {os.getpid()} ({program} {verb}".rstrip() + f"), since {since}\n"
    # A full disk has no room for the signature, but the lock holds.
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
