"""A project's files as if the locks that `reprun lock` wrote were not among them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from runner.environments import project_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.source.model import ProjectEntry, ProjectFiles


def without_own_lock(files: ProjectFiles, path: str) -> ProjectFiles:
    """The project without the lock of the specification at `path`, that of either kind.

    Where a lock is all that the project has, that one stays.
    """
    hidden = {project_lock.path_for(path)}
    if path.endswith((".yaml", ".yml")):
        from runner.conda.project_lock import of_ours

        hidden.update(of_ours(files, path))
    return files if path in hidden else _Without(files, frozenset(hidden))


class _Without:
    """The project's files as if some of them, earlier locks, were not there."""

    def __init__(self, files: ProjectFiles, hidden: frozenset[str]) -> None:
        self._files = files
        self._hidden = hidden

    def names(self) -> tuple[str, ...]:
        """As `ProjectFiles.names`."""
        return tuple(name for name in self._files.names() if name not in self._hidden)

    def read(self, path: str) -> bytes | None:
        """As `ProjectFiles.read`."""
        return None if path in self._hidden else self._files.read(path)

    def tree_digest(self, path: str) -> str | None:
        """As `ProjectFiles.tree_digest`."""
        return self._files.tree_digest(path)

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        """As `ProjectFiles.entries`."""
        for entry in self._files.entries(path):
            if posixpath.normpath(posixpath.join(path, entry.path)) not in self._hidden:
                yield entry
