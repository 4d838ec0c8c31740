"""What a folder holds, by stat alone: taken before a step and after it, it shows what changed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Entry(NamedTuple):
    """A file, symlink or other thing; a change of content shows in one of these.

    Attributes:
        changed: `st_ctime_ns`, which no program can set back, unlike the modification time.
    """

    mode: int
    size: int
    inode: int
    device: int
    links: int
    modified: int
    changed: int

    @property
    def is_file(self) -> bool:
        """A regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_symlink(self) -> bool:
        """A symbolic link."""
        return stat.S_ISLNK(self.mode)


class Scan(Struct, frozen=True):
    """A folder's entries by POSIX path relative to it.

    Attributes:
        folders: every folder, with whether it is empty.
        unreadable: folders that can't be listed, and why.
        repositories: every `.git` that was left out.
    """

    entries: Mapping[str, Entry]
    folders: Mapping[str, bool]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    repositories: frozenset[str] = frozenset()


def scan(root: Path, *, without: frozenset[str] | None = None) -> Scan:
    """Look at everything below `root`, following no link.

    Args:
        root: a folder; a link in its place holds nothing.
        without: paths that are left out; None for every `.git`.
    """
    entries: dict[str, Entry] = {}
    folders: dict[str, bool] = {}
    unreadable: dict[str, str] = {}
    repositories: set[str] = set()
    waiting = [""]
    if root.is_symlink():
        unreadable[""], waiting = "a link is in its place", []
    while waiting:
        below = waiting.pop()
        try:
            found = list(os.scandir(f"{root}/{below}" if below else root))
        except OSError as error:
            unreadable[below] = (error.strerror or "").lower()
            continue
        if below:
            folders[below] = not found
        for item in found:
            path = f"{below}/{item.name}" if below else item.name
            if path in without if without is not None else item.name == ".git":
                repositories.add(path)
            elif item.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif (entry := _entry(item)) is not None:
                entries[path] = entry
    return Scan(entries, folders, unreadable, frozenset(repositories))


def _entry(item: os.DirEntry[str]) -> Entry | None:
    try:
        status = item.stat(follow_symlinks=False)
    except OSError:
        return None  # gone since the folder was listed
    return of_status(status)


def of_status(status: os.stat_result) -> Entry:
    """The entry that a stat describes."""
    return Entry(
        mode=status.st_mode,
        size=status.st_size,
        inode=status.st_ino,
        device=status.st_dev,
        links=status.st_nlink,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
    )
