"""Gives up on a server that says nothing any more: py-rattler itself would wait for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

T = TypeVar("T")
_LOOKS: Final = 10  # while silence lasts as long as it may
_BUSY: Final = 0.05  # of the time: who computes so much does not wait for a server


class Watch(NamedTuple):
    """How silence is noticed while channels are asked for their indexes.

    Attributes:
        folder: where py-rattler writes what it gets, while it gets it.
        seconds: that nothing may happen.
    """

    folder: Path
    seconds: float

    def signs(self) -> tuple[object, ...]:
        """Other values than before, where something has come or been computed."""
        computed = time.process_time() / (self.seconds * _BUSY)
        return extent(self.folder), int(computed)


async def within(work: Awaitable[T], signs: Callable[[], object], seconds: float) -> T:
    """What `work` returns, as long as `signs` change at least every so many `seconds`.

    Raises:
        TimeoutError: they did not; `work` is cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        seen, since = signs(), time.monotonic()
        while not (await asyncio.wait({task}, timeout=seconds / _LOOKS))[0]:
            if (now := signs()) != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since >= seconds:
                raise TimeoutError(f"timed out: silence for {seconds:g} seconds")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def extent(folder: Path) -> tuple[int, int]:
    """How many files and folders are below `folder`, and how many bytes the files have."""
    entries = size = 0
    for at, folders, names in os.walk(folder):
        entries += len(folders) + len(names)
        for name in names:
            with contextlib.suppress(OSError):  # it may be moved meanwhile
                size += os.lstat(os.path.join(at, name)).st_size  # noqa: PTH118  thousands
    return entries, size
