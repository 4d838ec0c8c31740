"""Finds what a working tree holds that its commit does not, to the bit.

An index of our own, kept in the cache, is held against the working tree with every attribute
switched off: so a file counts as changed when its bytes are not the commit's, whatever end-of-line
conversion or filter the repository asks for, and the user's repository is only ever read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner.errors import SourceError
from runner.source import bundle, local, plumbing, repository, versions
from runner.source.model import Changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.local import Local

_STATUS = (
    "status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored=no",
    "--ignore-submodules=all", "--no-renames", "--no-ahead-behind",
)  # fmt: skip


class Snapshot(Struct):
    """What differs from the commit, of a repository and of its submodules.

    Attributes:
        submodules: path → commit that the submodule stands on.
        stores: path → its git folder.
        moved: whether a submodule is absent or stands on another commit than the one recorded.
    """

    entries: dict[str, bundle.Entry] = field(default_factory=dict)
    modified: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    submodules: dict[str, str] = field(default_factory=dict)
    stores: dict[str, Path] = field(default_factory=dict)
    moved: bool = False

    def store(self, *, where: str, settings: Settings) -> Changes | None:
        """Keep it as an object; None where nothing differs.

        Raises:
            SourceTooLarge: it is above the limit.
        """
        if not self.entries and not self.deleted:
            return None
        bundle.check_size(self.entries.values(), where=where)
        digest, size = bundle.store(self.entries.values(), self.deleted, settings=settings)
        return Changes(
            digest,
            size,
            added=tuple(sorted(self.entries.keys() - self.modified)),
            modified=tuple(sorted(self.modified)),
            deleted=tuple(sorted(self.deleted)),
        )


def capture(
    found: Local, head: versions.Found | None, key: str, *, settings: Settings, progress: Progress
) -> Snapshot:
    """What the working tree of `found` holds that its commit `head` does not.

    Raises:
        SourceError: something can't be read.
    """
    from runner.locking import hold

    folder = settings.cache / "snapshots"
    with hold(folder / f"{key}.lock", waiting=progress.update):
        try:
            return _capture(found, head, folder / key, settings, progress)
        except SourceError:
            from runner.files import remove_tree

            # Our own index may be what is broken; a new one is as good.
            remove_tree(folder / key)
            return _capture(found, head, folder / key, settings, progress)


def _capture(
    found: Local,
    head: versions.Found | None,
    own: Path,
    settings: Settings,
    progress: Progress,
) -> Snapshot:
    assert found.work_tree is not None
    try:
        _prepare(own, found, head)
    except OSError as error:
        raise SourceError(
            f"can't write {own}: {(error.strerror or str(error)).lower()}",
            hint="make room, or set REPRUN_CACHE to a folder that can be written",
        ) from error
    snapshot = Snapshot()
    answer = plumbing.git(
        _STATUS,
        store=own,
        work_tree=found.work_tree,
        variables=plumbing.personal(),
        heard=lambda said: _warn_of_closed(said, progress),
    )
    ours = _homes_inside(found.work_tree, settings)
    for path, state in _parse_status(answer):
        if state == "?" and path.startswith(ours):
            continue  # a home that held copies of itself would grow without end
        if state == "D":
            snapshot.deleted.add(path)
        elif path.endswith("/"):
            _take_nested(snapshot, found.work_tree, path, progress)
        else:
            _take(snapshot, found.work_tree, path, progress, modified=state != "?")
    for path in _staged(found, head):
        _take(snapshot, found.work_tree, path, progress, modified=False)
    if (head is not None and head.modules) or (found.work_tree / ".gitmodules").exists():
        for path, commit in _gitlinks(own).items():
            _take_submodule(snapshot, found.work_tree, path, settings, progress)
            snapshot.moved |= snapshot.submodules.get(path) != commit
    return snapshot


def _warn_of_closed(said: str, progress: Progress) -> None:
    """Git leaves out a folder that it can't list, and says so."""
    for folder in re.findall(r"could not open directory '(.*)': ", said):
        progress.warning(
            f"`{folder}` can't be read, and does not come along",
            "let git ignore it, or have it readable",
        )


def _homes_inside(root: Path, settings: Settings) -> tuple[str, ...]:
    homes = (home.resolve() for home in settings.homes)
    return tuple(f"{home.relative_to(root)}/" for home in homes if home.is_relative_to(root))


