"""Carries out a step that has everything it needs: variables, record, process, outputs, record."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner import inputs, recording
from runner.environments.base import Activation
from runner.errors import RunnerError
from runner.executors import bytecode
from runner.executors.base import Execution
from runner.executors.local import Local
from runner.executors.shell import argv_for
from runner.executors.variables import step_variables
from runner.files import remove_tree
from runner.manifest.command import render
from runner.store import artifacts, metrics, runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from runner.environments.base import Environment
    from runner.executors.base import Outcome
    from runner.manifest.model import Step
    from runner.pipeline import Plan
    from runner.progress import Noting
    from runner.settings import Settings
    from runner.source.model import Checkout
    from runner.store.artifacts import Baseline
    from runner.store.records import RecordedFile, Run

HIDDEN = "***"
BEFORE_PREFIXES = ("2.", "3.6.", "3.7.")  # these know no PYTHONPYCACHEPREFIX


class Ready(Struct, frozen=True):
    """A step with its checkout, environment, inputs and command.

    Attributes:
        read: the inputs, digested.
        command: as the shell gets it.
        shown_command: the same with secret values hidden.
        secrets: the texts that must not be shown or kept.
        baseline: what the checkout holds before the step.
    """

    planned: Plan
    step: Step
    environment: Environment
    activation: Activation
    checkout: Checkout
    read: tuple[RecordedFile, ...]
    command: str
    shown_command: str
    secrets: tuple[str, ...]
    baseline: Baseline


def make_ready(
    planned: Plan,
    environment: Environment,
    checkout: Checkout,
    *,
    settings: Settings,
    progress: Noting,
) -> Ready:
    """Lay inputs and the run's own layer into the checkout and render the command.

    Raises:
        RunnerError: an input is gone, a local package does not build.
    """
    read = inputs.lay(planned.prepared, checkout)
    activation = activate(planned, environment, checkout, settings=settings, progress=progress)
    step = planned.prepared.step
    hidden = [replace(p, argument=HIDDEN) if p.secret else p for p in step.parameters]
    for text in planned.prepared.warnings:
        progress.warning(text)
    return Ready(
        planned=planned,
        step=step,
        environment=environment,
        activation=activation,
        checkout=checkout,
        read=read,
        command=render(step),
        shown_command=render(replace(step, parameters=tuple(hidden))),
        secrets=tuple(p.text for p in step.parameters if p.secret and p.text),
        baseline=artifacts.baseline(checkout.root),
    )


def activate(
    planned: Plan,
    environment: Environment,
    checkout: Checkout,
    *,
    settings: Settings,
    progress: Noting,
) -> Activation:
    """How the step sees its environment, the project's own packages included.

    Raises:
        EnvironmentFailure: a local package does not build.
    """
    if environment.path is None:
        return Activation()
    if not environment.lock.local_packages:
        return planned.backend.activate(environment.path)
    from runner.environments import layer

    return layer.install(
        environment.lock, environment, checkout, settings=settings, progress=progress
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
    with _bytecode_folder(ready, settings) as prefix:
        variables = step_variables(
            os.environ,
            activation=ready.activation,
            entry_env=ready.step.entry_point.env,
            clean=ready.planned.request.clean_env,
            pass_env=ready.planned.request.pass_env,
            bytecode_prefix=prefix,
            extra=_extra(ready, settings),
        )
        opened = recording.opening(ready, variables, settings=settings, progress=progress)
        begun = runs.begin(opened, lock_text=ready.environment.lock.text, settings=settings)
        try:
            outcome = _execute(ready, variables, begun, show)
            return _keep(ready, begun, outcome, settings=settings, progress=progress)
        except BaseException as error:
            # Whatever happens, no run stays `running`.
            broken = recording.broken(begun, error, tuple(progress.warnings))
            with contextlib.suppress(RunnerError):
                runs.finish(broken, settings=settings)
            raise


def _extra(ready: Ready, settings: Settings) -> dict[str, str]:
    variables = recording.mlflow_variables(ready.planned.request)
    # A checkout without a git of its own must not find a repository above the cache.
    variables["GIT_CEILING_DIRECTORIES"] = str(settings.work)
    interpreter = ready.environment.interpreter
    if interpreter is not None and interpreter.version.startswith(BEFORE_PREFIXES):
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return variables


def _execute(
    ready: Ready,
    variables: dict[str, str],
    begun: Run,
    show: tuple[BinaryIO, BinaryIO] | None,
) -> Outcome:
    assert begun.directory is not None
    handle = ready.checkout.handle
    return Local().execute(
        Execution(
            argv=argv_for(ready.command),
            variables=variables,
            directory=ready.checkout.project,
            timeout=_limit(ready),
            stdout=begun.directory / "stdout.log",
            stderr=begun.directory / "stderr.log",
            secrets=ready.secrets,
            handles=() if handle is None else (handle,),
        ),
        show=show,
    )


def _limit(ready: Ready) -> float | None:
    asked = ready.planned.request.timeout
    return ready.step.entry_point.timeout if asked is None else asked


def _keep(
    ready: Ready, begun: Run, outcome: Outcome, *, settings: Settings, progress: Noting
) -> Run:
    assert begun.directory is not None
    entry_point, request = ready.step.entry_point, ready.planned.request
    captured = artifacts.capture(
        ready.checkout,
        ready.baseline,
        run_directory=begun.directory,
        settings=settings,
        declared=entry_point.outputs,
        metrics=entry_point.metrics,
        original=ready.planned.files.read,
        stays=request.keep or ready.checkout.in_place,
        rescue=None if ready.checkout.in_place else ready.checkout.root.with_name(begun.id),
    )
    measured = metrics.read(entry_point.metrics, captured, project=ready.checkout.project)
    # Of a step that failed nobody expects that its metrics are there.
    doubts = () if outcome.exit_code else measured.warnings
    for text in (*outcome.warnings, *captured.warnings, *doubts):
        progress.warning(text)
    closed = recording.closing(
        begun,
        outcome,
        captured,
        measured.values,
        limit=_limit(ready),
        warnings=tuple(progress.warnings),
    )
    finished = runs.finish(closed, settings=settings)
    if request.keep and not ready.checkout.in_place:
        _keep_checkout(ready.checkout.root, begun.directory / "checkout")
    return finished


def _keep_checkout(root: Path, target: Path) -> None:
    from runner.files import move

    move(root, target)


@contextlib.contextmanager
def _bytecode_folder(ready: Ready, settings: Settings) -> Iterator[Path]:
    prefix = bytecode.place(ready.checkout, settings)
    try:
        yield bytecode.lay(prefix, _kept_bytecode(ready, settings))
    finally:
        remove_tree(prefix)


def _kept_bytecode(ready: Ready, settings: Settings) -> dict[Path, Path]:
    """Which folders of sources keep their bytecode: packages, and Python's own library."""
    kept = dict(ready.activation.bytecode)
    interpreter = ready.environment.interpreter
    if interpreter is None:
        return kept
    home = settings.cache / "bytecode" / interpreter.version
    minor = ".".join(interpreter.version.split(".")[:2])
    library = interpreter.path.resolve().parent.parent / "lib" / f"python{minor}"
    for folder in (library, *interpreter.folders):
        kept.setdefault(folder, home / str(folder).strip("/").replace("/", "%"))
    return kept
