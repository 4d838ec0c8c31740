"""A source's files as one tree: git's trees of its commit, and over them what is not committed."""

from __future__ import annotations

import hashlib
import os
from typing import IO, TYPE_CHECKING, TypeVar

from msgspec import Struct

from runner.errors import SourceDamaged, SourceError
from runner.source.plumbing import Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.source.bundle import Bundle, Entry
    from runner.source.model import Source

FOLDER, LINK, SUBMODULE, FILE, PROGRAM = 0o040000, 0o120000, 0o160000, 0o100644, 0o100755
_LINKS = 40
_IN_MEMORY = 1 << 20  # bytes of one file
T = TypeVar("T")


class Node(Struct, frozen=True):
    """One entry of the tree: its git mode, and where its content is.

    Attributes:
        object: name in `store`; None where `entry` has the content or a folder is merged.
    """

    mode: int
    object: str | None = None
    store: Path | None = None
    entry: Entry | None = None


class Tree:
    """The merged tree; folders are read when they are asked for, and once."""

    def __init__(
        self,
        source: Source,
        bundle: Bundle | None,
        *,
        heal: Callable[[Path], bool] = lambda _: False,
    ) -> None:
        self._source = source
        self._heal = heal
        self._objects: dict[Path, Objects] = {}
        self._folders: dict[str, Mapping[str, Node]] = {}
        self._laid: Mapping[str, Entry] = bundle.entries if bundle else {}
        self._deleted = bundle.deleted if bundle else frozenset()
        self._touched = _ancestors(self._laid) | _ancestors(self._deleted)
        self._laid_names: dict[str, list[str]] = {}
        for path in {*self._laid, *_ancestors(self._laid)} - {""}:
            self._laid_names.setdefault(_parent(path), []).append(path)

    def close(self) -> None:
        """End the processes that read objects."""
        for objects in self._objects.values():
            objects.close()

    def node(self, path: str) -> Node | None:
        """What is at `path`, links in its folders not followed; None where nothing is."""
        if not path:
            return Node(FOLDER)
        return self.children(_parent(path)).get(path.rpartition("/")[2])

    def children(self, path: str) -> Mapping[str, Node]:
        """The entries of the folder at `path`, sorted; empty where it is no folder."""
        if path not in self._folders:
            self._folders[path] = self._merge(path)
        return self._folders[path]

    def _merge(self, path: str) -> Mapping[str, Node]:
        if (
            path
            and (above := self.node(path)) is not None
            and above.mode not in {FOLDER, SUBMODULE}
        ):
            return {}
        merged = dict(self._committed(path))
        prefix = f"{path}/" if path else ""
        for name in [name for name in merged if prefix + name in self._deleted]:
            del merged[name]
        for laid in self._laid_names.get(path, ()):
            merged[laid[len(prefix) :]] = self._laid_node(laid)
        for name, node in list(merged.items()):
            below = prefix + name
            if node.mode == FOLDER and below in self._touched:
                merged[name] = Node(FOLDER)
                # git keeps no empty folders: one whose files are all deleted is gone.
                if below not in self._laid and not self._lives(below):
                    del merged[name]
        return dict(sorted(merged.items()))

    def _lives(self, path: str) -> bool:
        """Whether anything is left in a folder of the commit."""
        if path in self._laid_names:
            return True
        return any(
            below not in self._deleted
            and (node.mode != FOLDER or below not in self._touched or self._lives(below))
            for name, node in self._committed(path).items()
            for below in [f"{path}/{name}"]
        )

    def _laid_node(self, path: str) -> Node:
        entry = self._laid.get(path)
        if entry is None or entry.kind == "folder":
            return Node(FOLDER)
        if entry.kind == "link":
            return Node(LINK, entry=entry)
        return Node(PROGRAM if entry.executable else FILE, entry=entry)

    def _committed(self, path: str) -> Mapping[str, Node]:
        """The entries in git itself of the folder, as if nothing had been changed."""
        source = self._source
        if not path:
            return self._read_tree(source.store, source.commit) if source.commit else {}
        if path in source.submodules:
            store = source.submodule_stores.get(path)
            return self._read_tree(store, source.submodules[path]) if store else {}
        node = self._committed_node(path)
        if node is None or node.mode != FOLDER or node.store is None:
            return {}
        return self._read_tree(node.store, node.object)

    def _committed_node(self, path: str) -> Node | None:
        return self._committed(_parent(path)).get(path.rpartition("/")[2])

    def _read_tree(self, store: Path, name: str | None) -> Mapping[str, Node]:
        if name is None:
            return {}
        key = f"\0{store}\0{name}"
        if key not in self._folders:
            content = self._object(store, f"{name}^{{tree}}")
            self._folders[key] = parse_tree(content, store, len(name) // 2)
        return self._folders[key]

    def _object(self, store: Path, name: str) -> bytes:
        return self._healed(store, lambda objects: _present(objects, store, name))

    def _healed(self, store: Path, read: Callable[[Objects], T]) -> T:
        objects = self._objects.setdefault(store, Objects(store))
        try:
            return read(objects)
        except SourceDamaged:
            objects.close()
            if not self._heal(store):
                raise
        return read(objects)

    def content(self, node: Node) -> bytes:
        """The bytes of a file, the target of a link."""
        if node.entry is not None:
            if node.entry.open is None:
                return node.entry.target.encode("utf-8", "surrogateescape")
            with node.entry.open() as file:
                return file.read()
        assert node.store is not None
        assert node.object is not None
        return self._object(node.store, node.object)

    def open(self, node: Node) -> IO[bytes]:
        """The content of a file, however large, to be read from and sought in."""
        import tempfile

        if node.entry is not None and node.entry.open is not None:
            return node.entry.open()
        assert node.store is not None
        assert node.object is not None
        store, name = node.store, node.object

        spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  the caller's
        try:
            self._healed(store, lambda objects: _copy(objects, store, name, spool))
        except BaseException:
            spool.close()
            raise
        return spool

    def follow(self, path: str, *, links: int = _LINKS) -> tuple[str, Node] | None:
        """Where `path` leads, every link on the way followed; None where nothing is.

        Raises:
            SourceError: it leaves the source.
        """
        done: list[str] = []
        todo = path.split("/")
        for index, part in enumerate(todo):
            if part in {"", "."}:
                continue
            if part == "..":
                if not done:
                    raise SourceError(f"the path `{path}` leaves the project's source")
                done.pop()
                continue
            done.append(part)
            node = self.node("/".join(done))
            if node is None:
                return None
            if node.mode == LINK:
                target = self.content(node).decode("utf-8", "surrogateescape")
                if target.startswith("/"):
                    raise SourceError(
                        f"`{'/'.join(done)}` is a link to `{target}`, outside of the source"
                    )
                if not links:
                    return None
                rest = [*done[:-1], target, *todo[index + 1 :]]
                return self.follow("/".join(rest), links=links - 1)
        place = "/".join(done)
        found = self.node(place)
        return None if found is None else (place, found)

    def digest(self, path: str, node: Node) -> str:
        """The name that git gives, or would give, to what is at `path`."""
        if node.object is not None:
            return node.object
        if node.mode not in {FOLDER, SUBMODULE}:
            return self._name("blob", self.content(node)) if node.mode == LINK else self._blob(node)
        prefix = f"{path}/" if path else ""
        rows = []
        for name, child in self.children(path).items():
            encoded = name.encode("utf-8", "surrogateescape")
            raw = bytes.fromhex(self.digest(prefix + name, child))
            # Folders sort as if their names ended with a slash.
            key = encoded + b"/" if child.mode == FOLDER else encoded
            rows.append((key, b"%o %b\0%b" % (child.mode, encoded, raw)))
        return self._name("tree", b"".join(row for _, row in sorted(rows)))

    def _blob(self, node: Node) -> str:
        with self.open(node) as file:
            hasher = self._hasher("blob", file.seek(0, os.SEEK_END))
            file.seek(0)
            while piece := file.read(_IN_MEMORY):
                hasher.update(piece)
        return hasher.hexdigest()

    def _name(self, kind: str, content: bytes) -> str:
        hasher = self._hasher(kind, len(content))
        hasher.update(content)
        return hasher.hexdigest()

    def _hasher(self, kind: str, size: int) -> hashlib._Hash:
        header = f"{kind} {size}\0".encode()
        if len(self._source.commit or "") == 64:  # noqa: PLR2004  hexadecimal digits of SHA-256
            return hashlib.sha256(header)
        return hashlib.sha1(header, usedforsecurity=False)


def parse_tree(content: bytes, store: Path, size: int) -> Mapping[str, Node]:
    """The entries of a git tree object; `size` is the bytes of an object's name."""
    nodes: dict[str, Node] = {}
    at = 0
    while at < len(content):
        space = content.index(b" ", at)
        end = content.index(b"\0", space)
        name = content[space + 1 : end].decode("utf-8", "surrogateescape")
        after = end + 1 + size
        nodes[name] = Node(int(content[at:space], 8), content[end + 1 : after].hex(), store)
        at = after
    return nodes


def _present(objects: Objects, store: Path, name: str) -> bytes:
    found = objects.read(name)
    if found is None:
        raise _lacks(store, name)
    return found[1]


def _copy(objects: Objects, store: Path, name: str, to: IO[bytes]) -> None:
    to.seek(0)
    to.truncate()
    if not objects.copy(name, to):
        raise _lacks(store, name)
    to.seek(0)


def _lacks(store: Path, name: str) -> SourceDamaged:
    return SourceDamaged(f"the repository {store} lacks the object {name}")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _ancestors(paths: Mapping[str, object] | frozenset[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        above = _parent(path)
        while above not in found:
            found.add(above)
            above = _parent(above)
    return found
