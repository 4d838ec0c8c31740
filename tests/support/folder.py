"""A project's files read from a real folder, as the source stage would give them."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.errors import SourceError
from runner.source.model import ProjectEntry

if TYPE_CHECKING:
    from collections.abc import Iterator


class FolderFiles:
    """`ProjectFiles` over a folder.

    Args:
        project: the project's folder.
        root: the source's top; nothing above it is read.
    """

    def __init__(self, project: Path, root: Path | None = None) -> None:
        self._project = project
        self._root = root or project

    def names(self) -> tuple[str, ...]:
        return tuple(os.listdir(self._project))  # noqa: PTH208 - the directory's own order

    def read(self, path: str) -> bytes | None:
        found = Path(os.path.normpath(self._project / path))
        if not found.is_relative_to(self._root):
            raise SourceError(f"`{path}` leaves the source")
        return found.read_bytes() if found.is_file() else None

    def tree_digest(self, path: str) -> str | None:
        file = self._project / path
        if file.is_dir():
            raise NotImplementedError(path)
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        found = Path(os.path.normpath(self._project / path))
        if not found.is_relative_to(self._root):
            raise SourceError(f"`{path}` leaves the source")
        return entries_of(found)


def entries_of(folder: Path) -> Iterator[ProjectEntry]:
    """What lies in a real folder; nothing where it is none."""
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder).as_posix()
        opener = functools.partial(_opened, place)
        if place.is_symlink():
            yield ProjectEntry(path, "link", opener, str(place.readlink()))
        elif place.is_dir():
            yield ProjectEntry(path, "folder", opener)
        else:
            program = place.stat().st_mode & 0o100
            yield ProjectEntry(path, "program" if program else "file", opener)


def _opened(place: Path) -> IO[bytes]:
    return place.open("rb")


def project(folder: Path, manifest: str | bytes, **files: str) -> FolderFiles:
    """A project of a manifest and files (`conda_yaml` stands for `conda.yaml`)."""
    folder.mkdir(parents=True, exist_ok=True)
    content = manifest.encode() if isinstance(manifest, str) else manifest
    (folder / "MLproject").write_bytes(content)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return FolderFiles(folder)
