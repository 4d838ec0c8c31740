"""Marks of records that the index may not know yet.

A writer marks its run before it writes the record. Only who brings the index up to date takes the
mark away, and only when the writer let go of it: a crash at any point leaves the mark.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runner import locking
from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.settings import Settings


@contextlib.contextmanager
def marked(run_id: str, settings: Settings) -> Iterator[None]:
    """Hold a mark on the run while its record is written; it stays behind afterwards.

    Raises:
        OSError: the mark can't be made.
    """
    folder = layout.pending_directory(settings)
    name = f"{run_id}.{os.getpid()}-{os.urandom(4).hex()}"
    new = folder / f".{name}"
    lock = locking.try_hold(new)
    try:
        # Renamed only once it is held, so that nobody takes it away in between.
        new.rename(folder / name)
        yield
    finally:
        if lock is not None:
            lock.release()


def marks(settings: Settings) -> list[str]:
    """The marks there are; what comes before the first dot is the run's id."""
    try:
        names = os.listdir(layout.pending_directory(settings))  # noqa: PTH208  names only
    except FileNotFoundError:
        return []
    return [name for name in names if not name.startswith(".")]


def let_go(names: list[str], settings: Settings) -> list[str]:
    """Those of the marks whose writers are done, or dead."""
    folder = layout.pending_directory(settings)
    free: list[str] = []
    for name in names:
        if (lock := locking.try_hold(folder / name)) is not None:
            lock.release()
            free.append(name)
    return free


def clear(names: list[str], settings: Settings) -> None:
    """Take the marks away; the index knows what they stood for."""
    folder = layout.pending_directory(settings)
    for name in names:
        (folder / name).unlink(missing_ok=True)
