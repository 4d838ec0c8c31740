"""Takes conda's Python packages out of a prefix, for pip's to come in their place.

uv would not do: it refuses those that distutils installed (an `.egg-info` without a list of its
files), leaves what a `RECORD` forgets, and finds nothing to do where only the origin is another.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.conda import python_packages
from runner.environments.recorded import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def take_out(names: Iterable[str], prefix: Path) -> None:
    """Remove the Python files of the packages `names` (PEP 503), as far as they are there."""
    wanted = set(names)
    for one in python_packages.held_in(prefix).values():
        if one.name in wanted:
            for path in (*_recorded(one.info, prefix), *_within(one.info)):
                _remove(path, prefix)


def _recorded(info: Path, prefix: Path) -> list[Path]:
    """The package's files: by its own list, else by conda's list of the package that has it."""
    site = info.parent
    if rows := rows_of(info):
        root = os.path.realpath(prefix)
        paths = (Path(os.path.normpath(site / row[0])) for row in rows)
        # A list from outside may name anything.
        found = [
            path for path in paths if f"{os.path.realpath(path.parent)}/".startswith(f"{root}/")
        ]
        return [*found, *(old for path in found for old in _bytecode(path))]
    own = info.relative_to(prefix).as_posix()
    below = (f"{site.relative_to(prefix).as_posix()}/", "bin/")
    for meta in sorted((prefix / "conda-meta").glob("*.json")):
        files = json.loads(meta.read_bytes()).get("files") or ()
        if any(name == own or name.startswith(f"{own}/") for name in files):
            return [prefix / name for name in files if name.startswith(below)]
    return []


def _bytecode(path: Path) -> Iterator[Path]:
    if path.suffix == ".py":
        yield from (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")


def _within(info: Path) -> Iterator[Path]:
    yield from (info.iterdir() if info.is_dir() else (info,))


def _remove(path: Path, prefix: Path) -> None:
    """Remove the file, and folders above it that are empty then: Python would import these."""
    with suppress(IsADirectoryError, FileNotFoundError, NotADirectoryError):
        path.unlink()
    with suppress(OSError):
        for folder in path.parents:
            if folder == prefix:
                return
            folder.rmdir()
