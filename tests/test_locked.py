"""What `reprun lock` refuses, before anything is resolved and without a file written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import locked
from runner.errors import RequestError
from runner.progress import Silent
from runner.request import Request

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings

HASHED = f"alpha==1.0 --hash=sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    ("files", "asked", "message", "hint"),
    [
        (
            {"requirements.txt": "alpha\n"},
            {"env_manager": "local"},
            "an environment of kind `local` can't be locked",
            "leave `--env-manager` away",
        ),
        (
            {"requirements.txt": HASHED},
            {},
            "requirements.txt is a lock already, and is used as it is",
            "bring it up to date with the tool that wrote it",
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "work"\nversion = "1"\n',
                "uv.lock": "version = 1\n",
            },
            {},
            "uv.lock is a lock already, and is used as it is",
            "bring it up to date with the tool that wrote it",
        ),
        (
            {"train.py": ""},
            {},
            "the project names no packages, so there is nothing to lock",
            "name them in a python_env.yaml, a requirements.txt or a pyproject.toml",
        ),
        (
            {"requirements.txt": "alpha\n"},
            {"as_of": "commit"},
            "has no commit, so there is no time that `--as-of commit` could mean",
            "give a date: `--as-of 2024-03-31`",
        ),
    ],
)
def test_what_can_not_be_locked(
    files: dict[str, str],
    asked: dict[str, str],
    message: str,
    hint: str,
    tmp_path: Path,
    settings: Settings,
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name, content in files.items():
        (project / name).write_text(content)
    request = Request(
        uri="project",
        caller=tmp_path,
        env_manager=asked.get("env_manager"),
        as_of=asked.get("as_of"),
    )
    with pytest.raises(RequestError) as caught:
        locked.write(request, settings=settings, progress=Silent())
    assert message in caught.value.message
    assert caught.value.hint == hint
    assert {path.name for path in project.iterdir()} == set(files)
