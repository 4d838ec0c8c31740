"""Lays a source out for one run: a folder of its own, held under a lock, with a git of its own."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runner.errors import RequestError, SourceDamaged, SourceError
from runner.source import bundle, lay, repository
from runner.source.address import path_of
from runner.source.model import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.locking import HeldLock
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import Source

_SLOTS = 10_000


@contextlib.contextmanager
def checkout(
    source: Source, *, settings: Settings, progress: Progress, in_place: bool = False
) -> Iterator[Checkout]:
    """The source, laid out; removed at the end unless the caller moved it away.

    Raises:
        RequestError: `in_place` is set and the source is not what stands in a directory.
        SourceError: the content can't be read, or the cache can't be written.
    """
    if in_place:
        yield _in_place(source)
        return
    try:
        root, lock = _take_slot(settings.work / source.work_key)
    except OSError as error:
        raise _unwritable(settings.work, error) from error
    try:
        _lay_out(source, root, settings, progress)
        yield Checkout(root, inside(root, source.subdirectory), handle=lock.fileno())
    finally:
        _remove(root, progress)
        lock.release()


def inside(root: Path, path: str) -> Path:
    """`root / path`, where no link on the way leads out of `root`.

    Raises:
        SourceError: one does, or the path itself leaves it.
    """
    place = root / path
    real, top = os.path.realpath(place), os.path.realpath(root)
    if real != top and not real.startswith(f"{top}{os.sep}"):
        raise SourceError(f"the path `{path}` leads out of the checkout, to {real}")
    return place


def _in_place(source: Source) -> Checkout:
    if not source.raw and source.kind != "directory":
        raise RequestError(
            f"{source.url} can't be run in place: that needs a local directory and no version",
            hint="leave out --in-place",
        )
    root = path_of(source.url)
    return Checkout(root, root / source.subdirectory, in_place=True)


def _take_slot(folder: Path) -> tuple[Path, HeldLock]:
    """The lowest slot that nobody holds, cleared of what a killed run may have left."""
    from runner.locking import try_hold

    for slot in range(_SLOTS):
        lock = try_hold(folder / f"{slot}.lock")
        if lock is None:
            continue
        root = folder / str(slot)
        if _cleared(root):
            return root, lock
        lock.release()
    raise SourceError(f"all {_SLOTS} checkouts below {folder} are in use")


def _cleared(root: Path) -> bool:
    """False where something stays: what a container wrote as root, a file system mounted there."""
    from runner.files import remove_tree

    try:
        if os.path.lexists(root):
            remove_tree(root)
    except OSError:
        return False
    return True


def _lay_out(source: Source, root: Path, settings: Settings, progress: Progress) -> None:
    from runner.files import remove_tree

    try:
        try:
            _lay_once(source, root, settings, progress)
        except SourceDamaged:
            from runner.source import heal

            if not heal.fetch_again(source, source.store, settings, progress):
                _refuse_partial(source)
                raise
            remove_tree(root)
            _lay_once(source, root, settings, progress)
    except OSError as error:
        raise _unwritable(root, error) from error


def _refuse_partial(source: Source) -> None:
    """Say it well where the user's clone never had the content."""
    try:
        partial = b"promisor" in (source.store / "config").read_bytes()
    except OSError:
        return
    if partial:
        raise SourceError(
            f"{source.url} is a partial clone that lacks content of {str(source.commit)[:12]}",
            hint="fetch it with `git checkout` of that version, or give the remote's URL",
        )


def _lay_once(source: Source, root: Path, settings: Settings, progress: Progress) -> None:
    root.mkdir(mode=0o700, parents=True)
    if source.commit is not None:
        lay.commit(source.store, source.commit, root, where=source.url, raw=source.raw)
        for path, commit in sorted(source.submodules.items()):
            store = source.submodule_stores[path]
            place = inside(root, path)
            lay.commit(store, commit, place, where=f"{source.url} ({path})", raw=source.raw)
    elif source.kind == "git":
        head = f"ref: refs/heads/{source.branch or 'main'}"
        repository.write(root / ".git", head=head, borrowed=source.store, tags=False)
    if source.changes is not None:
        place = bundle.locate(source.changes.object, settings=settings, verify=True)
        opened = bundle.Bundle(place)
        try:
            lay.snapshot(opened, root)
        finally:
            opened.close()
    else:
        lay.warn_of_pointers(root, progress)


def _remove(root: Path, progress: Progress) -> None:
    from runner.files import remove_tree

    try:
        remove_tree(root)
    except OSError as error:
        progress.warning(f"the checkout {root} can't be removed: {error.strerror}")


def _unwritable(place: Path, error: OSError) -> SourceError:
    return SourceError(
        f"can't lay the project out in {place}: {error.strerror}",
        hint="make room, or set REPRUN_CACHE to a folder that can be written",
    )
