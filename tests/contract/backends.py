"""What every kind of environment must do; each kind's own tests subclass this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.environments import ensure, kinds, locks
from runner.manifest.model import EnvironmentReference

if TYPE_CHECKING:
    from runner.environments.base import Backend, Lock
    from tests.environments.conftest import Workshop


class BackendContract:
    """Set `kind`, and `reference` and `files` for a project that the kind can run; `locked` too."""

    kind: str
    reference = EnvironmentReference(kind="empty")
    files: dict[str, str] = {}  # noqa: RUF012  subclasses replace it, nobody changes it
    # What a kind locks as a rule may still hold something that nobody can lock.
    locked: bool | None = None

    @pytest.fixture
    def backend(self) -> Backend:
        return kinds.load(self.kind)

    @pytest.fixture
    def project(self, workshop: Workshop) -> Workshop:
        workshop.index.wheel("alpha", "1.0")
        for path, text in self.files.items():
            workshop.project.write(path, text)
        return workshop

    def lock(self, backend: Backend, project: Workshop, *, relock: bool = False) -> Lock:
        spec = backend.read(self.reference, project.project, as_of=None)
        return locks.find_or_make(
            backend,
            spec,
            relock=relock,
            files=project.project,
            settings=project.settings,
            progress=project.heard,
        )

    def test_its_name_is_the_one_it_is_known_by(self, backend: Backend) -> None:
        assert self.kind == backend.NAME

    def test_reading_twice_gives_one_digest(self, backend: Backend, project: Workshop) -> None:
        first, second = (
            backend.read(self.reference, project.project, as_of=None) for _ in range(2)
        )
        assert first == second
        assert first.kind == self.kind

    def test_reading_writes_nothing(self, backend: Backend, project: Workshop) -> None:
        backend.read(self.reference, project.project, as_of=None)
        assert not project.settings.data.exists()
        assert not project.settings.cache.exists()

    def test_the_same_specification_keeps_its_lock(
        self, backend: Backend, project: Workshop
    ) -> None:
        first, second = self.lock(backend, project), self.lock(backend, project)
        assert (first.text, first.sha256, first.python) == (
            second.text, second.sha256, second.python,
        )  # fmt: skip
        assert first.locked == (backend.LOCKS if self.locked is None else self.locked)

    def test_peeking_resolves_nothing_and_agrees(self, backend: Backend, project: Workshop) -> None:
        spec = backend.read(self.reference, project.project, as_of=None)
        before = locks.peek(backend, spec, project.settings)
        assert project.index.requests == []
        lock = self.lock(backend, project)
        after = locks.peek(backend, spec, project.settings)
        assert after is not None
        assert after.sha256 == lock.sha256
        assert before is None or before.sha256 == lock.sha256

    def test_an_environment_is_reused_and_says_what_it_holds(
        self, backend: Backend, project: Workshop
    ) -> None:
        lock = self.lock(backend, project)
        one, two = (
            ensure.ensure(
                backend,
                lock,
                files=project.project,
                settings=project.settings,
                progress=project.heard,
            )
            for _ in range(2)
        )
        assert two.reused
        assert (one.hash, one.fingerprint, one.packages) == (
            two.hash,
            two.fingerprint,
            two.packages,
        )
        assert list(one.packages) == sorted(one.packages, key=lambda package: package.name)
        assert ensure.peek(backend, lock, settings=project.settings)[1]

    def test_activation_names_only_what_exists(self, backend: Backend, project: Workshop) -> None:
        lock = self.lock(backend, project)
        built = ensure.ensure(
            backend,
            lock,
            files=project.project,
            settings=project.settings,
            progress=project.heard,
        )
        if built.path is None:
            return
        assert backend.health(lock, built.path) is None
        activation = backend.activate(built.path)
        assert all(path.is_dir() for path in activation.path)
        assert all(path.is_dir() for path in activation.bytecode)

    def test_an_environment_that_is_not_there_is_not_healthy(
        self, backend: Backend, project: Workshop
    ) -> None:
        lock = self.lock(backend, project)
        nowhere = project.settings.environments / "nowhere"
        assert (backend.health(lock, nowhere) is None) == (not backend.LOCKS)
