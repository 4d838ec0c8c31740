"""A plain directory as a source: everything in it, but for version control and marked caches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from runner.errors import SourceError
from runner.source import bundle
from runner.source.model import Changes, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address

_LEFT_OUT = frozenset({".git", ".hg", ".svn", ".bzr", "__pycache__"})
# What says itself that it can be made again, or works only where it stands.
_MARKS = ("CACHEDIR.TAG", "pyvenv.cfg")


def resolve(
    address: Address, subdirectory: str, *, settings: Settings, progress: Progress
) -> Source:
    """Capture the directory that `address` names.

    Raises:
        SourceError: something in it can't be read.
        SourceTooLarge: it holds more than a snapshot may.
    """
    assert address.path is not None
    entries = list(walk(address.path, settings.homes, progress))
    bundle.check_size(entries, where=str(address.path))
    digest, size = bundle.store(entries, (), settings=settings)
    return captured("directory", address, digest, size, entries, subdirectory, address.path)


def captured(
    kind: str,
    address: Address,
    digest: str,
    size: int,
    entries: list[bundle.Entry],
    subdirectory: str,
    store: Path,
) -> Source:
    """The source whose whole content is the object `digest`."""
    return Source(
        kind="archive" if kind == "archive" else "directory",
        url=address.public,
        commit=None,
        tree=f"sha256:{digest}",
        subdirectory=subdirectory,
        store=store,
        work_key=address.key,
        changes=Changes(digest, size, added=tuple(sorted(entry.path for entry in entries))),
    )


def walk(root: Path, homes: tuple[Path, ...], progress: Progress) -> Iterator[bundle.Entry]:
    """Everything below `root` that belongs to the project.

    Raises:
        SourceError: something in it can't be read.
    """
    # A home inside the project would hold a copy of itself, and twice as much after each run.
    ours = {home.resolve() for home in homes}
    for folder, folders, names in os.walk(root, onerror=_refuse):
        below = (Path(folder, name) for name in sorted(folders))
        folders[:] = [path.name for path in below if path not in ours and not _is_left_out(path)]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        at = "" if folder == str(root) else f"{os.path.relpath(folder, root)}/"
        if at and not names and not folders:
            yield bundle.Entry(at.rstrip("/"), "folder")
        for name in (*names, *links):
            entry = None if name in _LEFT_OUT else _entry(root, at + name)
            if entry is not None:
                yield entry
            elif name not in _LEFT_OUT:
                progress.warning(f"`{at}{name}` is a socket, a pipe or a device, and is left out")


def _entry(root: Path, path: str) -> bundle.Entry | None:
    try:
        return bundle.entry_at(root, path)
    except OSError as error:
        _refuse(error)


def _is_left_out(folder: Path) -> bool:
    if folder.is_symlink():
        return False
    return folder.name in _LEFT_OUT or any(
        # pathlib raises where the folder may not be searched; the walk says so with its name.
        os.path.isfile(folder / mark)  # noqa: PTH113
        for mark in _MARKS
    )


def _refuse(error: OSError) -> NoReturn:
    reason = (error.strerror or "").lower()
    raise SourceError(f"can't read `{error.filename}`: {reason}") from error
