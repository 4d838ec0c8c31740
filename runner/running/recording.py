"""Makes the record out of the chain's values: once before the step, once after it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import Interrupted, RunnerError
from runner.executors.variables import recorded_variables
from runner.running import host
from runner.source.address import public_url
from runner.store import keys
from runner.store.records import (
    RecordedEnvironment,
    RecordedImage,
    RecordedLock,
    RecordedPython,
    RecordedSource,
    Run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runner.containers.model import Image
    from runner.environments.base import Environment
    from runner.executors.base import Outcome
    from runner.progress import Noting
    from runner.request import Request
    from runner.running.places import Place
    from runner.running.plan import Ready
    from runner.settings import Settings
    from runner.source.model import Source
    from runner.store.artifacts import Captured
    from runner.store.records import Status


def mlflow_variables(request: Request) -> dict[str, str]:
    """What a step that logs to a tracking server of its own must know of the request."""
    asked = {
        "MLFLOW_RUN_ID": request.run_id,
        "MLFLOW_EXPERIMENT_ID": request.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": request.experiment,
    }
    return {name: value for name, value in asked.items() if value is not None}


def opening(
    ready: Ready,
    place: Place,
    variables: Mapping[str, str],
    *,
    settings: Settings,
    progress: Noting,
) -> Run:
    """The record before the step starts."""
    planned, request = ready.planned, ready.planned.request
    return Run(
        id=planned.run_id,
        status="running",
        request=_request(ready),
        source=recorded_source(planned.known_as, in_place=ready.checkout.in_place),
        entry_point=ready.step.entry_point.name,
        command=ready.shown_command,
        parameters=ready.step.parameters,
        environment=_environment(
            ready.environment, ready.activation.image, ready.planned.spec.origin
        ),
        container=place.recorded,
        host=host.observe(),
        variables=recorded_variables(variables, key=keys.variable_key(settings)),
        started=_now(),
        manifest_name=planned.manifest.name,
        name=request.run_name,
        inputs=ready.read,
        tags=request.tags,
        experiment=request.experiment,
        experiment_id=request.experiment_id,
        parent=_parent(ready),
        warnings=tuple(progress.warnings),
    )


def _parent(ready: Ready) -> str | None:
    outer = ready.planned.outer
    return None if outer is None or outer.run is None else outer.run.id


def _docker_args(request: Request) -> list[str]:
    if not request.docker_args:
        return []
    from runner.containers.options import arguments

    return arguments.secrets_left_out(request.docker_args)


def _request(ready: Ready) -> dict[str, object]:
    """What was asked; only what was said, so that a record shows what a person chose."""
    request = ready.planned.request
    # In an outer run's checkout nobody chose to run in place, and its path means nothing later.
    chosen = ready.planned.known_as is ready.planned.source
    said: dict[str, object] = {
        "uri": public_url(request.uri),
        "subdirectory": request.subdirectory,
        "caller": os.fspath(request.caller) if chosen else None,
        "entry_point": request.entry_point,
        "version": request.version,
        "parameters": dict(request.parameters),
        "env_manager": request.env_manager,
        "run_id": request.run_id,
        "storage_dir": None if request.storage_dir is None else os.fspath(request.storage_dir),
        "with": list(request.with_runs),
        "timeout": request.timeout,
        "as_of": request.as_of,
        "python": request.python,
        "add_packages": list(request.add_packages),
        "drop_packages": list(request.drop_packages),
        "env_file": request.env_file,
        "pass_env": list(request.pass_env),
        "clean_env": request.clean_env,
        "in_place": request.in_place and chosen,
        "keep": request.keep,
        "relock": request.relock,
        "exact": request.exact,
        "no_tracking": not request.tracking,
        "log_here": request.log_here,
        "skip_unmapped": request.skip_unmapped,
        "link_scripts": request.link_scripts,
        "docker_args": _docker_args(request),
        "build_image": request.build_image,
        "no_network": request.no_network,
        "read_only": request.read_only,
    }
    return {name: value for name, value in said.items() if value not in (None, "", False, [], {})}


def recorded_source(source: Source, *, in_place: bool) -> RecordedSource:
    """What a record keeps of the source; `source.recorded` makes a source of it again."""
    return RecordedSource(
        kind=source.kind,
        url=source.url,
        commit=source.commit,
        tree=source.tree,
        subdirectory=source.subdirectory,
        version=source.version,
        branch=source.branch,
        pushed=source.pushed,
        remote=source.remote,
        changes=source.changes,
        submodules=source.submodules,
        in_place=in_place,
    )


def _environment(
    environment: Environment, image: Image | None, origin: str | None
) -> RecordedEnvironment:
    lock, interpreter = environment.lock, environment.interpreter
    python = None
    if interpreter is not None:
        python = RecordedPython(
            version=interpreter.version,
            build=interpreter.build,
            implementation=interpreter.implementation,
            path=os.fspath(interpreter.path),
        )
    return RecordedEnvironment(
        kind=environment.kind,
        hash=environment.hash,
        fingerprint=environment.fingerprint,
        lock=RecordedLock(lock.sha256, lock.format, lock.made, lock.locked, lock.context),
        python=python,
        packages=environment.packages,
        platform=lock.platform,
        local_packages=lock.local_packages,
        image=None
        if image is None
        else RecordedImage(
            name=origin,
            id=image.id,
            reference=image.reference,
            platform=image.platform,
            only_here=lock.format == "image-id",
        ),
    )


def closing(
    begun: Run,
    outcome: Outcome,
    captured: Captured,
    measured: Mapping[str, float],
    *,
    limit: float | None,
    warnings: tuple[str, ...],
) -> Run:
    """The record after the step; `limit` is the seconds that it was given."""
    status, reason = _verdict(outcome, captured, limit)
    return replace(
        begun,
        status=status,
        reason=reason,
        started=_text(outcome.started),
        ended=_text(outcome.ended),
        exit_code=outcome.exit_code,
        resources=outcome.resources,
        outputs=captured.outputs,
        deleted=captured.deleted,
        metrics=measured,
        warnings=warnings,
        process=None,
    )


def _verdict(
    outcome: Outcome, captured: Captured, limit: float | None
) -> tuple[Status, str | None]:
    if outcome.ended_by == "timeout":
        return "killed", f"the step took longer than its time limit of {limit:g} s"
    if outcome.ended_by == "interrupt":
        return "killed", f"interrupted by {_signal(outcome.signal)}"
    if outcome.ended_by == "signal":
        return "killed", f"the step was ended by {_signal(outcome.signal)}"
    if outcome.exit_code:
        return "failed", f"the command exited with {outcome.exit_code}"
    if captured.missing:
        missing = ", ".join(f"`{glob}`" for glob in captured.missing)
        return "failed", f"the step made nothing that matches {missing}, declared under `outputs`"
    return "finished", None


def _signal(number: int | None) -> str:
    import signal

    try:
        name = signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"
    often = ", as a machine that runs out of memory does" if name == "SIGKILL" else ""
    return f"{name}{often}"


def broken(begun: Run, error: BaseException, warnings: tuple[str, ...]) -> Run:
    """The record of a run that was begun and could not be brought to its end."""
    return replace(
        begun,
        status="killed" if _is_interruption(error) else "failed",
        reason=_reason(error),
        ended=_now(),
        warnings=warnings,
        process=None,
    )


def _is_interruption(error: BaseException) -> bool:
    # Ctrl-C and its like are no `Exception`, so that nobody catches them by accident.
    return isinstance(error, Interrupted) or not isinstance(error, Exception)


def _reason(error: BaseException) -> str:
    return "; ".join((_cause(error), *getattr(error, "__notes__", ())))


def _cause(error: BaseException) -> str:
    if _is_interruption(error):
        return "interrupted"
    if isinstance(error, RunnerError):
        return error.message
    return f"{type(error).__name__}: {str(error).split(chr(10), 1)[0]}"


def _now() -> str:
    from datetime import UTC, datetime

    return _text(datetime.now(UTC))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
