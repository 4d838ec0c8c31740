"""The index over the records: derived, never trusted over them, rebuilt whenever it must be."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runner import locking
from runner.errors import StoreError
from runner.store import decoding, layout, pending, summaries, tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.store.summaries import Filter, Summary

_BATCH = 1000


def list_runs(wanted: Filter, *, settings: Settings, progress: Progress) -> list[Summary]:
    """Summaries of the runs that are wanted, whatever state the index was found in.

    Raises:
        StoreError: the store can't be read.
    """
    if not settings.runs.is_dir():
        return []
    try:
        return _listed(_current(settings, progress), wanted, settings, progress)
    except tables.unusable(ValueError, StoreError):
        # Damage that shows only in the rows: the records have everything.
        return _listed(_replaced(settings, progress), wanted, settings, progress)


def _listed(
    database: sqlite3.Connection, wanted: Filter, settings: Settings, progress: Progress
) -> list[Summary]:
    with contextlib.closing(database):
        rows = tables.select(database, wanted)
        while changed := [row.id for row in rows if _stamp(row.id, settings) != row.stamp]:
            # Changed behind our back: the record is right, and may not be wanted any more.
            _absorb(database, changed, settings, progress)
            rows = tables.select(database, wanted)
        return [row.summary for row in rows]


def refresh(*, settings: Settings, progress: Progress) -> None:
    """Bring the index up to date, so that the next listing is quick.

    Raises:
        StoreError: the store can't be read.
    """
    _current(settings, progress).close()


def _current(settings: Settings, progress: Progress) -> sqlite3.Connection:
    """The index, open and up to date; one in memory where the home can't be written."""
    database = _open(settings)
    if database is not None:
        try:
            if not _stale(database, settings):
                return database
        except tables.unusable():
            pass
        database.close()
    return _locked(_refreshed, settings, progress)


def _replaced(settings: Settings, progress: Progress) -> sqlite3.Connection:
    return _locked(_rebuild, settings, progress)


def _locked(
    work: Callable[[Settings, Progress], sqlite3.Connection], settings: Settings, progress: Progress
) -> sqlite3.Connection:
    try:
        with locking.hold(settings.data / "index.lock", waiting=progress.update):
            return work(settings, progress)
    except tables.unusable(OSError):
        # A read-only or full home: slower, and as right.
        return _in_memory(settings, progress)


def _open(settings: Settings) -> sqlite3.Connection | None:
    try:
        return tables.open_index(settings.index)
    except tables.unusable():
        return None


def _refreshed(settings: Settings, progress: Progress) -> sqlite3.Connection:
    database = _open(settings)
    if database is not None:
        try:
            _catch_up(database, settings, progress)
        except tables.unusable():
            database.close()
        else:
            return database
    return _rebuild(settings, progress)


def _stale(database: sqlite3.Connection, settings: Settings) -> bool:
    return bool(pending.marks(settings)) or tables.seen(database) != _folder_stamp(settings)


def _folder_stamp(settings: Settings) -> str:
    status = settings.runs.stat()
    return f"{status.st_mtime_ns}:{status.st_ino}"


def _catch_up(database: sqlite3.Connection, settings: Settings, progress: Progress) -> None:
    seen = _folder_stamp(settings)
    marks = pending.marks(settings)
    done = pending.let_go(marks, settings)
    there = set(layout.run_ids(settings))
    known = tables.known(database)
    changed = {mark.partition(".")[0] for mark in marks} | (there ^ known)
    _absorb(database, changed, settings, progress)
    # Only a folder that has rested is known by its time: two changes may share one tick.
    tables.remember(database, seen if _rested(settings) else "")
    pending.clear(done, settings)


def _rested(settings: Settings) -> bool:
    import time

    return time.time() - settings.runs.stat().st_mtime > 1.0


def _absorb(
    database: sqlite3.Connection, run_ids: Iterable[str], settings: Settings, progress: Progress
) -> None:
    """Read the records of these runs into the index; a run that is gone leaves it."""
    chosen = sorted(run_ids)
    for start in range(0, len(chosen), _BATCH):
        if start:
            progress.update(f"indexing runs: {start:,} of {len(chosen):,}")
        rows = [_row(run_id, settings, progress) for run_id in chosen[start : start + _BATCH]]
        tables.replace(database, chosen[start : start + _BATCH], [row for row in rows if row])


def _row(run_id: str, settings: Settings, progress: Progress) -> tables.Row | None:
    stamp = _stamp(run_id, settings)
    if not stamp:
        return None
    directory = settings.runs / run_id
    try:
        run = decoding.from_text((directory / layout.RECORD).read_bytes(), directory)
    except FileNotFoundError:
        return None
    except (OSError, StoreError) as error:
        progress.warning(f"a run is left out: {error}")
        return None
    if run.id != run_id:
        progress.warning(f"a run is left out: {directory} holds the record of {run.id}")
        return None
    return tables.Row(run_id, stamp, summaries.summarise(run))


def _stamp(run_id: str, settings: Settings) -> str:
    try:
        status = os.stat(f"{settings.runs}/{run_id}/{layout.RECORD}")  # noqa: PTH116  hot
    except OSError:
        return ""
    return f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}"


def _rebuild(settings: Settings, progress: Progress) -> sqlite3.Connection:
    """Build the index beside the one there is, and put it in its place; under the lock."""
    new = settings.index.with_name(".index.sqlite.building")
    _remove(new)
    database = tables.create(new)
    seen = _folder_stamp(settings)
    marks = pending.marks(settings)
    done = pending.let_go(marks, settings)
    run_ids = layout.run_ids(settings)
    if len(run_ids) > _BATCH:
        progress.update(f"rebuilding the index of {len(run_ids):,} runs")
    _absorb(database, run_ids, settings, progress)
    tables.remember(database, seen if _rested(settings) else "")
    database.close()
    # A journal left beside it would be played back into the new file.
    _remove(settings.index)
    new.rename(settings.index)
    pending.clear(done, settings)
    return tables.open_index(settings.index)


def _remove(path: Path) -> None:
    for name in (path.name + "-journal", path.name + "-wal", path.name + "-shm", path.name):
        path.with_name(name).unlink(missing_ok=True)


def _in_memory(settings: Settings, progress: Progress) -> sqlite3.Connection:
    progress.update("the index can't be written; reading every record")
    database = tables.create(None)
    _absorb(database, layout.run_ids(settings), settings, progress)
    return database
