"""Parts of conda-lock are had without the whole, and the whole can be had all the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from runner.conda import runtime

PARTS = """
import sys, warnings
from runner.conda import library
models = library.part("conda_lock.lockfile.v1.models")
common = library.part("conda_lock.src_parser.conda_common")
assert "conda_lock" not in sys.modules, "nobody finds an empty one"
assert "conda_lock.conda_lock" not in sys.modules, "its command line was not imported"
assert library.part("conda_lock.lockfile.v1.models") is models
warnings.simplefilter("ignore")  # conda-lock's own
import conda_lock, conda_lock.lockfile, conda_lock.src_parser
assert conda_lock.__file__ and callable(conda_lock.main)
assert conda_lock.lockfile.parse_conda_lock_file
from conda_lock.lockfile.v1.models import Lockfile
assert Lockfile is models.Lockfile, "no class is there twice"
print("well")
"""
WHOLE_FIRST = """
import sys, warnings
warnings.simplefilter("ignore")  # conda-lock's own
import conda_lock
from runner.conda import library
library.part("conda_lock.src_parser.conda_common")
assert sys.modules["conda_lock"] is conda_lock
print("well")
"""
ENDS = """
import time
from runner.conda import runtime
async def answer(): return 42
assert runtime.run(answer()) == 42
print(time.monotonic(), flush=True)
"""


def said_by(code: str) -> str:
    """What another process prints; warnings are errors there."""
    argv = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_part_leaves_the_whole_to_be_imported() -> None:
    assert said_by(PARTS).endswith("well")


def test_a_part_of_what_is_imported_already() -> None:
    assert said_by(WHOLE_FIRST).endswith("well")


def test_what_a_coroutine_returns_or_raises() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def fail() -> None:
        raise KeyError("it")

    assert runtime.run(answer()) == 42
    with pytest.raises(KeyError, match="it"):
        runtime.run(fail())


def test_a_process_ends_a_moment_after_its_last_answer() -> None:
    answered = float(said_by(ENDS))
    assert time.monotonic() - answered >= 0.03
