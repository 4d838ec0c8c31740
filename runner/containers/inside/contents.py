"""What an image really holds, read from the tar stream of its files without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from runner.containers.inside import databases, python_version
from runner.containers.inside.distributions import METADATA, ORIGIN, Distributions
from runner.containers.inside.distributions import MOST as MOST_DISTRIBUTIONS
from runner.containers.inside.tar_stream import FILE, HARD_LINK, TarStream
from runner.containers.inside.tree import ENTRY, LONGEST_PATH, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runner.containers.inside.tar_stream import Member
    from runner.environments.base import Package

PROGRAMS: Final = ("bash", "sh", "python3", "python")
FILES: Final = ("/etc/passwd", "/etc/group", "/etc/os-release")
MOST_PACKAGES: Final = 100_000
LARGEST_DATABASE: Final = 64 << 20  # bytes; a Debian of 4,000 packages has 5 MB
LARGEST_FILE: Final = 1 << 20  # bytes, of a file that is asked for
ROOM_FOR_FILES: Final = 16 << 20  # bytes of all files whose names end as those asked for
MOST_PREFIXES: Final = 1_000  # of conda's environments
MOST_NOTES: Final = 50
BEGINNING: Final = 64 << 10  # bytes of a package's metadata: its first lines are wanted

_CONDA: Final = b"conda-meta"
_JSON: Final = b".json"
_PYTHON: Final = (*METADATA, ORIGIN)
_HINTS: Final = (python_version.HEADER, python_version.VENV)
_ENDINGS: Final = (*_PYTHON, *_HINTS, _JSON, databases.DPKG, *databases.APK)
_BEGINNINGS: Final = (databases.DPKG_FOLDER, *databases.OTHERS)


class Contents(Struct, frozen=True):
    """What was found in an image.

    Attributes:
        packages: sorted by name, type and version. A package that two managers know is listed by
            both, as two types.
        programs: those that were asked for and are there → absolute path in the image, the first
            in the order of `PATH`.
        files: those that were asked for and are there → content, links followed.
        python: version of what `python`, else `python3`, is: `3.11.7`, or `3.11` where no more can
            be known; None where nothing can.
        unread: what is there and was not read, in words: other package databases, what is too
            large.
    """

    packages: tuple[Package, ...]
    programs: Mapping[str, str]
    files: Mapping[str, bytes]
    python: str | None
    unread: tuple[str, ...]


def read(
    chunks: Iterable[bytes],
    *,
    path: Sequence[str],
    programs: Sequence[str] = PROGRAMS,
    files: Sequence[str] = FILES,
    where: str = "the image",
) -> Contents:
    """Read the tar stream that the engine's `export` of a container gives, in one pass.

    It takes constant memory (a few hundred MB whatever the image holds, 30 MB for an ordinary
    one), lays nothing on the disk and needs no seeking. After the archive's end a little more is
    read, so that its writer can end; the caller closes the stream.

    Args:
        chunks: the archive's bytes in pieces of any size, best of a megabyte; for a file object
            `iter(lambda: file.read(1 << 20), b"")`.
        path: the folders of the image's `PATH`; relative ones are passed over.
        programs: names to look for on `path`.
        files: absolute paths of small files to keep.
        where: which image, for messages.

    Raises:
        EnvironmentFailure: the stream is no tar archive, is broken, or ends too early.
    """
    collected = _Collector(files)
    stream = TarStream(chunks, where)
    for member in stream:
        if len(member.name) > LONGEST_PATH:
            continue  # nothing could be done with it
        collected.tree.add(member)
        if member.name.endswith(collected.endings) or member.name.startswith(_BEGINNINGS):
            collected.take(member, stream)
    return collected.contents(path, programs)


class _Collector:
    """What is known so far, while the members pass."""

    def __init__(self, files: Sequence[str]) -> None:
        self.tree = Tree()
        self._wanted = {file: file.encode(errors="surrogateescape").strip(b"/") for file in files}
        self._basenames = tuple(name.rpartition(b"/")[2] for name in self._wanted.values())
        self.endings = (*_ENDINGS, *self._basenames)
        self._distributions = Distributions()
        self._hints = python_version.Hints()
        self._packages: set[Package] = set()
        self._conda: set[bytes] = set()
        self._kept: dict[bytes, bytes] = {}
        self._room = ROOM_FOR_FILES
        self._unread: dict[str, None] = {}

    def take(self, member: Member, stream: TarStream) -> None:
        """Read what `member`, whose name may be wanted, holds."""
        if member.kind == HARD_LINK:
            self._link(member.name, member.link)
        elif member.kind == FILE:
            self._file(member, stream)

    def _link(self, name: bytes, target: bytes) -> None:
        if name.endswith(_PYTHON):
            self._distributions.link(name, target)
        elif target in self._kept:
            self._kept[name] = self._kept[target]

    def _file(self, member: Member, stream: TarStream) -> None:
        name = member.name
        if name.endswith(_PYTHON):
            self._distributions.add(name, stream.read(BEGINNING))
        elif name.endswith(_HINTS):
            self._hints.add(name, stream.read(BEGINNING))
        elif _is_database(name):
            self._database(member, stream)
        elif (unread := databases.unread(name)) is not None:
            self._note(unread)
        elif name.endswith(self._basenames):
            self._keep(member, stream)

    def _keep(self, member: Member, stream: TarStream) -> None:
        """Keep a file that is asked for, or that may turn out to be what a link leads to."""
        taken = member.size + len(member.name) + ENTRY
        if member.size <= LARGEST_FILE and taken <= self._room:
            self._room -= taken
            self._kept[member.name] = stream.read(LARGEST_FILE)
        elif member.name in self._wanted.values():
            self._too_large(member)

    def _database(self, member: Member, stream: TarStream) -> None:
        if member.size > LARGEST_DATABASE:
            self._too_large(member)
            return
        content = stream.read(LARGEST_DATABASE)
        if member.name in databases.APK:
            self._add(databases.alpine(content))
        elif not member.name.endswith(_JSON):
            self._add(databases.debian(content))
        elif (package := databases.conda(content)) is None:
            self._note(f"/{_text(member.name)}: it is no record of conda's")
        else:
            self._add((package,))
            self._conda_prefix(member.name.rpartition(_CONDA)[0].rstrip(b"/"), package)

    def _conda_prefix(self, prefix: bytes, package: Package) -> None:
        if len(self._conda) < MOST_PREFIXES or prefix in self._conda:
            self._conda.add(prefix)
            if package.name == "python":
                self._hints.conda[prefix.decode(errors="surrogateescape")] = package.version

    def _note(self, unread: str) -> None:
        if len(self._unread) < MOST_NOTES:
            self._unread[unread] = None

    def _too_large(self, member: Member) -> None:
        self._note(f"/{_text(member.name)}: it has {member.size:,} bytes")

    def _add(self, packages: Iterable[Package]) -> None:
        for package in packages:
            if len(self._packages) >= MOST_PACKAGES:
                self._note(f"packages beyond the first {MOST_PACKAGES:,}")
                return
            self._packages.add(package)

    def contents(self, path: Sequence[str], programs: Sequence[str]) -> Contents:
        """All that was found, once every member has passed."""
        self._add(self._distributions.packages(self.tree, self._conda))
        if self._distributions.full:
            self._note(f"Python packages beyond the first {MOST_DISTRIBUTIONS:,}")
        if self.tree.full:
            self._note("programs and links beyond the first some hundred thousand")
        found = {name: self.tree.program(name, path) for name in programs}
        return Contents(
            packages=tuple(sorted(self._packages, key=_order)),
            programs={name: place for name, place in found.items() if place is not None},
            files=dict(self._files()),
            python=self._python(path),
            unread=tuple(self._unread),
        )

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for file, name in self._wanted.items():
            real = self.tree.resolve(name)
            if real in self._kept:
                yield file, self._kept[real]

    def _python(self, path: Sequence[str]) -> str | None:
        place = self.tree.program("python", path) or self.tree.program("python3", path)
        real = self.tree.resolve(place.encode(errors="surrogateescape")) if place else None
        if real is None:
            return None
        return python_version.version_of(self.tree.names_of(real), self._packages, self._hints)


def _is_database(name: bytes) -> bool:
    if name.endswith(_JSON):
        return name.rpartition(b"/")[0].rpartition(b"/")[2] == _CONDA
    if name.startswith(databases.DPKG_FOLDER):
        return not name.endswith(b".md5sums")
    return name == databases.DPKG or name in databases.APK


def _order(package: Package) -> tuple[str, str, str, str, str]:
    return (
        package.name, package.type, package.version, package.source or "", package.sha256 or "",
    )  # fmt: skip


def _text(name: bytes) -> str:
    """`name` for a message: one line, without control characters."""
    return ascii(name.decode(errors="surrogateescape"))[1:-1]
