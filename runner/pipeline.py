"""The chain: request → source → manifest → step → lock → environment → execution → run.

Each stage is named once, here; progress, messages and record keys use the same words.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner import inputs, recording
from runner.environments import ensure, kinds, locks
from runner.errors import RunnerError
from runner.manifest import load, parameters
from runner.progress import Silent
from runner.source import checkout as checkouts
from runner.source import files as source_files
from runner.source import resolve
from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from runner.environments.base import Backend, Lock, Spec
    from runner.inputs import Prepared
    from runner.manifest.model import Manifest, Step
    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.model import ProjectFiles, Source
    from runner.store.records import Run

STAGES = ("source", "manifest", "step", "lock", "environment", "execution", "record")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is known before anything is locked, built or started."""

    request: Request
    source: Source
    files: ProjectFiles
    manifest: Manifest
    step: Step
    prepared: Prepared
    backend: Backend
    spec: Spec


@contextlib.contextmanager
def plan(request: Request, *, settings: Settings, progress: Progress) -> Iterator[Plan]:
    """Walk the chain up to the lock; whatever is wrong with the request is found here.

    Raises:
        RunnerError: of the stage that failed.
    """
    progress.stage("source", recording.shown_uri(request))
    source = resolve.resolve(request, settings=settings, progress=progress)
    with source_files.open_files(source, settings=settings) as files:
        manifest = load.load(files)
        for problem in manifest.problems:
            progress.warning(f"{problem.file}:{problem.line}:{problem.column}: {problem.message}")
        entry_point = parameters.choose(manifest, request.entry_point, files)
        step = parameters.bind(entry_point, request.parameters, manifest_path=manifest.path)
        prepared = inputs.resolve(
            step, request=request, source=source, files=files, settings=settings, progress=progress
        )
        backend = kinds.choose(manifest.environment, request.env_manager)
        as_of = resolve.moment(source, request.as_of)
        spec = backend.read(manifest.environment, files, as_of=as_of)
        yield Plan(request, source, files, manifest, step, prepared, backend, spec)


def run(
    request: Request,
    *,
    settings: Settings,
    progress: Progress | None = None,
    show: tuple[BinaryIO, BinaryIO] | None = None,
) -> Run:
    """Walk the whole chain once.

    Args:
        show: gets what the step prints to stdout and stderr, as it comes.

    Returns:
        the recorded run, whatever the step's exit status.

    Raises:
        RunnerError: the step could not be started, or its results could not be kept.
    """
    told = Silent() if progress is None else progress
    layout.prepare(settings)
    heard = recording.Listener(told)
    with plan(request, settings=settings, progress=heard) as planned:
        heard.stage("lock", planned.spec.origin or planned.backend.NAME)
        lock = locks.find_or_make(
            planned.backend,
            planned.spec,
            relock=request.relock,
            files=planned.files,
            settings=settings,
            progress=heard,
        )
    heard.stage("environment", environment_label(lock))
    environment = ensure.ensure(planned.backend, lock, settings=settings, progress=heard)
    with checkouts.checkout(
        planned.source, settings=settings, progress=heard, in_place=request.in_place
    ) as checkout:
        ready = _make_ready(planned, environment, checkout, settings=settings, progress=heard)
        heard.stage("execution", ready.shown_command)
        return execution.carry_out(ready, settings=settings, progress=heard, show=show)


def environment_label(lock: Lock) -> str:
    """The environment in a few words: `venv, Python 3.11.7`."""
    return f"{lock.kind}, Python {lock.python}" if lock.python else lock.kind


def exit_code_of(recorded: Run) -> int:
    """What a command that ran it exits with: the step's status, 1 where an output is missing."""
    if recorded.exit_code is None:
        return RunnerError.exit_code
    return recorded.exit_code or int(recorded.status != "finished")
