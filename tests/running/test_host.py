"""What is recorded of this machine agrees with what other programs say of it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from runner.running import host


def test_the_kernel_and_libc_are_those_of_this_machine() -> None:
    seen = host.observe()
    assert (seen.hostname, seen.system) == (platform.node(), platform.system())
    assert (seen.kernel, seen.machine) == (platform.release(), platform.machine())
    assert seen.libc == " ".join(platform.libc_ver())


def test_the_processor_is_that_of_proc() -> None:
    seen = host.observe()
    text = Path("/proc/cpuinfo").read_text()
    assert seen.cpu_model
    assert seen.cpu_model in text
    assert list(seen.cpu_features) == sorted(seen.cpu_features)
    assert all(feature in text for feature in seen.cpu_features)


def test_memory_is_what_the_kernel_says() -> None:
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    assert host.observe().memory_bytes == pytest.approx(kib * 1024, rel=0.01)


def test_cores_are_those_we_may_use() -> None:
    all_cores = os.sched_getaffinity(0)
    assert 1 <= host.observe().cores <= len(all_cores)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        assert host.observe().cores == 1
    finally:
        os.sched_setaffinity(0, all_cores)


def test_gpus_are_those_of_the_driver() -> None:
    if shutil.which("nvidia-smi") is None:
        assert host.observe().gpus == ()
        return
    argv = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    lines = subprocess.check_output(argv, text=True).splitlines()
    assert sorted(host.observe().gpus) == sorted(tuple(line.split(", ")) for line in lines)


def test_it_takes_less_than_3_ms() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        host.observe()
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(20)) < 0.003
