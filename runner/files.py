"""Files that are there whole or not at all: atomic writes, moves, replaced folders, digests."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from pathlib import Path

from runner.copying import copy

BLOCK = 1 << 20
# What a killed process leaves of an unfinished file is called `.reprun-new.*` and may be deleted.
UNFINISHED = ".reprun-new."
NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}
DEEP = 64  # levels that are kept open at once while a tree is removed
_COUNT = itertools.count()


def atomic_write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` beside `path`, flush it to the disk and rename it into place.

    Raises:
        OSError: the folder can't be made or written; nothing half-written stays behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = _beside(path)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def move(source: Path, target: Path) -> None:
    """Rename a file, symlink or folder, or carry it to another file system.

    Holes stay holes; modes and times stay. Where it is carried, the target appears whole and on
    the disk before the source goes; a file or symlink that stood at `target` is replaced.

    Raises:
        OSError: the source is as it was and the target is not there.
    """
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    _copy_into_place(source, target, flush=True)
    remove_tree(source)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link `source` to `target`, or copy it where the file system can't link.

    Raises:
        OSError: such as FileExistsError; what is at `target` then is not half-written.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        _copy_into_place(source, target, flush=False)


def replace_directory(new: Path, target: Path) -> None:
    """Rename the finished folder `new` to `target`; what stood there before is removed after.

    Two processes may do so at once: one of the folders stands there whole at the end. A process
    that is killed between the two renames leaves nothing at `target`.

    Raises:
        OSError: `new` can't be renamed; what stood there before is put back.
    """
    while True:
        old: Path | None
        try:
            old = target.rename(_beside(target))
        except FileNotFoundError:
            old = None
        try:
            new.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                if old is not None:
                    old.rename(target)
                raise
        else:
            break
        finally:
            if old is not None:
                remove_tree(old)


def remove_tree(path: Path) -> None:
    """Remove a folder, read-only parts of it too, however deep; a link is only unlinked.

    Nothing happens where there is nothing.

    Raises:
        OSError: something in it can't be removed.
    """
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        top = _open_folder(str(path), None)
    except FileNotFoundError:
        return
    try:
        # Folders far down are brought up to the top, where another round finds them.
        while _empty(top, top, 0):
            pass
    finally:
        os.close(top)
    with contextlib.suppress(FileNotFoundError):
        path.rmdir()


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's content."""
    import hashlib

    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses, however long `path`'s own name is."""
    return path.with_name(f"{UNFINISHED}{os.getpid()}.{os.urandom(4).hex()}.{next(_COUNT)}")


def _copy_into_place(source: Path, target: Path, *, flush: bool) -> None:
    new = _beside(target)
    try:
        copy(source, new, flush=flush)
        new.rename(target)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_tree(new)
        raise


def _empty(folder: int, top: int, depth: int) -> bool:
    """Remove what is in an open folder; True where something was brought up to `top` instead."""
    brought = False
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        with contextlib.suppress(FileNotFoundError):
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                continue
            inner = _open_folder(name, folder)
            try:
                if depth == DEEP:
                    os.rename(name, _beside(Path(name)).name, src_dir_fd=folder, dst_dir_fd=top)
                    brought = True
                    continue
                brought |= _empty(inner, top, depth + 1)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)
    return brought


def _open_folder(name: str, parent: int | None) -> int:
    """Open a folder, never through a link, and make sure that we may empty it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        handle = os.open(name, flags, dir_fd=parent)
    if os.fstat(handle).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with contextlib.suppress(PermissionError):
            os.fchmod(handle, stat.S_IRWXU)
    return handle
