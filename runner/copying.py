"""Copies of files and folders as they are: holes, modes, times and symlinks; shared blocks if able.

Blocks are shared (a reflink) where the file system does that in `copy_file_range`, such as btrfs
and XFS.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1 << 20
RANGE = 1 << 30
# Two file systems, an old kernel, a file system without it: then the bytes pass through here.
NO_RANGES = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}


def copy(source: Path, target: Path, *, flush: bool = False) -> None:
    """Copy a file, symlink or folder to where nothing is yet.

    Args:
        source: what is copied; links are copied as links, wherever they lead.
        target: the new name; it may be half-written when an error is raised.
        flush: whether files are on the disk when this returns.

    Raises:
        OSError: something can't be read or written, or is a socket, pipe or device.
    """
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211  byte for byte
        with contextlib.suppress(OSError, NotImplementedError):
            _keep_times(target, status)
    elif stat.S_ISREG(status.st_mode):
        _copy_file(source, target, status, flush=flush)
    elif stat.S_ISDIR(status.st_mode):
        target.mkdir(stat.S_IRWXU)
        for name in os.listdir(source):  # noqa: PTH208  names alone
            copy(source / name, target / name, flush=flush)
        target.chmod(stat.S_IMODE(status.st_mode))
        _keep_times(target, status)
    else:
        raise OSError(errno.EINVAL, "not a file, a folder or a symlink", str(source))


def _keep_times(target: Path, status: os.stat_result) -> None:
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _copy_file(source: Path, target: Path, status: os.stat_result, *, flush: bool) -> None:
    # A pipe that took the file's place meanwhile must not be waited for.
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(writing, status.st_size)
            for start, end in _data(reading, status.st_size):
                _copy_range(reading, writing, start, end)
            os.fchmod(writing, stat.S_IMODE(status.st_mode))
            os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
            if flush:
                os.fsync(writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _data(handle: int, size: int) -> list[tuple[int, int]]:
    """(start, end) of every stretch that isn't a hole."""
    stretches, end = [], 0
    try:
        while end < size:
            start = os.lseek(handle, end, os.SEEK_DATA)
            end = os.lseek(handle, start, os.SEEK_HOLE)
            stretches.append((start, end))
    except OSError as error:
        if error.errno != errno.ENXIO:  # ENXIO: only a hole is left
            return [(0, size)]
    return stretches


def _copy_range(reading: int, writing: int, start: int, end: int) -> None:
    in_kernel = hasattr(os, "copy_file_range")
    while start < end:
        if in_kernel:
            try:
                count = os.copy_file_range(
                    reading, writing, min(end - start, RANGE), offset_src=start, offset_dst=start
                )
            except OSError as error:
                if error.errno not in NO_RANGES:
                    raise
                in_kernel = False
                continue
        else:
            count = os.pwrite(writing, os.pread(reading, min(end - start, BLOCK), start), start)
        if count == 0:
            return  # somebody has cut the file off meanwhile
        start += count