def _prepare(own: Path, found: Local, head: versions.Found | None) -> None:
    """Bring our own git folder to the commit; what its index knows about files is kept."""
    name = head.commit if head else "ref: refs/heads/unborn"
    if not (own / "HEAD").is_file():
        from runner.files import remove_tree

        remove_tree(own)
        digits = len(head.commit) if head else 40
        repository.write(own, head=name, borrowed=found.common, tags=False, digits=digits)
        (own / "info").mkdir()
        (own / "info" / "attributes").write_text(repository.NEUTRAL)
    (own / "index.lock").unlink(missing_ok=True)
    (own / "HEAD").write_text(f"{name}\n")
    exclude = found.common / "info" / "exclude"
    (own / "info" / "exclude").write_bytes(exclude.read_bytes() if exclude.is_file() else b"")
    marker, tree = own / "tree", head.tree if head else "empty"
    if not marker.is_file() or marker.read_text() != tree:
        marker.unlink(missing_ok=True)
        what = ["-m", tree] if head else ["--empty"]
        plumbing.git(["read-tree", *what], store=own, work_tree=found.work_tree)
        marker.write_text(tree)


def _parse_status(answer: bytes) -> Iterator[tuple[str, str]]:
    for row in answer.split(b"\0"):
        kind, _, rest = row.partition(b" ")
        if kind == b"?":
            yield os.fsdecode(rest), "?"
        elif kind == b"1":
            states, *_, path = rest.split(b" ", 7)
            yield os.fsdecode(path), chr(states[1])


def _take(snapshot: Snapshot, root: Path, path: str, progress: Progress, *, modified: bool) -> None:
    try:
        entry = bundle.entry_at(root, path)
    except (FileNotFoundError, NotADirectoryError):
        if modified:
            snapshot.deleted.add(path)
        return
    if entry is None:
        progress.warning(f"`{path}` is a socket, a pipe or a device, and is left out")
    elif entry.kind == "folder":
        _take_nested(snapshot, root, f"{path}/", progress)
    else:
        snapshot.entries[path] = entry
        if modified:
            snapshot.modified.add(path)


def _take_nested(snapshot: Snapshot, root: Path, path: str, progress: Progress) -> None:
    """A repository inside the working tree that is no submodule: its files, ignored ones not."""
    nested = local.discover(root / path)
    if nested is None or nested.work_tree != root / path:
        return
    arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    answer = plumbing.git(
        arguments,
        store=nested.git_dir,
        work_tree=nested.work_tree,
        variables=plumbing.personal() | {"GIT_OPTIONAL_LOCKS": "0"},
    )
    for name in {os.fsdecode(name) for name in answer.split(b"\0") if name}:
        _take(snapshot, root, path + name.rstrip("/"), progress, modified=False)


def _staged(found: Local, head: versions.Found | None) -> Iterator[str]:
    """Paths that are new in the user's index: they count even where git would ignore them."""
    if not (found.git_dir / "index").is_file():
        return
    if head is None:
        arguments = ["ls-files", "-z", "--cached"]
    else:
        arguments = ["diff-index", "--cached", "--name-only", "-z", "--diff-filter=A"]
        arguments += ["--no-renames", "--ignore-submodules=none", head.tree]
    answer = plumbing.git(arguments, store=found.git_dir)
    yield from (os.fsdecode(name) for name in answer.split(b"\0") if name)


def _gitlinks(own: Path) -> dict[str, str]:
    rows = plumbing.git(["ls-files", "-z", "--stage"], store=own).split(b"\0")
    parted = [row.partition(b"\t") for row in rows if row.startswith(b"160000 ")]
    return {os.fsdecode(path): facts.split()[1].decode() for facts, _, path in parted}


def _take_submodule(
    snapshot: Snapshot, root: Path, path: str, settings: Settings, progress: Progress
) -> None:
    place = root / path
    if not (place / ".git").exists():
        progress.warning(
            f"the submodule `{path}` is not there, so the step will not find it either",
            hint=f"git submodule update --init {path}",
        )
        return
    found = local.discover(place)
    if found is None or found.work_tree != place:
        raise SourceError(f"the submodule `{path}` is no repository of its own")
    head = versions.inspect(found.git_dir, "HEAD")
    from runner.source.address import file_url, key_of

    inner = capture(found, head, key_of(file_url(place)), settings=settings, progress=progress)
    for name, entry in inner.entries.items():
        moved = f"{path}/{name}"
        snapshot.entries[moved] = _renamed(entry, moved)
    snapshot.modified |= {f"{path}/{name}" for name in inner.modified}
    snapshot.deleted |= {f"{path}/{name}" for name in inner.deleted}
    if head is not None:
        snapshot.submodules[path] = head.commit
        snapshot.stores[path] = found.common
    snapshot.moved |= inner.moved
    snapshot.submodules.update({f"{path}/{n}": commit for n, commit in inner.submodules.items()})
    snapshot.stores.update({f"{path}/{n}": store for n, store in inner.stores.items()})


def _renamed(entry: bundle.Entry, path: str) -> bundle.Entry:
    from msgspec.structs import replace

    return replace(entry, path=path)
