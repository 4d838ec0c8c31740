"""What a warm run imports and starts: every slow library stays out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Served
    from tests.support.program import Program

SLOW = {
    "git", "gitdb", "virtualenv", "docker", "uv", "requests", "urllib3", "jsonschema", "sqlite3",
    "asyncio", "urllib.request", "http.client", "email", "logging", "concurrent.futures",
    "importlib.metadata", "tempfile", "multiprocessing", "zipfile", "tarfile", "rich",
}  # fmt: skip
LISTENER = """\
import atexit, json, os, sys

def tell():
    with open(os.environ["SEEN_MODULES"], "a") as file:
        file.write(json.dumps([sys.argv, sorted(sys.modules)]) + "\\n")

if "SEEN_MODULES" in os.environ and sys.argv[:1] == ["-m"]:
    atexit.register(tell)
"""


def _modules(reprun: Program, folder: Path, *arguments: str) -> set[str]:
    """The modules that a whole `reprun ARGUMENTS` has imported when it ends."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(LISTENER)
    seen = folder / "seen.jsonl"
    seen.unlink(missing_ok=True)
    path = f"{folder}:{reprun.variables['PYTHONPATH']}"
    # What measures coverage imports a good deal itself.
    said = reprun(*arguments, PYTHONPATH=path, SEEN_MODULES=str(seen), COVERAGE_PROCESS_CONFIG="")
    assert said.code == 0, said.err
    (line,) = seen.read_text().splitlines()
    return set(json.loads(line)[1])


def test_a_warm_run_of_a_git_url(reprun: Program, served: Served, tmp_path: Path) -> None:
    command = ("run", served.url, "-v", served.repository.head)
    for manager in ("local", "venv"):
        reprun.record(*command[1:], "--env-manager", manager)
        connections = served.daemon.connections
        modules = _modules(reprun, tmp_path / "listener", *command, "--env-manager", manager)
        assert "runner.pipeline" in modules
        assert modules & SLOW == set()
        assert served.daemon.connections == connections


def test_small_commands(reprun: Program, sample: Path, tmp_path: Path) -> None:
    listener = tmp_path / "listener"
    assert _modules(reprun, listener, "--version") & {*SLOW, "yaml", "subprocess"} == set()
    assert _modules(reprun, listener, "--help") & {*SLOW, "yaml", "subprocess"} == set()
    assert _modules(reprun, listener, "check", str(sample)) & SLOW == set()
