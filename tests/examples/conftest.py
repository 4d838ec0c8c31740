"""The example projects in a repository of their own, served by a git daemon."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.repositories import Repository, commit_files, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "example-projects"
WRONG_REQUEST = 2
WRONG = ("top=ten", "unit=sentences", "l1_ratio=1.5", "alpha=-1", "class_weight=rare")


@dataclass(frozen=True)
class Reader:
    """Somebody with a fresh home who types commands.

    Attributes:
        url: the repository that holds `example-projects/`.
        commit: its only commit.
        directory: where the reader stands: a clone of it.
        variables: of the reader's own.
    """

    url: str
    commit: str
    directory: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`reprun ARGUMENTS`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.directory,
            env={
                **os.environ,
                "REPRUN_HOME": str(self.home),
                "PYTHONPATH": str(ROOT),
                **self.variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def runs(self, project: str, *arguments: str) -> dict[str, Any]:
        """The record of `reprun run URL#example-projects/PROJECT ARGUMENTS`, which succeeds."""
        uri = f"{self.url}#example-projects/{project}"
        done = self.types("run", uri, "-v", self.commit, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    def follows(self, project: str) -> None:
        """Each command of the project's own README; it does what the README says."""
        text = (PROJECTS / project / "README.md").read_text()
        commands = re.findall(r"^    reprun (.+)$", text, re.MULTILINE)
        assert len(commands) >= 3
        for command in commands:
            done = self.types(*shlex.split(command))
            expected = WRONG_REQUEST if command.endswith(WRONG) else 0
            assert done.returncode == expected, (command, done.stderr)
            if expected:
                assert command.rpartition("=")[2] in done.stderr


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader of the examples, who has no run yet."""
    repository = _repository(tmp_path / "served" / "examples")
    with serve(tmp_path / "served") as daemon:
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", str(repository.path), str(clone)], check=True)
        yield Reader(f"{daemon.url}/examples", repository.head, clone, tmp_path / "home")


def _repository(path: Path) -> Repository:
    files = {
        str(Path("example-projects", file.relative_to(PROJECTS))): file.read_bytes()
        for file in PROJECTS.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    return commit_files(path, {**files, "README.md": b"Some text for the reader to count.\n"})
