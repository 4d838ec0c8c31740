"""What a folder holds, to the last bit, so that two can be compared."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from runner.progress import Silent
from runner.source.checkout import checkout

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Source


def digest_everything(root: Path) -> dict[str, tuple[object, bytes]]:
    """Every name, mode, time and byte below `root`, `.git` included."""
    found: dict[str, tuple[object, bytes]] = {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted([*folders, *names, "."]):
            path = os.path.join(folder, name)  # noqa: PTH118
            status = os.lstat(path)
            facts = (status.st_mode, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
            kept = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:  # noqa: PTH123
                    kept = hashlib.sha256(file.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                kept = os.fsencode(os.readlink(path))  # noqa: PTH115
            found[path] = (facts, kept)
    return found


def content(root: Path) -> dict[str, object]:
    """Path → bytes and executable bit, or a link's target; without `.git`."""
    found: dict[str, object] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names + [n for n in folders if os.path.islink(f"{folder}/{n}")]:  # noqa: PTH114
            path = f"{folder}/{name}"
            key = os.path.relpath(path, root)
            if os.path.islink(path):  # noqa: PTH114
                found[key] = os.readlink(path)  # noqa: PTH115
            elif os.path.isfile(path) and name != ".git":  # noqa: PTH113
                with open(path, "rb") as file:  # noqa: PTH123
                    found[key] = (file.read(), bool(os.stat(path).st_mode & 0o100))  # noqa: PTH116
    return found


def laid_out(source: Source, settings: Settings) -> dict[str, object]:
    """The content of a checkout of `source`."""
    with checkout(source, settings=settings, progress=Silent()) as made:
        return content(made.root)
