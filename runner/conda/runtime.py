"""Runs py-rattler's coroutines, and lets its threads let go of Python before that ends."""

from __future__ import annotations

import asyncio
import atexit
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
# Its threads drop Python's objects a moment after they have answered. Whoever ends within that
# moment ends by SIGSEGV (pyo3-async-runtimes #40); that happened in 1 of 20 processes.
_SECONDS_TO_SETTLE: Final = 0.03
_answered = 0.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; what it raises is raised."""
    global _answered  # noqa: PLW0603  it belongs to the process, whose end waits for it
    if not _answered:
        atexit.register(_settle)
    try:
        return asyncio.run(work)
    finally:
        _answered = time.monotonic()


def _settle() -> None:
    left = _answered + _SECONDS_TO_SETTLE - time.monotonic()
    if left > 0:
        time.sleep(left)
