"""Whether the process that looks after a run is still there: host, boot, pid, its start time."""

from __future__ import annotations

import os

from runner.store.records import Process

_START_FIELD = 19  # `starttime`, field 22 of proc(5), counted behind the program's name


def current_process() -> Process:
    """This process, as a record has it."""
    pid = os.getpid()
    return Process(
        host=os.uname().nodename,
        pid=pid,
        started=_started(pid) or 0.0,
        boot=_boot_id(),
        namespace=_namespace(),
    )


def is_gone(process: Process) -> bool:
    """Whether `process` surely ended: never said of another host or PID namespace."""
    if process.host != os.uname().nodename:
        return False
    boot = _boot_id()
    if process.boot and boot and process.boot != boot:
        return True
    if process.namespace and process.namespace != _namespace():
        return False
    started = _started(process.pid)
    if started is not None:
        return abs(started - process.started) > 1.0 / os.sysconf("SC_CLK_TCK")
    return not _exists(process.pid)


def _started(pid: int) -> float | None:
    """Seconds from the machine's start to the process's; None where there is none to be seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  a hot path
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if fields[0] in {b"Z", b"X"}:
        return None
    return int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")


def _exists(pid: int) -> bool:
    if os.path.isdir("/proc/self"):  # noqa: PTH112  without /proc only a signal can tell
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123  hot
            return file.read().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  a hot path
    except OSError:
        return ""
