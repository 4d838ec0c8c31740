"""The chain: request → source → manifest → step → lock → environment → execution → run.

Each stage is named once, here; progress, messages and record keys use the same words.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import labels, nesting
from runner.containers import early, leftovers
from runner.environments import amended, docker, kinds
from runner.errors import EnvironmentFailure, RunnerError
from runner.manifest import load, parameters
from runner.progress import Noting, Silent
from runner.running import container_settings
from runner.running.plan import Plan
from runner.source import checkout as checkouts
from runner.source import moments, standing
from runner.source.opening import Place, opened
from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from runner.environments.base import Environment
    from runner.inputs import Prepared
    from runner.manifest.model import Manifest, Step
    from runner.nesting import Outer
    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.model import ProjectFiles
    from runner.source.opening import Opened
    from runner.store.records import Run

SOURCE, LOCK, ENVIRONMENT, STEP = STAGES = ("source", "lock", "environment", "step")


@contextlib.contextmanager
def plan(
    request: Request, *, settings: Settings, progress: Progress, only_look: bool = False
) -> Iterator[Plan]:
    """Walk the chain up to the lock; whatever is wrong with the request is found here.

    Args:
        only_look: download no inputs, and keep nothing of the source.

    Raises:
        RunnerError: of the stage that failed.
    """
    progress.stage(SOURCE, labels.of_request(request))
    project = f"{request.caller}\n{request.uri}#{request.subdirectory}"
    early.expect(project, settings)
    outer = nesting.look(os.environ, settings)
    place = nesting.inside(request, outer)
    request = nesting.take_over(request, outer, place)
    within = _within(request, outer, place)
    if within is None:
        _refuse_early(request)
    with opened(
        request, settings=settings, progress=progress, keep=not only_look, within=within
    ) as found:
        source, files = found.source, found.files
        progress.update(labels.of_source(source, request))
        manifest = load.load(files, environment=request.env_file)
        step = _bind(request, manifest, files, labels.of_request(request))
        nesting.refuse_endless(outer, step, settings)
        _warn_of_undeclared(step, manifest, progress)
        # The run around it has said what is doubtful about the manifest that they share.
        for problem in () if within else manifest.problems:
            progress.warning(str(problem), problem.hint)
        backend = kinds.choose(manifest.environment, request.env_manager)
        manifest = container_settings.with_code(manifest, request)
        from runner import inputs

        run_id = (outer and outer.child) or layout.new_id()
        prepared = inputs.resolve(
            step,
            request=request,
            source=source,
            files=files,
            run_directory=layout.run_directory(run_id, settings),
            settings=settings,
            progress=progress,
            fetch=not only_look,
            known_as=found.known_as.url,
        )
        container = container_settings.asked(backend, manifest, step, request, progress)
        if container is not None:
            early.remember(project, settings)
        as_of = moments.of_source(source) if request.as_of == "commit" else request.as_of
        spec = amended.read(
            backend, manifest.environment, files, request, as_of=as_of, progress=progress
        )
        if container is not None:
            spec = docker.for_platform(spec, container.platform)
        _warn_of_absent(request, progress)
        yield Plan(
            run_id=run_id,
            request=request,
            source=source,
            known_as=found.known_as,
            files=files,
            manifest=manifest,
            prepared=_with_left_out(prepared, found, outer),
            backend=backend,
            spec=spec,
            outer=outer,
            container=container,
        )


def _within(request: Request, outer: Outer | None, place: str | None) -> Place | None:
    """The project's place in the outer run's checkout, where it is run as it stands there."""
    if place is None or request.version is not None:
        return None
    assert outer is not None
    assert outer.checkout is not None
    assert outer.run is not None
    return Place(outer.checkout.resolve(), place, outer.run.source)


def _with_left_out(prepared: Prepared, found: Opened, outer: Outer | None) -> Prepared:
    """`prepared`, and as inputs the large files that the outer run made before."""
    if not found.left_out:
        return prepared
    from runner.inputs.model import Reading

    assert outer is not None
    assert outer.run is not None
    project = found.source.subdirectory or "."
    readings = tuple(
        Reading(os.path.relpath(path, project), "files", f"run:{outer.run.id}", required=False)
        for path in found.left_out
    )
    return replace(prepared, readings=(*prepared.readings, *readings))


def _refuse_early(request: Request) -> None:
    """Look at a directory where it stands, before anything of it is captured.

    Raises:
        ManifestError: what a person asks for can't be run.
    """
    if request.version is not None:
        return
    files = standing.look(request.uri, request.subdirectory, caller=request.caller)
    if files is not None:
        place = str((request.caller / request.uri / request.subdirectory).resolve())
        _bind(request, load.load(files, environment=request.env_file), files, place)


def _bind(request: Request, manifest: Manifest, files: ProjectFiles, place: str) -> Step:
    entry_point = parameters.choose(manifest, request.entry_point, files, place=place)
    return parameters.bind(entry_point, request.parameters, manifest_path=manifest.path)


def _warn_of_undeclared(step: Step, manifest: Manifest, progress: Progress) -> None:
    if step.entry_point not in manifest.entry_points:
        return  # a script takes whatever it is given
    for parameter in step.parameters:
        if not parameter.declared:
            progress.warning(
                f"`{parameter.name}` is no parameter of `{step.entry_point.name}`: "
                f"its command gets it as `--{parameter.name}`",
                "check the spelling, or declare it",
            )


def _warn_of_absent(request: Request, progress: Progress) -> None:
    for name in request.pass_env:
        if name not in os.environ:
            progress.warning(f"`--pass-env {name}` passes nothing on: there is no such variable")


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
    heard = Noting(progress or Silent())
    layout.prepare(settings)
    leftovers.sweep(settings)
    with plan(request, settings=settings, progress=heard) as planned:
        environment = _environment(planned, settings, heard)
        from runner.environments import occupied
        from runner.running import execution

        with (
            occupied.occupy(environment.path) as used,
            checkouts.checkout(
                planned.source,
                settings=settings,
                progress=heard,
                in_place=planned.request.in_place,
            ) as checkout,
        ):
            ready = execution.make_ready(
                planned, environment, checkout, used, settings=settings, progress=heard
            )
            heard.stage(STEP, ready.shown_command)
            return execution.carry_out(ready, settings=settings, progress=heard, show=show)


def _environment(planned: Plan, settings: Settings, heard: Noting) -> Environment:
    """Lock and build; what newer packages explain is said so."""
    # What is wrong with a request is said before the rest is imported.
    from runner.environments import ensure, locks

    try:
        heard.stage(LOCK, planned.spec.origin or planned.spec.kind)
        lock = locks.find_or_make(
            planned.backend,
            planned.spec,
            relock=planned.request.relock,
            files=planned.files,
            settings=settings,
            progress=heard,
        )
        heard.update(labels.of_lock(lock, planned.spec.origin))
        heard.stage(ENVIRONMENT, labels.of_kind(lock))
        environment = ensure.ensure(
            planned.backend,
            lock,
            files=planned.files,
            settings=settings,
            progress=heard,
            exact=planned.request.exact,
            occupied=nesting.occupied_environments(planned.outer, settings),
        )
    except EnvironmentFailure as error:
        from runner.running import newer_packages

        newer_packages.suggested(error, planned)
        raise
    heard.update(labels.of_environment(environment))
    return environment


def exit_code_of(recorded: Run) -> int:
    """What a command that ran it exits with: the step's status, 1 where an output is missing."""
    if recorded.exit_code is None:
        return RunnerError.exit_code
    return recorded.exit_code or int(recorded.status != "finished")
