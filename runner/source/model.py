"""The values of the source stage: where a project comes from, exactly which bytes it is."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class Changes(Struct, frozen=True):
    """What a local directory holds that its commit does not; a stored object of its own.

    Attributes:
        object: SHA-256 of the stored archive, under `Settings.objects`.
        size: the archive's bytes.
        added, modified, deleted: POSIX paths relative to the source's root, sorted.
    """

    object: str
    size: int
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


class Source(Struct, frozen=True):
    """A project's source, resolved: from here on nothing asks what a branch means.

    Attributes:
        kind: `git` (a URL or a local repository), `directory` (no repository) or `archive` (zip).
        url: where it came from, credentials removed; for a local one a `file://` address.
        commit: full object name; None for a directory or an archive.
        tree: a digest of the exact content that runs: git's tree of the commit where there are no
            changes, else `sha256:…` over commit, tree and changes.
        subdirectory: POSIX path of the project inside the source, "" for its root.
        version: as asked for.
        branch: the branch that `version` names or that the local repository stands on.
        pushed: whether the commit can be had from a remote; None where that can't be known.
        remote: a local repository's own remote, credentials removed.
        changes: what is not committed; None where there is nothing.
        submodules: path → commit.
        submodule_stores: path → the repository on this machine that holds that commit.
        raw: bytes are laid out exactly as they are stored: the end-of-line conversions that the
            repository's attributes ask for were captured as changes already.
        store: the bare mirror, repository or directory on this machine that content is read from.
        work_key: names the source under `Settings.work`: the same for every version of it.
    """

    kind: Literal["git", "directory", "archive"]
    url: str
    commit: str | None
    tree: str
    subdirectory: str
    store: Path
    work_key: str
    version: str | None = None
    branch: str | None = None
    pushed: bool | None = None
    remote: str | None = None
    changes: Changes | None = None
    submodules: Mapping[str, str] = field(default_factory=dict)
    submodule_stores: Mapping[str, Path] = field(default_factory=dict)
    raw: bool = False


class ProjectEntry(Struct, frozen=True):
    """One thing that lies in a folder of the project, however deep.

    Attributes:
        path: POSIX, relative to that folder.
        kind: `program` is a file with its owner's executable bit; a submodule is a folder.
        target: of a link, as written.
        open: gives the content of a file or program, which can be sought in; the caller closes it.
    """

    path: str
    kind: Literal["file", "program", "link", "folder"]
    open: Callable[[], IO[bytes]]
    target: str = ""


class ProjectFiles(Protocol):
    """Read access to the project's files (below `subdirectory`) before anything is checked out.

    Paths are POSIX, relative to the project, and may start with `../` as long as they stay inside
    the source.
    """

    def names(self) -> tuple[str, ...]:
        """The entries of the project's directory, in the directory's order."""

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, None where there is none.

        Raises:
            SourceError: the path leaves the source.
        """

    def tree_digest(self, path: str) -> str | None:
        """A digest of the folder or file at `path` (git's tree or blob name where it has one)."""

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        """Everything below the folder at `path`, links in it not followed; nothing if it is none.

        Raises:
            SourceError: the path leaves the source.
        """


class Checkout(Struct, frozen=True):
    """A source laid out for one run, held under a lock until it is given back.

    Attributes:
        root: the checkout's top, `Settings.work/<work_key>/<slot>` or the user's own directory.
        project: `root / subdirectory`, where the step runs.
        in_place: the user's own directory: nothing in it may be moved or deleted.
        handle: the open lock file of its slot; None in place.
    """

    root: Path
    project: Path
    in_place: bool = False
    handle: int | None = None
