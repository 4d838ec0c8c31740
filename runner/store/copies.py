"""Finds a run's outputs in the store, and copies them to where a person wants them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from runner import patterns
from runner.errors import RequestError, StoreError
from runner.store import layout

if TYPE_CHECKING:
    from pathlib import Path

    from runner.store.records import RecordedFile, Run


def copy_out(run: Run, pattern: str, target: Path, *, replace: bool) -> tuple[Path, ...]:
    """Copy the outputs that match `pattern` below `target`; all or none of them are refused.

    Args:
        pattern: POSIX glob over the outputs' paths.
        replace: whether files that are there may be replaced.

    Raises:
        RequestError: nothing matches, a file is there already, or two would get the same place.
        StoreError: an output is gone from the store.
    """
    chosen = [file for file in run.files if patterns.matches(pattern, file.path)]
    if not chosen:
        known = ", ".join(file.path for file in run.files[:8]) or "none"
        raise RequestError(
            f"run {run.id} has no output that matches `{pattern}`", hint=f"it has: {known}"
        )
    places = [(file, path_of(run, file), _place(file, target)) for file in chosen]
    _refuse_same(places, target)
    if not replace:
        _refuse_existing([place for _, _, place in places])
    for file, source, place in places:
        _copy(file, source, place)
    return tuple(place for _, _, place in places)


def path_of(run: Run, file: RecordedFile) -> Path:
    """Where a file of a run lies, once it is sure that it lies inside the run.

    Raises:
        StoreError: the path leaves the run, goes through a link, or nothing is there.
    """
    if run.directory is None:
        raise StoreError(f"run {run.id} lies in no store")
    top, inside = run.directory / layout.ARTIFACTS, layout.artifact_name(file.path)
    parents = len([part for part in run.source.subdirectory.split("/") if part])
    if file.origin == "logged":
        top, inside, parents = run.directory / layout.LOGGED, _logged_name(run, file), 0
    if not layout.clean_path(file.path, parents=parents):
        raise StoreError(f"run {run.id}: `{file.path}` leaves the run")
    path = top / inside
    folder = path.parent
    while folder != top:
        if folder.is_symlink():
            raise StoreError(f"run {run.id}: `{file.path}` goes through a symbolic link")
        folder = folder.parent
    kind = "symlink" if path.is_symlink() else "file"
    if kind != file.kind or not (path.is_symlink() or path.is_file()):
        raise StoreError(f"run {run.id}: output `{file.path}` is gone from {top}")
    return path


def _logged_name(run: Run, file: RecordedFile) -> str:
    """The artifact's own path: `Run.files` may call it `logged/<path>`."""
    assert run.logged is not None
    if any(artifact.path == file.path for artifact in run.logged.artifacts):
        return file.path
    return file.path.removeprefix("logged/")


def _place(file: RecordedFile, target: Path) -> Path:
    # An output beside the project (`../x`) stays below the target, too.
    inside = file.path
    while inside.startswith("../"):
        inside = inside.removeprefix("../")
    return target / inside


def _refuse_same(places: list[tuple[RecordedFile, Path, Path]], target: Path) -> None:
    taken: dict[Path, str] = {}
    for file, _, place in places:
        if (other := taken.setdefault(place, file.path)) != file.path:
            raise RequestError(
                f"`{other}` and `{file.path}` would both become {place.relative_to(target)}",
                hint="copy them one after the other, to two folders",
            )


def _refuse_existing(places: list[Path]) -> None:
    there = [place for place in places if os.path.lexists(place)]
    if there:
        raise RequestError(
            f"{there[0]} is there already", hint="pass `--force` to replace it, or another `--to`"
        )


def _copy(file: RecordedFile, source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    shutil.copyfile(source, place, follow_symlinks=False)
    if file.kind == "file":
        place.chmod(file.mode | 0o200)
