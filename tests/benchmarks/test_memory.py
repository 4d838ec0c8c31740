"""The memory of reprun is told from the memory of its step."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.measure import MEBIBYTE
from tests.benchmarks.memory import own_processes

STEP = "import time; held = bytearray(200 << 20); print(1, flush=True); time.sleep(60)"
RUNNER = """
import subprocess, sys
held = bytearray(100 << 20)
step = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
sys.stdin.read()
step.kill()
step.wait()
"""


def test_the_step_is_left_out_and_the_runner_is_not() -> None:
    command = [sys.executable, "-c", RUNNER, STEP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == b"1\n"
        everything = own_processes(runner.pid, step="no such command")
        own = own_processes(runner.pid, step=f"-c\0{STEP}")
    assert len(everything) == 2
    assert [100 <= each.resident / MEBIBYTE < 150 for each in own] == [True]
    assert 100 <= own[0].proportional / MEBIBYTE < 150
