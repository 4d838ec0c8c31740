"""What machine this is, as far as it may change a result; read from the kernel, no process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runner.store.records import Host

NVIDIA = Path("/proc/driver/nvidia")
CGROUP = Path("/sys/fs/cgroup")
FIRST_PROCESSOR = 1 << 14  # bytes; the whole file takes milliseconds where there are many


def observe() -> Host:
    """This machine, now; what can't be known is left empty or 0."""
    system = os.uname()
    processor = _processor()
    return Host(
        hostname=system.nodename,
        system=system.sysname,
        kernel=system.release,
        libc=_libc(),
        machine=system.machine,
        cpu_model=_model(processor),
        cpu_features=tuple(
            sorted((processor.get("flags") or processor.get("Features") or "").split())
        ),
        cores=_cores(),
        memory_bytes=_memory(),
        gpus=_gpus(),
    )


def _processor() -> dict[str, str]:
    """The first block of /proc/cpuinfo."""
    try:
        with Path("/proc/cpuinfo").open("rb", buffering=0) as file:
            text = file.read(FIRST_PROCESSOR).decode(errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _model(processor: dict[str, str]) -> str:
    if name := processor.get("model name") or processor.get("cpu model") or processor.get("cpu"):
        return name
    # Arm names no model: implementer and part are what tells one from another.
    parts = (processor.get("CPU implementer"), processor.get("CPU part"))
    return " ".join(part for part in parts if part)


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        found = sorted(path.name for path in Path("/lib").glob("ld-musl-*"))
        return "musl" if found else ""


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def _cores() -> int:
    """How many cores a step can use: affinity, and the control group's share rounded up."""
    try:
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        cores = os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, quota))


def _quota() -> int | None:
    """The tightest `cpu.max` from our control group up to the root, in whole cores."""
    try:
        line = Path("/proc/self/cgroup").read_text().rpartition("0::")[2]
    except OSError:
        return None
    group, quotas = CGROUP / line.strip().lstrip("/"), []
    for folder in (group, *group.parents):
        with contextlib.suppress(OSError, ValueError):
            share, period = (folder / "cpu.max").read_text().split()
            if share != "max":
                quotas.append(-(-int(share) // int(period)))
        if folder == CGROUP:
            break
    return min(quotas, default=None)


def _gpus() -> tuple[tuple[str, str], ...]:
    """(name, driver's version) of every NVIDIA GPU."""
    if not NVIDIA.is_dir():
        return ()
    driver = _driver()
    gpus = []
    for information in sorted((NVIDIA / "gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            lines = information.read_text(errors="replace").splitlines()
            model = next((line for line in lines if line.startswith("Model:")), "")
            gpus.append((model.partition(":")[2].strip(), driver))
    return tuple(gpus)


def _driver() -> str:
    """`535.104` from `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104  Sat …`."""
    with contextlib.suppress(OSError):
        first = (NVIDIA / "version").read_text(errors="replace").partition("\n")[0]
        for word in first.split():
            if word[0].isdigit() and "." in word:
                return word
    return ""
