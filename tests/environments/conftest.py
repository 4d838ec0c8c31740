"""Fixtures for environments: an index of the test's own, uv's cache in its folder, a home."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from runner.environments import ensure, kinds, locks
from tests.support import index as indexes
from tests.support.folder import entries_of
from tests.support.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.environments.base import Backend, Environment, Lock, Spec
    from runner.manifest.model import EnvironmentReference
    from runner.settings import Settings
    from runner.source.model import ProjectEntry


@dataclass(slots=True)
class Folder:
    """A plain folder as `ProjectFiles`; its trees are digested by size and content."""

    root: Path

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(path.name for path in self.root.iterdir()))

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def tree_digest(self, path: str) -> str | None:
        import hashlib

        target = self.root / path
        if not target.exists():
            return None
        files = [target] if target.is_file() else sorted(target.rglob("*"))
        digest = hashlib.sha256()
        for file in files:
            if file.is_file() and "egg-info" not in str(file):
                digest.update(str(file.relative_to(self.root)).encode() + file.read_bytes())
        return digest.hexdigest()

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        return entries_of(self.root / path)

    def write(self, path: str, text: str) -> Folder:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        return self


@dataclass(slots=True)
class Workshop:
    """Everything a test needs to walk from a project's files to an environment.

    Attributes:
        env_manager: the kind that a person asks for.
    """

    project: Folder
    settings: Settings
    index: indexes.Index
    heard: Listener = field(default_factory=Listener)
    env_manager: str | None = None

    def read(
        self, reference: EnvironmentReference, as_of: str | None = None
    ) -> tuple[Backend, Spec]:
        backend = kinds.choose(reference, self.env_manager)
        return backend, backend.read(reference, self.project, as_of=as_of)

    def lock(
        self,
        reference: EnvironmentReference,
        *,
        as_of: str | None = None,
        relock: bool = False,
    ) -> tuple[Backend, Lock]:
        backend, spec = self.read(reference, as_of)
        found = locks.find_or_make(
            backend,
            spec,
            relock=relock,
            files=self.project,
            settings=self.settings,
            progress=self.heard,
        )
        return backend, found

    def ensure(self, lock: Lock) -> Environment:
        return ensure.ensure(
            kinds.load(lock.kind),
            lock,
            files=self.project,
            settings=self.settings,
            progress=self.heard,
        )

    def build(self, reference: EnvironmentReference) -> Environment:
        backend, lock = self.lock(reference)
        return ensure.ensure(
            backend, lock, files=self.project, settings=self.settings, progress=self.heard
        )


@pytest.fixture
def index() -> Iterator[indexes.Index]:
    """A package index of the test's own."""
    yield from indexes.serve()


@pytest.fixture
def workshop(
    tmp_path: Path, settings: Settings, index: indexes.Index, monkeypatch: pytest.MonkeyPatch
) -> Workshop:
    """A project folder, and uv told of nothing but the test's index."""
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_", "VIRTUALENV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "project").mkdir()
    return Workshop(Folder(tmp_path / "project"), settings, index)
