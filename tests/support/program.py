"""The whole program as a person has it: a home of their own, a folder to stand in, processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.processes import processes_with, wait_until

ROOT = Path(__file__).parents[2]
# What this machine's user has set must not decide how a test ends.
_FOREIGN = (
    "UV_", "PIP_", "REPRUN_", "MLFLOW_", "XDG_", "GIT_", "VIRTUALENV_", "CONDA", "MAMBA",
    "RATTLER_",
)  # fmt: skip
_SINGLE = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV", "COLUMNS"}


class Said(NamedTuple):
    """How a process ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401  JSON
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass
class Program:
    """`reprun`, typed by a person who stands in `directory`.

    Attributes:
        home: the data home; the cache home is `home / "cache"`.
        variables: their whole environment; every process of a step inherits `REPRUN_HOME`.
    """

    home: Path
    directory: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **variables: str) -> Said:
        """`reprun ARGUMENTS`, to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.directory,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def record(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """The record of `reprun run ARGUMENTS --json`, which succeeds."""
        said = self("run", *arguments, "--json", **variables)
        assert said.code == 0, said.err
        document: dict[str, Any] = said.document
        return document

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """`reprun ARGUMENTS` in a process group of its own, as a shell starts it."""
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.directory,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def records(self) -> list[dict[str, Any]]:
        """The records as they stand on the disk, the oldest first."""
        folders = sorted((self.home / "runs").glob("[!.]*/record.json"))
        return [json.loads(path.read_text()) for path in folders]

    def leftovers(self) -> list[str]:
        """What no process may leave behind: checkouts, half-made things, processes."""
        found = [str(path) for path in self.home.glob("cache/work/*/*") if path.suffix != ".lock"]
        found += [str(path) for path in self.home.glob("cache/bytecode/runs/*")]
        found += [str(path) for path in self.home.glob("cache/mirrors/.*")]
        found += [f"run {each['id']}" for each in self.records() if each["status"] == "running"]
        return found + [f"process {pid}" for pid in processes_with(str(self.home))]


def person(folder: Path) -> Program:
    """Somebody new, with everything of theirs below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    directory = folder / "desk"
    directory.mkdir()
    (folder / "person").mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in _SINGLE
    }
    # `python` of a local step is the one that runs the tests.
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    own = {
        "PATH": path,
        "HOME": str(folder / "person"),
        "REPRUN_HOME": str(folder / "home"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_HTTP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
    }
    return Program(folder / "home", directory, {**kept, **own})


def end(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> Said:
    """Send a signal to the process's whole group, as a terminal does, and see how it ends."""
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out.decode(), err.decode())


def nothing_left(program: Program) -> None:
    """Wait until nothing is left of a run: the supervisor ends a moment after reprun.

    Raises:
        AssertionError: something is.
    """
    try:
        wait_until(lambda: not program.leftovers(), seconds=10)
    except AssertionError:
        raise AssertionError(program.leftovers()) from None
