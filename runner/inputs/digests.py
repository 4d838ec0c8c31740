"""Digests of what a step reads: a file, a symlink, a folder as a whole."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from runner import files, fingerprint, patterns
from runner.errors import InputError
from runner.store import parallel
from runner.store.records import RecordedFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def each(root: Path, paths: Iterable[str], origin: str) -> tuple[RecordedFile, ...]:
    """One recorded input for each file or symlink below `root`, all cores at work.

    Raises:
        InputError: one can't be read.
    """
    recorded: list[RecordedFile] = []

    def digest(path: str) -> None:
        recorded.append(_one(root / path, path, origin))

    parallel.each(digest, list(paths), weight=lambda path: _size(root / path))
    return tuple(sorted(recorded, key=lambda file: file.path))


def whole(path: Path, shown: str, origin: str) -> RecordedFile:
    """One recorded input for a file, or for a folder with everything in it; links not followed.

    Raises:
        InputError: it can't be read.
    """
    if not path.is_dir():
        # A value may be a link; what the step reads is behind it.
        return _one(path.resolve() if path.is_symlink() else path, shown, origin)
    held = each(path, patterns.files_below(path), origin)
    return RecordedFile(
        path=shown,
        sha256=fingerprint.of_value("tree", [(one.path, one.kind, one.sha256) for one in held]),
        size=sum(file.size for file in held),
        kind="folder",
        mode=stat.S_IMODE(path.stat().st_mode),
        origin=origin,
    )


def _one(path: Path, shown: str, origin: str) -> RecordedFile:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            text = os.fsencode(os.readlink(path))  # noqa: PTH115  as text, untouched
            sha256 = hashlib.sha256(text).hexdigest()
            return RecordedFile(shown, sha256, len(text), "symlink", 0o777, origin)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"input `{shown}` is neither a file nor a folder")
        return RecordedFile(
            shown,
            files.sha256_file(path),
            status.st_size,
            mode=stat.S_IMODE(status.st_mode),
            origin=origin,
        )
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InputError(f"input `{shown}` can't be read: {reason}") from error


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
