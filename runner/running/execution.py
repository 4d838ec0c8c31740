"""Carries out a step that has everything it needs: variables, record, process, outputs, record."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from runner import inputs
from runner.containers.model import CODE
from runner.errors import RunnerError
from runner.executors.base import Execution
from runner.executors.shell import argv_for
from runner.manifest.command import render
from runner.running import places, recording, surroundings, tracked
from runner.running.plan import Ready
from runner.store import artifacts, layout, metrics, runs

if TYPE_CHECKING:
    from typing import BinaryIO

    from runner.environments.base import Environment
    from runner.executors.base import Outcome
    from runner.progress import Noting
    from runner.running.places import Place
    from runner.running.plan import Plan
    from runner.settings import Settings
    from runner.source.model import Checkout
    from runner.store.records import Run


def make_ready(
    planned: Plan,
    environment: Environment,
    checkout: Checkout,
    used: int | None,
    *,
    settings: Settings,
    progress: Noting,
) -> Ready:
    """Lay inputs and the run's own layer into the checkout and render the command.

    Args:
        used: the open file that says that the environment is in use.

    Raises:
        RunnerError: an input is gone, a local package does not build.
    """
    read = inputs.lay(planned.prepared, checkout)
    activation = surroundings.activate(environment, checkout, settings=settings, progress=progress)
    step = planned.prepared.step
    for text in planned.prepared.warnings:
        progress.warning(text)
    shown = render(step, hiding=True)
    surroundings.warn_of_another_python(environment, activation, shown, progress)
    return Ready(
        planned=planned,
        step=step,
        environment=environment,
        activation=activation,
        checkout=checkout,
        read=read,
        command=render(step),
        shown_command=shown,
        secrets=tuple(text for bound in step.parameters for text in sorted(bound.secret_texts())),
        baseline=artifacts.baseline(checkout.root),
        handles=tuple(handle for handle in (checkout.handle, used) if handle is not None),
    )


def carry_out(
    ready: Ready,
    *,
    settings: Settings,
    progress: Noting,
    show: tuple[BinaryIO, BinaryIO] | None,
) -> Run:
    """Run the step between the two writings of its record.

    Raises:
        RunnerError: the step could not be started, or its results could not be kept; the record
            then says so.
    """
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(places.place_of(ready, settings=settings, progress=progress))
        logs = stack.enter_context(tracked.home(ready, place, settings))
        variables = stack.enter_context(place.variables(logs.recorded()))
        opened = recording.opening(ready, place, variables, settings=settings, progress=progress)
        opened = logs.placed(opened)
        begun = runs.begin(opened, lock_text=ready.environment.lock.text, settings=settings)
        try:
            # Not recorded: where reprun itself is would make two runs differ.
            equipped = place.equip(variables, logs.told(variables))
            logs.open(begun, settings)
            outcome = _execute(ready, place, equipped, begun, show)
            begun = logs.close(begun, progress)
            return _keep(ready, begun, outcome, settings=settings, progress=progress)
        except BaseException as error:
            # Whatever happens, no run stays `running`.
            broken = recording.broken(begun, error, tuple(progress.warnings))
            with contextlib.suppress(RunnerError):
                runs.finish(broken, settings=settings)
            raise


def _execute(
    ready: Ready,
    place: Place,
    variables: dict[str, str],
    begun: Run,
    show: tuple[BinaryIO, BinaryIO] | None,
) -> Outcome:
    assert begun.directory is not None
    return place.execute(
        Execution(
            argv=argv_for(ready.command, place.shell),
            variables=variables,
            directory=Path(place.directory),
            timeout=_limit(ready),
            stdout=begun.directory / "stdout.log",
            stderr=begun.directory / "stderr.log",
            secrets=ready.secrets,
            handles=ready.handles,
        ),
        show,
    )


def _limit(ready: Ready) -> float | None:
    asked = ready.planned.request.timeout
    return ready.step.entry_point.timeout if asked is None else asked


def _keep(
    ready: Ready, begun: Run, outcome: Outcome, *, settings: Settings, progress: Noting
) -> Run:
    assert begun.directory is not None
    entry_point, request = ready.step.entry_point, ready.planned.request
    kept = begun.directory / layout.CHECKOUT
    rescues = () if ready.checkout.in_place else (kept, ready.checkout.root.with_name(begun.id))
    captured = artifacts.capture(
        ready.checkout,
        ready.baseline,
        run_directory=begun.directory,
        settings=settings,
        declared=entry_point.outputs,
        metrics=entry_point.metrics,
        original=ready.planned.files.read,
        stays=request.keep or ready.checkout.in_place,
        rescues=rescues,
        progress=progress,
    )
    try:
        finished = _close(ready, begun, outcome, captured, settings=settings, progress=progress)
    except BaseException as error:
        error.add_note(f"the step's outputs are in {begun.directory / layout.ARTIFACTS}")
        raise
    if request.keep and not ready.checkout.in_place:
        _keep_checkout(ready.checkout.root, kept)
    return finished


def _close(
    ready: Ready,
    begun: Run,
    outcome: Outcome,
    captured: artifacts.Captured,
    *,
    settings: Settings,
    progress: Noting,
) -> Run:
    assert begun.directory is not None
    declared = ready.step.entry_point.metrics
    measured = metrics.read(declared, captured, project=ready.checkout.project)
    # Of a step that failed nobody expects that its metrics are there.
    doubts = () if outcome.exit_code else measured.warnings
    for text in (*outcome.warnings, *captured.warnings, *doubts):
        progress.warning(text)
    if outcome.ended_by == "exit" and outcome.exit_code:
        _explain(ready, begun.directory, settings, progress)
    closed = recording.closing(
        begun,
        outcome,
        captured,
        measured.values,
        limit=_limit(ready),
        warnings=tuple(progress.warnings),
    )
    return runs.finish(closed, settings=settings)


def _explain(ready: Ready, run_directory: Path, settings: Settings, progress: Noting) -> None:
    """Say why the step failed, where what it wrote to stderr shows a reason that is known."""
    from runner.running import missing_files

    text = missing_files.end_of(run_directory / "stderr.log")
    if ready.activation.image is not None:
        text = text.replace(CODE, str(ready.checkout.root))
    with contextlib.suppress(OSError, RecursionError, ValueError, MemoryError):
        _say_why(text, ready, settings, progress)


def _say_why(text: str, ready: Ready, settings: Settings, progress: Noting) -> None:
    from runner.running import logging_elsewhere, missing_files, newer_packages, undeclared

    known_as = ready.planned.known_as
    found = (
        missing_files.explain(text, ready.step, known_as, ready.checkout, settings)
        or logging_elsewhere.explain(text, ready.planned.request, ready.planned.run_id)
        or newer_packages.explain(text, ready)
        or undeclared.explain(text, ready)
    )
    if found is not None:
        progress.warning(found.message, found.hint)


def _keep_checkout(root: Path, target: Path) -> None:
    from runner.files import move

    move(root, target)
