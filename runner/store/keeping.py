"""Takes one file of a checkout into the objects: by a link where that is safe, else by a copy."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.store import layout, objects, scan
from runner.store.records import RecordedFile

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.scan import Entry

_ATTEMPTS = 3


class Unreadable(Exception):
    """The file can't be read; nothing else is wrong."""


class Keeper(Struct, frozen=True):
    """How the files of one run are kept.

    Attributes:
        root: the checkout's top.
        artifacts: where the run shows its outputs.
        copy: the checkout stays (it is the user's, or was asked for): no file of it may become
            read-only or shared.
        alone: inodes all of whose names are outputs of this run.
    """

    root: Path
    artifacts: Path
    settings: Settings
    copy: bool
    alone: frozenset[tuple[int, int]] = frozenset()

    def keep_file(self, path: str, shown: str, entry: Entry, origin: str) -> RecordedFile:
        """Keep a regular file.

        Args:
            path: relative to `root`.
            shown: relative to the project, as the record has it.
            entry: what the scan saw.
            origin: for the record.

        Raises:
            Unreadable: it can't be read.
            OSError: it can't be kept.
        """
        source = self.root / path
        handle = self._open(source, entry)
        try:
            digest = self._object(source, handle, entry)
            size = os.fstat(handle).st_size
        finally:
            os.close(handle)
        self._show(digest, shown, source, entry)
        mode = stat.S_IMODE(entry.mode)
        return RecordedFile(path=shown, sha256=digest, size=size, mode=mode, origin=origin)

    def keep_symlink(self, path: str, shown: str, origin: str) -> RecordedFile:
        """Keep a symbolic link as what it is; where it points to is nobody's business.

        Raises:
            OSError: it can't be kept.
        """
        target = os.readlink(self.root / path)  # noqa: PTH115  as text, untouched
        link = self.artifacts / layout.artifact_name(shown)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        text = os.fsencode(target)
        return RecordedFile(
            path=shown,
            sha256=hashlib.sha256(text).hexdigest(),
            size=len(text),
            kind="symlink",
            mode=0o777,
            origin=origin,
        )

    def _open(self, source: Path, entry: Entry) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(source, flags)
        except PermissionError as error:
            if self.copy:
                raise Unreadable((error.strerror or "").lower()) from error
        try:
            source.chmod(stat.S_IMODE(entry.mode) | stat.S_IRUSR)
            return os.open(source, flags)
        except OSError as error:
            raise Unreadable((error.strerror or "").lower()) from error

    def _object(self, source: Path, handle: int, entry: Entry) -> str:
        shared = entry.links > 1 and (entry.device, entry.inode) not in self.alone
        if self.copy or shared or _being_written(handle):
            return objects.add_copy(handle, self.settings)
        for _ in range(_ATTEMPTS):
            before = _content_state(handle)
            digest = _digest(handle)
            if not objects.add_link(source, digest, self.settings):
                return objects.add_copy(handle, self.settings)
            if _content_state(handle) == before and not _being_written(handle):
                return digest
            # Somebody still wrote: the link would be of other bytes than its name says.
            objects.remove_link(handle, digest, self.settings)
        return objects.add_copy(handle, self.settings)

    def _show(self, digest: str, shown: str, source: Path, entry: Entry) -> None:
        """Link the object below the run's artifacts, with a copy where it can't be linked."""
        target = self.artifacts / layout.artifact_name(shown)
        content = layout.object_path(digest, self.settings)
        for attempt in range(_ATTEMPTS):
            try:
                _link(content, target)
            except FileNotFoundError:
                # `gc` took an object that nobody had referred to; this run's file is still here.
                if attempt == _ATTEMPTS - 1:
                    raise
                handle = self._open(source, entry)
                try:
                    objects.add_copy(handle, self.settings)
                finally:
                    os.close(handle)
            else:
                return


def _link(content: Path, target: Path) -> None:
    from runner import files

    try:
        files.link_or_copy(content, target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.link_or_copy(content, target)
    except FileExistsError:
        if target.samefile(content):
            return  # the object is this very file: nothing must be missing, not for a moment
        target.unlink()
        files.link_or_copy(content, target)


def _digest(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    size = os.fstat(handle).st_size
    if size <= objects.BLOCK:
        return hashlib.sha256(os.read(handle, size + 1)).hexdigest()
    with os.fdopen(os.dup(handle), "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_state(handle: int) -> tuple[int, int]:
    status = scan.of_status(os.fstat(handle))
    return status.size, status.modified


def _being_written(handle: int) -> bool:
    """Whether any process has the file open, or mapped, for writing.

    A read lease is only given where nobody has; file systems without leases say nothing.
    """
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
