"""A project on this machine as it stands: for a look at its manifest nothing need be captured."""

from __future__ import annotations

import functools
import os
import stat
from typing import IO, TYPE_CHECKING

from runner.errors import SourceError
from runner.source import local
from runner.source.address import classify
from runner.source.model import ProjectEntry
from runner.source.resolve import no_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.source.model import ProjectFiles


class Standing:
    """`ProjectFiles` over a folder of this machine.

    Args:
        project: the project's folder.
        root: the source's top; no link is followed out of it.
    """

    def __init__(self, project: Path, root: Path) -> None:
        self._project = project
        self._root = os.path.realpath(root)

    def names(self) -> tuple[str, ...]:
        """The entries of the project's folder, sorted."""
        return tuple(sorted(entry.name for entry in self._project.iterdir()))

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, None where there is none.

        Raises:
            SourceError: the path leaves the source.
        """
        place = self._place(path)
        return place.read_bytes() if place.is_file() else None

    def tree_digest(self, path: str) -> str | None:
        """Says only whether something is there: a digest would have to read all of it."""
        return path if self._place(path).exists() else None

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        """Everything below the folder at `path`, git's own folders left out.

        Raises:
            SourceError: the path leaves the source.
        """
        place = self._place(path)
        if place.is_dir():
            yield from _below(place, "")

    def _place(self, path: str) -> Path:
        place = self._project / path
        real = os.path.realpath(place)
        if path.startswith("/") or os.path.commonpath([self._root, real]) != self._root:
            raise SourceError(f"the path `{path}` is outside of the source")
        return place


def look(uri: str, subdirectory: str, *, caller: Path) -> Standing | None:
    """The files of the project at a path; None for a URL, an archive or a bare repository.

    Raises:
        RequestError: `uri` is no address.
        SourceNotFound: nothing is there, or it has no such subdirectory.
        SourceRefused: it belongs to somebody else.
    """
    address = classify(uri, caller)
    if address.kind != "local" or address.path is None:
        return None
    found = local.discover(address.path)
    if found is not None and found.work_tree is None:
        return None
    project = address.path / subdirectory
    if not project.is_dir():
        raise no_directory(str(address.path), subdirectory, _folders(address.path, subdirectory))
    top = address.path if found is None or found.work_tree is None else found.work_tree
    return Standing(project, top)


def _folders(top: Path, subdirectory: str) -> list[str]:
    """The folders that stand where `subdirectory` was looked for."""
    above = subdirectory.rpartition("/")[0]
    try:
        entries = sorted((top / above).iterdir())
    except OSError:
        return []
    folders = [entry.name for entry in entries if entry.is_dir() and entry.name != ".git"]
    return [f"{above}/{name}".lstrip("/") for name in folders]


def _below(folder: Path, shown: str) -> Iterator[ProjectEntry]:
    for place in sorted(folder.iterdir()):
        path = shown + place.name
        opener = functools.partial(_opened, place)
        if place.is_symlink():
            yield ProjectEntry(path, "link", opener, os.readlink(place))  # noqa: PTH115  keeps bytes
        elif place.is_dir():
            if place.name != ".git":
                yield ProjectEntry(path, "folder", opener)
                yield from _below(place, f"{path}/")
        elif place.is_file():
            program = place.stat().st_mode & stat.S_IXUSR
            yield ProjectEntry(path, "program" if program else "file", opener)


def _opened(place: Path) -> IO[bytes]:
    return place.open("rb")


def _conforms(files: Standing) -> ProjectFiles:
    return files
