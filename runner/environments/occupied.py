"""Keeps an environment from being built anew under a step that runs in it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from runner import locking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def occupy(at: Path | None) -> Iterator[int | None]:
    """Use the environment at `at`, with any number of others; None for a kind that has no folder.

    Yields:
        the open lock file: who inherits it uses the environment too.
    """
    if at is None:
        yield None
        return
    lock = locking.share(_lock_of(at))
    try:
        yield lock.fileno()
    finally:
        lock.release()


@contextlib.contextmanager
def vacate(at: Path, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Have the place of an environment to oneself; waits for the steps that run in it."""
    with locking.hold(_lock_of(at), waiting=waiting):
        yield


def _lock_of(at: Path) -> Path:
    return at.with_name(f".{at.name}.used")
