"""Opens a recorded run again: its checkout, its environment and its variables."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from runner.environments import ensure, kinds, occupied
from runner.environments.base import Lock
from runner.errors import EnvironmentFailure, StoreError
from runner.manifest import load
from runner.running import surroundings
from runner.source import checkout as checkouts
from runner.source import files as source_files
from runner.source import resolve
from runner.store import runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.environments.base import Environment
    from runner.manifest.model import EnvironmentReference, Manifest
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles
    from runner.store.records import Run


class Reopened(Protocol):
    """A run's checkout with its environment, as its step saw them.

    Attributes:
        directory: where the step ran, by the name that it has there.
        variables: as the step had them; those that were not kept are today's.
    """

    @property
    def run(self) -> Run: ...  # noqa: D102

    @property
    def directory(self) -> Path: ...  # noqa: D102

    @property
    def variables(self) -> Mapping[str, str]: ...  # noqa: D102

    def start(self, command: str | None) -> int:
        """Run `command`, or an interactive shell, to its end; returns its exit status.

        Raises:
            ExecutionError: it can't be started.
        """


class OnMachine(Struct, frozen=True):
    """A step's place on the machine itself; see `Reopened`."""

    run: Run
    directory: Path
    variables: Mapping[str, str]

    def start(self, command: str | None) -> int:
        """With bash; see `Reopened`."""
        import subprocess

        argv = ["bash", "--norc"] if command is None else ["bash", "-c", command]
        variables = dict(self.variables)
        if command is None:
            variables.setdefault("PS1", f"(run {self.run.id[:10]}) \\w $ ")
        done = subprocess.run(argv, cwd=self.directory, env=variables, check=False)
        return done.returncode if done.returncode >= 0 else 128 - done.returncode


@contextlib.contextmanager
def reopened(name: str, *, settings: Settings, progress: Progress) -> Iterator[Reopened]:
    """The run called `name`, laid out again; the checkout is removed at the end.

    Raises:
        UnknownRun: no run, or several, have that name.
        RunnerError: its source or its environment can't be had any more.
    """
    run = runs.read(name, settings=settings)
    if run.logged_by is not None:
        # It was made by a step, and has none of its own.
        run = runs.load_id(run.logged_by, settings)
    progress.stage("source", run.source.url)
    source = resolve.from_record(run.source, settings=settings, progress=progress)
    with source_files.open_files(source, settings=settings) as files:
        environment = _environment(run, files, settings, progress)
        manifest = _manifest(run, files)
        entry_env = _entry_env(run, manifest, files)
    with (
        occupied.occupy(environment.path),
        checkouts.checkout(source, settings=settings, progress=progress) as checkout,
    ):
        activation = surroundings.activate(
            environment, checkout, settings=settings, progress=progress
        )
        if activation.image is not None:
            from runner.running import reentry

            guest = reentry.guest_of(
                run, manifest, activation.image, source, checkout, entry_env, progress=progress
            )
            with reentry.entered(run, guest, settings=settings, progress=progress) as inside:
                yield inside
            return
        with surroundings.variables(
            environment,
            activation,
            checkout,
            settings=settings,
            entry_env=entry_env,
            extra=_kept(run),
            clean=run.request.get("clean_env") is True,
        ) as variables:
            yield OnMachine(run, checkout.project, variables)


def _manifest(run: Run, files: ProjectFiles) -> Manifest:
    """The manifest as the run had it, whatever else is wrong with it."""
    manifest = load.examine(files)
    own = run.request.get("env_file")
    if not isinstance(own, str):
        return manifest
    from runner.manifest.environment import given

    return given(manifest, own, files)


def _entry_env(run: Run, manifest: Manifest, files: ProjectFiles) -> dict[str, str | None]:
    """What the entry point's `env:` says, less what the caller should pass on and has not."""
    local = run.environment.kind == "local"
    declared = {} if local else _variables(manifest.environment, files)
    return declared | {
        name: value
        for entry_point in manifest.entry_points
        if entry_point.name == run.entry_point
        for name, value in entry_point.env.items()
        if value is not None or name in os.environ
    }


def _variables(reference: EnvironmentReference, files: ProjectFiles) -> dict[str, str | None]:
    """Those that conda's file sets."""
    if reference.kind != "conda_env" or reference.path is None:
        return {}
    from runner.environments.conda_file import read_conda_file

    with contextlib.suppress(EnvironmentFailure):
        return dict(read_conda_file(files, reference.path).variables)
    return {}


def _environment(
    run: Run, files: ProjectFiles, settings: Settings, progress: Progress
) -> Environment:
    lock = recorded_lock(run)
    progress.stage("environment", lock.kind)
    backend = kinds.load(lock.kind)
    return ensure.ensure(backend, lock, files=files, settings=settings, progress=progress)


def recorded_lock(run: Run) -> Lock:
    """The lock that lies beside the run's record.

    Raises:
        StoreError: it is gone, or not what the record says.
    """
    import hashlib

    recorded = run.environment
    assert run.directory is not None
    path = run.directory / "lock"
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise StoreError(f"{path} can't be read: {reason}") from error
    if hashlib.sha256(content).hexdigest() != recorded.lock.sha256:
        raise StoreError(f"{path} is not the lock that the run's record names")
    return Lock(
        kind=recorded.kind,
        format=recorded.lock.format,
        text=content.decode(),
        sha256=recorded.lock.sha256,
        python=recorded.python.version if recorded.python else None,
        platform=recorded.platform,
        locked=recorded.lock.locked,
        local_packages=recorded.local_packages,
        made="reused",
        context=recorded.lock.context,
    )


def _kept(run: Run) -> dict[str, str]:
    return {
        name: variable.value
        for name, variable in run.variables.items()
        if variable.value is not None
    }
