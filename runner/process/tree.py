"""The processes below this one, and how they are told to end; read from /proc."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in `supervisor.py`
if TYPE_CHECKING:
    import signal
else:
    try:
        # `signal` only adds enums to this module, and those take 4 ms to import.
        import _signal as signal
    except ImportError:
        import signal


def descendants() -> list[tuple[int, bytes]]:
    """(process id, name) of every living process below this one, parents before children."""
    below: dict[int, list[tuple[int, bytes]]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  nor pathlib
        if entry.isdigit() and (found := read_stat(entry)):
            below.setdefault(found[0], []).append((int(entry), found[1]))
    found_below = list(below.get(os.getpid(), ()))
    for pid, _ in found_below:
        found_below.extend(below.get(pid, ()))
    return found_below


def read_stat(entry: str) -> tuple[int, bytes] | None:
    """(parent, name) of a process, None where it has ended meanwhile."""
    try:
        handle = os.open(f"/proc/{entry}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        head, _, tail = os.read(handle, 1024).rpartition(b")")
    except OSError:
        return None
    finally:
        os.close(handle)
    fields = tail.split(None, 2)
    if len(fields) < 2 or fields[0] in (b"X", b"Z"):  # noqa: PLR2004  state, parent
        return None
    return int(fields[1]), head.partition(b"(")[2]


def tell(processes: list[tuple[int, bytes]], number: int) -> None:
    """Send a signal, and let those that are stopped hear it."""
    for pid, _ in processes:
        send(pid, number)
        send(pid, signal.SIGCONT)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone or somebody else's (`sudo`)."""
    try:  # noqa: SIM105  contextlib takes a millisecond to import
        os.kill(pid, number)
    except OSError:
        pass


def end_session(session: int) -> None:
    """Kill what is left in a session: all that can be found once its supervisor is gone."""
    for entry in os.listdir("/proc"):  # noqa: PTH208  nor pathlib
        try:
            if entry.isdigit() and os.getsid(int(entry)) == session:
                os.kill(int(entry), signal.SIGKILL)
        except OSError:
            continue
