"""Has the SDK imported early, beside what waits for processes and disks: it takes longest."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.settings import Settings

_preparing: list[bool] = []


def expect(project: str, settings: Settings) -> None:
    """Prepare early where the project ran in a container before; only a look at a file else.

    Args:
        project: its address, whole.
    """
    if os.path.exists(_memory_of(project, settings)):  # noqa: PTH110  on every run
        prepare()


def remember(project: str, settings: Settings) -> None:
    """Note for `expect` that the project runs in a container."""
    place = _memory_of(project, settings)
    with contextlib.suppress(OSError):
        if not os.path.exists(place):  # noqa: PTH110  hot
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o644))


def prepare() -> None:
    """Import the SDK while others wait for processes and disks; it takes longer than most do."""
    import threading

    if _preparing:
        return
    _preparing.append(True)
    # No daemon: an interpreter that ends amid another thread's imports dies of SIGSEGV at times.
    threading.Thread(target=_import, name="reprun-docker-import").start()


def _memory_of(project: str, settings: Settings) -> str:
    name = hashlib.sha256(project.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return f"{settings.containers}/projects/{name}"


def _import() -> None:
    import gc

    # What is imported stays: collecting amid it takes a tenth of the time, and finds nothing.
    gc.disable()
    try:
        import docker  # noqa: F401
    finally:
        gc.enable()
