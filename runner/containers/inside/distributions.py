"""The Python packages of an image: every folder of metadata that an interpreter would find.

The formats are those of "Recording installed projects" (PEP 376, 627), PEP 610 for origins, and
setuptools' older eggs.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from runner.containers.inside.databases import digest, word
from runner.environments.base import Package
from runner.source.address import public_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from runner.containers.inside.tree import Tree

_Known = TypeVar("_Known")

METADATA: Final = (
    b".dist-info/METADATA",
    b".egg-info/PKG-INFO",
    b".egg/EGG-INFO/PKG-INFO",
    b".egg-info",  # a file, as distutils wrote it
)
ORIGIN: Final = b".dist-info/direct_url.json"
MOST_LINKS: Final = 10_000  # to metadata that lies elsewhere
MOST: Final = 50_000  # packages; an image with more is made to be troublesome

_SITES: Final = frozenset((b"site-packages", b"dist-packages"))
_VENDORED: Final = frozenset((b"_vendor", b"archive-v0"))  # of one package alone; uv's cache
_FIELD: Final = re.compile(rb"^(Name|Version):[ \t]*([^\s]+)[ \t]*\r?$", re.MULTILINE)
_END_OF_HEADER: Final = re.compile(rb"\r?\n\r?\n")
_LONGEST: Final = 2048  # characters of an address


class _VersionControl(msgspec.Struct):
    vcs: str
    commit_id: str


class _Archive(msgspec.Struct):
    hash: str = ""
    hashes: dict[str, str] = {}


class _DirectUrl(msgspec.Struct):
    url: str
    subdirectory: str = ""
    vcs_info: _VersionControl | None = None
    archive_info: _Archive | None = None


class Distributions:
    """Python packages, as the tar stream of an image passes.

    Attributes:
        full: there were more than are remembered.
    """

    def __init__(self) -> None:
        self.full = False
        self._found: dict[bytes, tuple[str, str]] = {}  # folder of metadata → name, version
        self._origins: dict[bytes, tuple[str | None, str | None]] = {}  # → source, sha256

    def add(self, name: bytes, content: bytes) -> None:
        """Read the file `name`, which ends as one of `METADATA` or `ORIGIN`.

        Args:
            content: of the file, or the beginning of it.
        """
        folder = _folder(name)
        if len(self._found) + len(self._origins) >= MOST:
            self.full = True
        elif name.endswith(ORIGIN):
            self._origins[folder] = _origin(content)
        elif (found := _name_and_version(folder, content)) is not None:
            self._found[folder] = found

    def link(self, name: bytes, target: bytes) -> None:
        """The file `name` is one with `target`, which came before."""
        if name.endswith(ORIGIN):
            _copy(self._origins, _folder(name), _folder(target))
        else:
            _copy(self._found, _folder(name), _folder(target))

    def packages(self, tree: Tree, conda: AbstractSet[bytes]) -> Iterator[Package]:
        """The packages that an interpreter would find, by the path of their metadata.

        Args:
            tree: for links to metadata that lies elsewhere.
            conda: the prefixes that conda manages: their `pkgs` folders are its cache.
        """
        self._follow(tree)
        for folder, (name, version) in self._found.items():
            if _is_installed(folder) and not _is_cached(folder, conda):
                yield Package(name, version, *self._origins.get(folder, (None, None)))

    def _follow(self, tree: Tree) -> None:
        links = tree.links_ending((*METADATA, ORIGIN, b".dist-info"))
        for name in islice(links, MOST_LINKS):
            real = tree.resolve(name)
            if real is None:
                continue
            if name.endswith(b".dist-info"):
                self.link(name + b"/METADATA", real + b"/METADATA")
                self.link(name + b"/direct_url.json", real + b"/direct_url.json")
            else:
                self.link(name, real)


def _copy(known: dict[bytes, _Known], to: bytes, of: bytes) -> None:
    if of in known:
        known[to] = known[of]


def _folder(name: bytes) -> bytes:
    return name if name.endswith(b".egg-info") else name.rpartition(b"/")[0]


def _name_and_version(folder: bytes, content: bytes) -> tuple[str, str] | None:
    from runner.environments.requirements import normalised

    header = _END_OF_HEADER.split(content, maxsplit=1)[0]
    fields: dict[bytes, bytes] = {}
    for key, value in _FIELD.findall(header):
        fields.setdefault(key, value)
    # Folders of old tools lack the one or the other: their name has both.
    stem = folder.rpartition(b"/")[2].rpartition(b".")[0].split(b"-")
    name = word(fields.get(b"Name", stem[0]).decode("latin-1"))
    version = word(fields.get(b"Version", stem[1] if len(stem) > 1 else b"").decode("latin-1"))
    return None if name is None or version is None else (normalised(name), version)


def _origin(content: bytes) -> tuple[str | None, str | None]:
    """Address, without credentials, and SHA-256, of what PEP 610 says of a package's origin."""
    try:
        said = msgspec.json.decode(content, type=_DirectUrl)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    url = public_url(said.url)
    below = f"#subdirectory={said.subdirectory}" if said.subdirectory else ""
    sha256 = None
    if said.vcs_info is not None:
        url = f"{said.vcs_info.vcs}+{url}@{said.vcs_info.commit_id}"
    elif said.archive_info is not None:
        old = said.archive_info.hash.removeprefix("sha256=")
        sha256 = digest(said.archive_info.hashes.get("sha256", old))
    url += below
    return (url if url.isprintable() and len(url) <= _LONGEST else None), sha256


def _is_installed(folder: bytes) -> bool:
    """Not the copy of another package's that a package brings with it, or a cache holds."""
    parts = folder.split(b"/")[:-1]
    if parts and folder.endswith(b".egg/EGG-INFO"):
        del parts[-1]
    sites = [number for number, part in enumerate(parts) if part in _SITES]
    if sites and sites[0] != len(parts) - 1:
        return False
    return _VENDORED.isdisjoint(parts)


def _is_cached(folder: bytes, conda: AbstractSet[bytes]) -> bool:
    before, pkgs, _ = (b"/" + folder).partition(b"/pkgs/")
    return bool(pkgs) and before.lstrip(b"/") in conda
