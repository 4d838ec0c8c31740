"""Frees what no run refers to any more, and says how much there is of everything."""

from __future__ import annotations

import contextlib
import math
import os
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from runner import files
from runner.errors import StoreError
from runner.store import layout, runs

if TYPE_CHECKING:
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.store.records import Run

GRACE_S = 24 * 3600.0


class Collected(Struct, frozen=True):
    """What was freed."""

    objects: int
    size: int


class Size(Struct, frozen=True):
    """What one part of the homes takes: bytes on the disk, a file with several names once."""

    name: str
    path: Path
    size: int
    entries: int


def collect(
    *,
    settings: Settings,
    progress: Progress,
    released: frozenset[str] = frozenset(),
    grace_s: float = GRACE_S,
) -> Collected:
    """Remove the objects that no record refers to, and what killed processes left half-made.

    An object that was made, linked or used in the last `grace_s` seconds stays: a run that is
    being recorded at this moment may be about to refer to it. Those in `released`, the outputs
    of runs that were just deleted, have no such grace.

    Raises:
        StoreError: a record can't be read, so that nobody knows what it refers to; nothing is
            removed then.
    """
    newest = time.time() - grace_s
    candidates = _old_objects(settings, newest) | released
    candidates -= _referred(settings, progress)
    freed = [
        _remove_object(digest, settings, math.inf if digest in released else newest)
        for digest in sorted(candidates)
    ]
    _remove_leftovers(settings, newest)
    return Collected(sum(size is not None for size in freed), sum(size or 0 for size in freed))


def sizes(settings: Settings) -> tuple[Size, ...]:
    """How much the parts of both homes take."""
    parts = {
        "runs": settings.runs,
        "objects": settings.objects,
        "locks": settings.locks,
        "mirrors": settings.mirrors,
        "environments": settings.environments,
        "wheels": settings.wheels,
        "packages": settings.conda,
        "checkouts": settings.work,
    }
    seen: set[tuple[int, int]] = set()
    return tuple(
        Size(name, path, _disk_size(path, seen), _count(path))
        # Objects first: a run's artifacts are other names of them.
        for name, path in sorted(parts.items(), key=lambda part: part[0] != "objects")
    )


def _old_objects(settings: Settings, newest: float) -> set[str]:
    old: set[str] = set()
    try:
        with os.scandir(settings.objects) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if layout.is_digest(entry.name) and _is_old(entry.stat(), newest):
                        old.add(entry.name)
    except FileNotFoundError:
        return set()
    return old


def _is_old(status: os.stat_result, newest: float) -> bool:
    return max(status.st_mtime, status.st_ctime) < newest


def _referred(settings: Settings, progress: Progress) -> set[str]:
    digests: set[str] = set()
    ids = layout.run_ids(settings)
    for number, run_id in enumerate(ids):
        if number % 1000 == 999:  # noqa: PLR2004  now and then is enough
            progress.update(f"reading records: {number + 1:,} of {len(ids):,}")
        record = settings.runs / run_id / layout.RECORD
        try:
            digests |= _objects_of(runs.load(record))
        except StoreError as error:
            if not record.exists():
                continue  # deleted meanwhile, or never begun
            raise StoreError(
                f"nothing is collected: {error.message}", "mend the record, or delete the run"
            ) from error
    return digests


def _objects_of(run: Run) -> set[str]:
    digests = {file.sha256 for file in (*run.files, *run.inputs)}
    if run.source.changes is not None:
        digests.add(run.source.changes.object)
    return digests


def _remove_object(digest: str, settings: Settings, newest: float) -> int | None:
    """Remove one object, unless somebody began to use it meanwhile; its size."""
    path = layout.object_path(digest, settings)
    aside = path.with_name(f".gone-{digest}")
    try:
        if not _is_old(path.stat(), newest):
            return None
        # Under another name nobody can begin to use it; then it is looked at again.
        path.rename(aside)
        status = aside.stat()
        if status.st_nlink > 1 or status.st_mtime >= newest:
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)
            aside.unlink()
            return None
        aside.unlink()
    except FileNotFoundError:
        return None
    return status.st_size


def _remove_leftovers(settings: Settings, newest: float) -> None:
    """Half-written objects, half-deleted runs, marks never held, runs that never began."""
    for folder in (settings.objects, settings.runs, layout.pending_directory(settings)):
        with contextlib.suppress(FileNotFoundError):
            for path in list(folder.iterdir()):
                with contextlib.suppress(FileNotFoundError):
                    if _is_leftover(path, settings) and _is_old(path.lstat(), newest):
                        files.remove_tree(path)


def _is_leftover(path: Path, settings: Settings) -> bool:
    unbegun = path.parent == settings.runs and layout.is_id(path.name)
    return path.name.startswith(".") or (unbegun and not (path / layout.RECORD).exists())


def _disk_size(path: Path, seen: set[tuple[int, int]]) -> int:
    total = 0
    for folder, _, found in os.walk(path):
        for name in found:
            with contextlib.suppress(OSError):
                status = os.lstat(f"{folder}/{name}")
                if (status.st_dev, status.st_ino) not in seen:
                    total += status.st_blocks * 512
                    if status.st_nlink > 1:
                        seen.add((status.st_dev, status.st_ino))
    return total


def _count(path: Path) -> int:
    try:
        return sum(not name.startswith(".") for name in os.listdir(path))  # noqa: PTH208
    except OSError:
        return 0
