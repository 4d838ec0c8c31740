"""Runs py-rattler's coroutines, and waits until its threads have let go of Python."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
# Its threads drop Python's objects a moment after they have answered. Whoever ends within that
# moment ends by SIGSEGV (pyo3-async-runtimes #40); that happened in 1 of 20 processes.
_SECONDS_TO_SETTLE: Final = 0.02


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; what it raises is raised."""
    try:
        return asyncio.run(work)
    finally:
        time.sleep(_SECONDS_TO_SETTLE)
