"""What every test of the source stage starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.progress import Progress, Silent
from runner.request import Request
from runner.source.resolve import resolve
from tests.support.listening import Listener
from tests.support.repositories import Daemon, Repository, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Source

    Resolve = Callable[..., Source]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The folder whose repositories the daemon serves."""
    (tmp_path / "base").mkdir()
    return tmp_path / "base"


@pytest.fixture
def daemon(base: Path) -> Iterator[Daemon]:
    """A git daemon for `base`."""
    with serve(base) as running:
        yield running


@pytest.fixture
def project(base: Path) -> Repository:
    """A small project with two commits, a branch and a tag."""
    repository = Repository(base / "project")
    repository.write("MLproject", "name: first\n").write("models/a/train.py", "print('a')\n")
    repository.commit("first")
    repository.git("tag", "v1")
    repository.git("tag", "-a", "v1-annotated", "-m", "a tag with words")
    repository.git("branch", "old")
    repository.write("MLproject", "name: second\n").write("run.sh", "echo\n", mode=0o755)
    repository.link("latest", "models/a/train.py")
    repository.commit("second")
    return repository


@pytest.fixture
def listener() -> Listener:
    """Remembers what the stage says."""
    return Listener()


@pytest.fixture
def resolved(settings: Settings, tmp_path: Path) -> Resolve:
    """`resolved(uri, version, subdirectory=…)` gives a source."""

    def resolve_now(
        uri: object,
        version: str | None = None,
        subdirectory: str = "",
        progress: Progress | None = None,
    ) -> Source:
        request = Request(uri=str(uri), caller=tmp_path, version=version, subdirectory=subdirectory)
        return resolve(request, settings=settings, progress=progress or Silent())

    return resolve_now
