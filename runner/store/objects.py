"""Objects: each file's content once, read-only, under the name of its SHA-256."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.settings import Settings

BLOCK = 1 << 20
_READ_ONLY = 0o444
_FICLONE = 0x40049409  # <linux/fs.h>: share the extents of another file
_CANT_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES}


def present(digest: str, settings: Settings) -> Path | None:
    """The object, marked as used just now so that `gc` leaves it; None where there is none."""
    path = layout.object_path(digest, settings)
    try:
        os.utime(path)
    except OSError:
        return path if path.is_file() else None
    return path


def add_link(source: Path, digest: str, settings: Settings) -> bool:
    """Make the file at `source` the object `digest`, by a link: nothing is copied or moved.

    Returns:
        False where the file system can't link the two.

    Raises:
        OSError: the object can't be made.
    """
    target = layout.object_path(digest, settings)
    try:
        os.link(source, target, follow_symlinks=False)
        target.chmod(_READ_ONLY)
    except FileExistsError:
        if target.stat().st_size != source.stat().st_size:
            # Damaged from outside: a file of another size has not this digest.
            target.unlink(missing_ok=True)
            return add_link(source, digest, settings)
    except OSError as error:
        if error.errno not in _CANT_LINK:
            raise
        return False
    return True


def remove_link(handle: int, digest: str, settings: Settings) -> None:
    """Take the object `digest` away again if it is a link to the open file."""
    target = layout.object_path(digest, settings)
    with contextlib.suppress(OSError):
        if os.path.samestat(target.stat(), os.fstat(handle)):
            target.unlink()


def add_copy(handle: int, settings: Settings) -> str:
    """Copy the open file into the objects; its digest is of the bytes that were copied.

    Raises:
        OSError: the object can't be made; nothing half-written stays behind.
    """
    with writing(settings) as (target, name):
        copy_content(handle, target)
        os.lseek(target, 0, os.SEEK_SET)
        with os.fdopen(os.dup(target), "rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        keep(name, digest, settings)
    return digest


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[tuple[int, Path]]:
    """A new file among the objects, gone afterwards unless `keep` gave it its name.

    Raises:
        OSError: it can't be made.
    """
    name = settings.objects / f".{os.getpid()}-{os.urandom(8).hex()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, 0o600)
    except FileNotFoundError:
        settings.objects.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(name, flags, 0o600)
    try:
        yield handle, name
    finally:
        os.close(handle)
        name.unlink(missing_ok=True)


def keep(name: Path, digest: str, settings: Settings) -> Path:
    """Give the written file its name as an object.

    Raises:
        OSError: it can't be renamed.
    """
    target = layout.object_path(digest, settings)
    name.chmod(_READ_ONLY)
    if target.exists():
        os.utime(target)
    else:
        name.rename(target)
    return target


def copy_content(source: int, target: int) -> None:
    """Copy between open files: shared extents where the file system can, holes as holes.

    Raises:
        OSError: reading or writing failed.
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        _copy_extents(source, target, os.fstat(source).st_size)


def _copy_extents(source: int, target: int, size: int) -> None:
    position = 0
    while position < size:
        try:
            start = os.lseek(source, position, os.SEEK_DATA)
            end = os.lseek(source, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            start, end = position, size
        _copy_range(source, target, start, end)
        position = end
    os.ftruncate(target, size)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        block = os.pread(source, min(BLOCK, end - start), start)
        if not block:
            return
        view = memoryview(block)
        while view:
            written = os.pwrite(target, view, start)
            view, start = view[written:], start + written


def copy_file(source: Path, target: Path) -> None:
    """Copy a regular file with its permission bits, writable by its owner; never a link to it.

    Raises:
        OSError: reading or writing failed, or `target` is there already.
    """
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        mode = stat.S_IMODE(os.fstat(reading).st_mode) | stat.S_IWUSR
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        writing_to = os.open(target, flags, 0o600)
        try:
            copy_content(reading, writing_to)
            os.fchmod(writing_to, mode)
        finally:
            os.close(writing_to)
    finally:
        os.close(reading)
