"""Reads the project's files before anything is checked out."""

from __future__ import annotations

import contextlib
import functools
import posixpath
from typing import TYPE_CHECKING

from runner.errors import SourceError
from runner.source import bundle
from runner.source.model import ProjectEntry
from runner.source.trees import FILE, FOLDER, LINK, PROGRAM, SUBMODULE, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.settings import Settings
    from runner.source.model import ProjectFiles, Source


class SourceFiles:
    """`ProjectFiles` over a source's tree."""

    def __init__(self, tree: Tree, subdirectory: str) -> None:
        self._tree = tree
        self._subdirectory = subdirectory

    def names(self) -> tuple[str, ...]:
        """The entries of the project's directory, sorted."""
        found = self._tree.follow(self._subdirectory)
        return tuple(self._tree.children(found[0])) if found else ()

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, None where there is none.

        Raises:
            SourceError: the path leaves the source.
        """
        found = self._tree.follow(self._inside(path))
        if found is None or found[1].mode & ~0o777 != FILE & ~0o777:
            return None
        return self._tree.content(found[1])

    def tree_digest(self, path: str) -> str | None:
        """The name that git gives, or would give, to the folder or file at `path`."""
        found = self._tree.follow(self._inside(path))
        return None if found is None else self._tree.digest(*found)

    def is_folder(self, path: str) -> bool:
        """Whether a folder is at `path`."""
        found = self._tree.follow(self._inside(path))
        return found is not None and found[1].mode in {FOLDER, SUBMODULE}

    def list_folder(self, path: str) -> tuple[str, ...]:
        """The entries of the folder at `path`, sorted; none where it is no folder."""
        found = self._tree.follow(self._inside(path))
        return tuple(self._tree.children(found[0])) if found else ()

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        """Everything below the folder at `path`, links in it not followed.

        Raises:
            SourceError: the path leaves the source.
        """
        found = self._tree.follow(self._inside(path))
        if found is not None:
            yield from self._entries(found[0], "")

    def _entries(self, folder: str, shown: str) -> Iterator[ProjectEntry]:
        for name, node in self._tree.children(folder).items():
            opener = functools.partial(self._tree.open, node)
            if node.mode in {FOLDER, SUBMODULE}:
                yield ProjectEntry(shown + name, "folder", opener)
                yield from self._entries(posixpath.join(folder, name), f"{shown}{name}/")
            elif node.mode == LINK:
                target = self._tree.content(node).decode("utf-8", "surrogateescape")
                yield ProjectEntry(shown + name, "link", opener, target)
            else:
                yield ProjectEntry(
                    shown + name, "program" if node.mode == PROGRAM else "file", opener
                )

    def walk(self) -> Iterator[tuple[str, bool]]:
        """Every file below the project's directory: path, and whether it is a program."""
        found = self._tree.follow(self._subdirectory)
        if found is not None:
            yield from self._walk(found[0], "")

    def _walk(self, folder: str, shown: str) -> Iterator[tuple[str, bool]]:
        for name, node in self._tree.children(folder).items():
            if node.mode in {FOLDER, SUBMODULE}:
                yield from self._walk(posixpath.join(folder, name), f"{shown}{name}/")
            elif node.mode & ~0o777 == FILE & ~0o777:
                yield shown + name, node.mode == PROGRAM

    def _inside(self, path: str) -> str:
        if path.startswith("/"):
            raise SourceError(f"the path `{path}` is absolute, so it is outside of the source")
        return posixpath.join(self._subdirectory, path)


@contextlib.contextmanager
def open_files(source: Source, *, settings: Settings) -> Iterator[SourceFiles]:
    """The files of `source`, local changes included.

    Raises:
        SourceDamaged: the repository or the snapshot on this machine can't be read.
    """
    from runner.source import heal

    changes = source.changes
    opened = None
    if changes is not None:
        opened = bundle.Bundle(bundle.locate(changes.object, settings=settings, verify=False))
    tree = Tree(source, opened, heal=lambda store: heal.fetch_again(source, store, settings))
    try:
        yield SourceFiles(tree, source.subdirectory)
    finally:
        tree.close()
        if opened is not None:
            opened.close()


def _conforms(files: SourceFiles) -> ProjectFiles:
    return files
