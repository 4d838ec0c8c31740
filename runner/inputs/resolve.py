"""Resolves every input of a step before anything is built: all that is wrong is said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.inputs.model import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from runner.manifest.model import Step
    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.model import ProjectFiles, Source


def resolve(
    step: Step,
    *,
    request: Request,
    source: Source,
    files: ProjectFiles,
    run_directory: Path,
    settings: Settings,
    progress: Progress,
    fetch: bool = True,
    known_as: str | None = None,
) -> Prepared:
    """Check every input of the step, fetch what lies elsewhere, give path parameters their value.

    Args:
        step: bound; its parameters' arguments are their texts.
        request: relative values start from its caller.
        run_directory: fetched values go below it unless the request has a storage folder.
        fetch: False for a dry run: everything is checked, nothing fetched.
        known_as: the source's address as a record has it, if that is another one.

    Raises:
        ParameterError: values of parameters are wrong; all of them are named.
        InputError: an input can't be had.
        UnknownRun: a `run:` value names no run.
        StoreError: there is no space to keep a download.
    """
    if not (step.entry_point.inputs or request.with_runs) and not any(
        parameter.type in {"path", "uri"} for parameter in step.parameters
    ):
        return Prepared(step)
    from runner.inputs import declared, gathering
    from runner.inputs.model import Context

    storage = _storage(request, run_directory)
    local = declared.local_project(source)
    context = Context(
        request,
        source,
        files,
        settings,
        progress,
        local,
        storage,
        fetch=False,
        known_as=known_as or source.url,
    )
    # All is checked before the first byte is fetched.
    prepared = gathering.gather(step, context)
    return gathering.gather(step, replace(context, fetch=True)) if fetch else prepared


def _storage(request: Request, run_directory: Path) -> Path:
    if request.storage_dir is None:
        return run_directory / "inputs"
    # A folder of the run's own: two runs may share a storage folder.
    return request.caller / request.storage_dir / run_directory.name
