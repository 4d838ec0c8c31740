"""The SDK is imported early where it will be wanted, and never amid the interpreter's end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.containers import early

if TYPE_CHECKING:
    from runner.settings import Settings

# What is refused at once ends reprun as early as this.
ENDING = """\
import atexit, json, sys, threading
from runner.containers import early
from runner.settings import read_settings

def tell():
    names = [thread.name for thread in threading.enumerate()]
    print(json.dumps([names, "docker" in sys.modules]))

atexit.register(tell)
early.expect(sys.argv[1], read_settings())
sys.exit(7)
"""


@pytest.mark.parametrize(("project", "imported"), [("/known", True), ("/other", False)])
def test_the_end_waits_for_what_is_imported_for_a_project_that_had_a_container(
    project: str, settings: Settings, *, imported: bool
) -> None:
    """An interpreter that ends while another thread imports dies of SIGSEGV at times."""
    early.remember("/known", settings)
    done = subprocess.run(
        [sys.executable, "-c", ENDING, project],
        env={**os.environ, "REPRUN_HOME": str(settings.data), "REPRUN_CACHE": str(settings.cache)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, b"")
    assert json.loads(done.stdout) == [["MainThread"], imported]
