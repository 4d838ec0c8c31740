"""Finds real processes by a marker in their environment, and waits for things to come true."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def processes_with(marker: str) -> list[int]:
    """The ids of living processes in whose environment `marker` occurs."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marker.encode() in environment and state not in {"X", "Z"}:
            found.append(int(folder.name))
    return found


def children_of(parent: int) -> list[int]:
    """The ids of a process's living children."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] not in {"X", "Z"}:
                found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Return once `condition` is true.

    Raises:
        AssertionError: it isn't within `seconds`.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def resident_bytes(pid: int) -> int:
    """The memory a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
