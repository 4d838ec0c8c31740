"""A whole process that runs one step as reprun does, for tests that signal or kill reprun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.steps import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def argv_of(folder: Path, command: str, *, timeout: float | None, grace: float) -> list[str]:
    """The program that runs `command` in `folder`."""
    limit = "-" if timeout is None else str(timeout)
    module = [sys.executable, "-m", "tests.support.steps"]
    return [*module, str(folder), command, limit, str(grace)]


def start(
    folder: Path,
    command: str,
    *,
    timeout: float | None = None,
    grace: float = 10.0,
    stdout: int = subprocess.DEVNULL,
    stdin: int = subprocess.DEVNULL,
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start it; every process of the step has `folder` in its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        argv_of(folder, command, timeout=timeout, grace=grace),
        cwd=ROOT,
        env={**os.environ, MARKER: str(folder)},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        bufsize=0,
        preexec_fn=before,  # noqa: PLW1509  these tests have no threads
    )


def outcome_of(folder: Path) -> tuple[int, str, int | None, list[str]]:
    """What it returned: exit code, ended_by, signal, warnings."""
    outcome: Any = json.loads((folder / "outcome.json").read_text())
    return tuple(outcome)
