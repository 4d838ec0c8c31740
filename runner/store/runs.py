"""The life of a record: begun before the step, finished after it, read, settled, deleted."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import files
from runner.errors import StoreError
from runner.store import encoding, layout, liveness, names, pending

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run
    from runner.store.summaries import Summary

_MARKS_BEFORE_INDEXING = 256


def begin(run: Run, *, lock_text: str | None, settings: Settings) -> Run:
    """Record `run` as running, its lock beside it; the record is there whole or not at all.

    Args:
        run: as it is before anything has happened.
        lock_text: None for a run without a step of its own.
        settings: the homes.

    Returns:
        The run with its directory and the process that looks after it.

    Raises:
        StoreError: the run is recorded already, or can't be kept.
    """
    directory = layout.run_directory(run.id, settings)
    process = run.process or liveness.current_process()
    begun = replace(run, status="running", directory=directory, process=process)
    record = directory / layout.RECORD
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with pending.marked(run.id, settings):
            _refuse_links(directory)
            new = directory / f".{layout.RECORD}.{os.getpid()}"
            new.unlink(missing_ok=True)
            with new.open("x", encoding="ascii") as file:
                file.write(encoding.to_text(begun))
            _claim(new, record, run.id)
            if lock_text is not None:
                files.atomic_write(directory / layout.LOCK, lock_text.encode())
    except OSError as error:
        raise layout.storing(f"run {run.id}", error) from error
    return begun


def _refuse_links(directory: Path) -> None:
    """Where something of another's lies in the folder of a new run, nothing is written.

    Raises:
        StoreError: a link would lead what is written to somewhere else.
    """
    with os.scandir(directory) as entries:
        links = [entry.name for entry in entries if entry.is_symlink()]
    if links or directory.is_symlink():
        what = f"a link `{links[0]}` lies in it" if links else "it is a link"
        raise StoreError(
            f"run {directory.name} can't be kept in {directory}: {what}",
            "remove that folder, or choose another id",
        )


def _claim(new: Path, record: Path, run_id: str) -> None:
    """Give the record its name, which only one of two processes can."""
    try:
        os.link(new, record)
    except FileExistsError:
        raise StoreError(
            f"run {run_id} is recorded already", "choose another --run-id, or none"
        ) from None
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        new.rename(record)
        return
    finally:
        new.unlink(missing_ok=True)


def finish(run: Run, *, settings: Settings) -> Run:
    """Replace the record of a run that was begun, atomically, with all that was logged to it.

    Raises:
        StoreError: it can't be kept.
    """
    directory = run.directory or layout.run_directory(run.id, settings)
    finished = _with_logged(replace(run, directory=directory), settings)
    try:
        with pending.marked(run.id, settings):
            text = encoding.to_text(finished).encode("ascii")
            files.atomic_write(directory / layout.RECORD, text)
    except OSError as error:
        raise layout.storing(f"the record of run {run.id}", error) from error
    if len(pending.marks(settings)) > _MARKS_BEFORE_INDEXING:
        _index_now(settings)
    return finished


def _with_logged(run: Run, settings: Settings) -> Run:
    assert run.directory is not None
    if run.logged is not None or not any(
        os.path.lexists(run.directory / name) for name in (layout.JOURNAL, layout.LOGGED)
    ):
        return run
    from runner.store import logged

    return logged.gather(run, settings)


def _index_now(settings: Settings) -> None:
    from runner.progress import Silent
    from runner.store import index

    # A sweep that nobody lists meanwhile must not leave the whole work to the first listing.
    index.refresh(settings=settings, progress=Silent())


def read(name: str | Path, *, settings: Settings) -> Run:
    """The run that `name` names: an id or its prefix, `latest`, `latest:ENTRY`, a record's path.

    A run of this store whose process is gone is settled as `lost` on the way.

    Raises:
        UnknownRun: no run, or several, have that name.
        StoreError: the record can't be read.
    """
    if (path := names.record_path(name)) is not None:
        return load(path)
    return settled(load_id(names.find(str(name), settings=settings), settings), settings)


def find(name: str, *, settings: Settings) -> str:
    """The id of the run that `name` names, as for `read`.

    Raises:
        UnknownRun: no run of this store, or several, have that name.
        StoreError: a record that had to be looked at can't be read.
    """
    return names.find(name, settings=settings)


def load_id(run_id: str, settings: Settings) -> Run:
    """The record of a run of this store, as it stands.

    Raises:
        StoreError: it is gone, can't be read, or belongs to another run.
    """
    directory = layout.run_directory(run_id, settings)
    run = load(directory / layout.RECORD)
    if run.id != run_id:
        raise StoreError(f"{directory / layout.RECORD}: the record is of run {run.id}")
    return run


def load(record: Path) -> Run:
    """The record at a path, as it stands.

    Raises:
        StoreError: it is gone or can't be read.
    """
    # Who only writes records need not know how to read them.
    from runner.store import decoding

    try:
        text = record.read_bytes()
    except OSError as error:
        raise StoreError(f"{record} can't be read: {(error.strerror or '').lower()}") from error
    return decoding.from_text(text, record.parent)


def settled(run: Run, settings: Settings) -> Run:
    """`run`, or what it is now that the process which looked after it is gone: lost."""
    if run.status != "running" or run.process is None or not liveness.is_gone(run.process):
        return run
    # Looked at again: the process may have finished the record just before it ended.
    run = load_id(run.id, settings)
    if run.status != "running" or run.process is None:
        return run
    reason = f"process {run.process.pid} on {run.process.host}, which looked after it, is gone"
    lost = replace(run, status="lost", reason=reason)
    try:
        return finish(lost, settings=settings)
    except StoreError:
        # A home that can't be written (a colleague's) still shows the truth.
        return lost


def children(run_id: str, settings: Settings) -> list[Summary]:
    """The runs that the step of this one started, the oldest first.

    Raises:
        StoreError: the store can't be read.
    """
    from runner.progress import Silent
    from runner.store import index
    from runner.store.summaries import Filter

    wanted = Filter(parent=run_id, newest_first=False)
    return index.list_runs(wanted, settings=settings, progress=Silent())


def with_descendants(run_ids: Iterable[str], settings: Settings) -> list[str]:
    """These runs and all that were started inside of them, each once.

    Raises:
        StoreError: the store can't be read.
    """
    found = dict.fromkeys(run_ids)
    waiting = list(found)
    while waiting:
        inside = [child.id for child in children(waiting.pop(), settings)]
        waiting += [child for child in inside if child not in found]
        found |= dict.fromkeys(inside)
    return list(found)


def settle(settings: Settings) -> tuple[Run, ...]:
    """Settle every run that is marked running although its process is gone.

    Returns:
        The runs that were found lost.

    Raises:
        StoreError: the store can't be read.
    """
    from runner.progress import Silent
    from runner.store import index
    from runner.store.summaries import Filter

    lost: list[Run] = []
    running = Filter(status="running")
    for summary in index.list_runs(running, settings=settings, progress=Silent()):
        run = settled(load_id(summary.id, settings), settings)
        if run.status == "lost":
            lost.append(run)
    return tuple(lost)


def delete(run_ids: Iterable[str], *, settings: Settings) -> frozenset[str]:
    """Delete runs, records and outputs.

    Returns:
        digests of the files that these runs had made; `gc.collect` frees those that nobody else
        has.

    Raises:
        StoreError: one of them is still running (then none is deleted), or can't be removed.
    """
    chosen = [layout.run_directory(run_id, settings) for run_id in run_ids]
    for directory in chosen:
        _refuse_running(directory, settings)
    outputs = frozenset[str]().union(*(_outputs(directory, settings) for directory in chosen))
    for directory in chosen:
        try:
            with pending.marked(directory.name, settings):
                # Out of sight at once: a kill in the middle leaves no half of a run.
                gone = directory.with_name(f".deleted-{directory.name}-{os.urandom(4).hex()}")
                directory.rename(gone)
            files.remove_tree(gone)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(
                f"run {directory.name} can't be deleted: {(error.strerror or '').lower()}"
            ) from error
    return outputs


def _outputs(directory: Path, settings: Settings) -> frozenset[str]:
    try:
        run = load_id(directory.name, settings)
    except StoreError:
        return frozenset()
    return frozenset(output.sha256 for output in run.files if output.kind == "file")


def _refuse_running(directory: Path, settings: Settings) -> None:
    try:
        run = settled(load_id(directory.name, settings), settings)
    except StoreError:
        # A damaged record is a reason to delete the run, not one to keep it.
        return
    if run.status == "running":
        process = f" (process {run.process.pid})" if run.process else ""
        raise StoreError(f"run {run.id} is still running{process}", "end it first")
