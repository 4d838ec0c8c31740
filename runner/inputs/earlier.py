"""Values that name an earlier run's outputs: `run:ID/path`, `run:latest:ENTRY/path`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import InputError, UnknownRun
from runner.store import copies, layout, names, runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run

_SHOWN = 8


def outputs(
    value: str, settings: Settings, project: tuple[str, str] | None = None
) -> tuple[Run, str, list[tuple[str, Path]]]:
    """The run, the path asked for (empty for all), and each output under it with its place.

    Args:
        value: as a person gives it.
        settings: the homes.
        project: whose runs `latest` prefers; see `names.find`.

    Raises:
        UnknownRun: no run has that name; for `latest`, none that finished.
        InputError: the run has no such output.
        StoreError: the record or the output can't be read.
    """
    run, wanted = _run(value.partition(":")[2], settings, project)
    wanted = wanted.strip("/")
    chosen = [
        file
        for file in run.files
        if not wanted or file.path == wanted or file.path.startswith(f"{wanted}/")
    ]
    if not chosen and run.status == "running":
        return run, wanted, list(_logged_so_far(run, wanted))
    if not chosen:
        raise InputError(f"`{value}`: run {run.id} has no output `{wanted}`", what_it_has(run))
    return run, wanted, [(file.path, copies.path_of(run, file)) for file in chosen]


def _logged_so_far(run: Run, wanted: str) -> Iterator[tuple[str, Path]]:
    """What a step that runs still has handed over: it may hand it on to a run that it starts.

    Raises:
        InputError: it has handed over nothing of that name.
    """
    assert run.directory is not None
    top = run.directory / layout.LOGGED
    inside = layout.clean_path(wanted) if wanted else True
    inside = inside and (top / wanted).resolve() == top.parent.resolve() / top.name / wanted
    place = top / wanted
    found = [place] if place.is_file() else sorted(place.rglob("*")) if inside else []
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    if not inside or not files:
        raise InputError(f"run {run.id} has logged no `{wanted}` so far", "is it run later?")
    for path in files:
        yield path.relative_to(top).as_posix(), path


def _run(name: str, settings: Settings, project: tuple[str, str] | None) -> tuple[Run, str]:
    """An entry point may be a path (`latest:scripts/train.py`), so every slash is tried."""
    first: UnknownRun | None = None
    parts = name.split("/")
    for count in range(1, len(parts) + 1):
        if count > 1 and not name.startswith(f"{names.LATEST}:"):
            break
        try:
            run_id = names.find(
                "/".join(parts[:count]), settings=settings, status="finished", project=project
            )
        except UnknownRun as error:
            first = first or error
            continue
        return runs.load_id(run_id, settings), "/".join(parts[count:])
    assert first is not None
    raise UnknownRun(f"`run:{name}`: {first.message}", first.hint)


def what_it_has(run: Run) -> str:
    """The outputs of a run in a few words, for a hint."""
    if not run.files:
        return "it has no outputs"
    shown = ", ".join(file.path for file in run.files[:_SHOWN])
    more = f" and {len(run.files) - _SHOWN} more" if len(run.files) > _SHOWN else ""
    return f"it has {shown}{more}"
