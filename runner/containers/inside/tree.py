"""Where names lead inside of an image: its links and its programs, without laying it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.containers.inside.tar_stream import FILE, HARD_LINK, SYMBOLIC_LINK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.containers.inside.tar_stream import Member

MOST_HOPS: Final = 40  # as Linux has it (path_resolution(7))
LONGEST_PATH: Final = 4096  # bytes, as Linux has it
ROOM: Final = 64 << 20  # bytes of names that are remembered
ENTRY: Final = 150  # bytes that remembering a name takes beside its own
_ANY_EXECUTE: Final = 0o111


class Tree:
    """The links and the executable files of an image, as its tar stream passes.

    Attributes:
        full: there were more names than are remembered: some programs may be missed.
    """

    def __init__(self) -> None:
        self.full = False
        self._links: dict[bytes, bytes] = {}
        self._programs: set[bytes] = set()
        self._twins: dict[bytes, bytes] = {}  # hard link → the member that it is
        self._room = ROOM

    def add(self, member: Member) -> None:
        """Remember `member` if it is a link or can be executed."""
        name, kind, link, _, mode = member
        if kind != SYMBOLIC_LINK and not (mode & _ANY_EXECUTE and kind in {FILE, HARD_LINK}):
            return
        if len(link) > LONGEST_PATH:
            return  # the kernel can't follow it either
        self._room -= len(name) + len(link) + ENTRY
        if self._room < 0:
            self.full = True
        elif kind == SYMBOLIC_LINK:
            self._links[name] = link
        else:
            self._programs.add(name)
            if kind == HARD_LINK:
                self._twins[name] = link

    def resolve(self, path: bytes) -> bytes | None:
        """Where `path` really lies, relative to the top; None for links without an end."""
        waiting = path.split(b"/")[::-1]
        real: list[bytes] = []
        hops = steps = 0
        while waiting:
            part = waiting.pop()
            if part in {b"", b"."}:
                continue
            if part == b"..":
                del real[-1:]
                continue
            real.append(part)
            steps += 1
            if steps > LONGEST_PATH:
                return None
            target = self._links.get(b"/".join(real)) if self._links else None
            if target is None:
                continue
            hops += 1
            if hops > MOST_HOPS:
                return None
            real = [] if target.startswith(b"/") else real[:-1]
            waiting += target.split(b"/")[::-1]
        return b"/".join(real)

    def program(self, name: str, path: Sequence[str]) -> str | None:
        """The first place on `path`, absolute folders, that has the program `name`."""
        for folder in path:
            if folder.startswith("/"):
                place = f"{folder.rstrip('/')}/{name}"
                if self.resolve(place.encode(errors="surrogateescape")) in self._programs:
                    return place
        return None

    def names_of(self, real: bytes) -> Iterator[bytes]:
        """All names of the program that lies at `real`: hard links are one file."""
        first = self._twins.get(real, real)
        yield real
        if first != real:
            yield first
        yield from (name for name, twin in self._twins.items() if twin == first and name != real)

    def links_ending(self, endings: tuple[bytes, ...]) -> Iterator[bytes]:
        """The names of symbolic links that end with one of `endings`."""
        return (name for name in self._links if name.endswith(endings))
