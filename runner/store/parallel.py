"""Does one thing to many files with all cores, and without threads where they would not pay."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_WORTH_THREADS = 8 << 20  # bytes: hashing them takes longer than starting the threads


def each(work: Callable[[T], None], items: Iterable[T], *, weight: Callable[[T], int]) -> None:
    """Call `work` on every item; its first error stops the rest and is raised.

    Args:
        work: releases the interpreter's lock while it hashes or copies.
        items: in no particular order.
        weight: an item's bytes; the heaviest are begun first.
    """
    waiting = sorted(items, key=weight)
    workers = min(_cores(), len(waiting))
    if workers < 2 or sum(map(weight, waiting)) < _WORTH_THREADS:  # noqa: PLR2004  one is none
        for item in waiting:
            work(item)
        return
    _threaded(work, waiting, workers)


def _threaded(work: Callable[[T], None], waiting: list[T], workers: int) -> None:
    import threading

    errors: list[BaseException] = []

    def consume() -> None:
        while not errors:
            try:
                item = waiting.pop()  # atomic; the heaviest stand last
            except IndexError:
                return
            try:
                work(item)
            except BaseException as error:  # noqa: BLE001  raised in the caller's thread
                errors.append(error)

    threads = [threading.Thread(target=consume) for _ in range(workers)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException as error:
        errors.append(error)  # Ctrl-C: nobody begins another one
        raise
    if errors:
        raise errors[0]


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
