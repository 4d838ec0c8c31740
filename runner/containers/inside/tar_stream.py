"""The members of a tar stream, in one pass and constant memory, whoever wrote it.

The format is POSIX.1-2017's `pax` ("pax Interchange Format"), with GNU's long names. Python's own
`tarfile` takes a broken header inside of a stream for its end, and reads a header of any size.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE, HARD_LINK, SYMBOLIC_LINK = b"0", b"1", b"2"
LONGEST_HEADER: Final = 1 << 20  # bytes of an extended header: names and attributes
AFTER_END: Final = 1 << 20  # bytes of padding that are read, so that the writer sees no break

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
# name, mode, size, checksum, kind, link, magic, prefix
_FIELDS: Final = struct.Struct("100s8s16x12s12x8sc100s6s82x155s12x")
_NO_DATA: Final = frozenset(b"123456")  # links, devices, directories, pipes
_FILES: Final = frozenset((b"0", b"\0", b"7"))
_LONG: Final = {b"L": b"path", b"K": b"linkpath"}
_KEYWORDS: Final = frozenset((b"path", b"linkpath", b"size"))
_SUM_MODULUS: Final = 65521


class Member(NamedTuple):
    """One member of an archive.

    Attributes:
        name: relative to the archive's top, without `.`, `..` or doubled slashes.
        kind: `FILE`, `HARD_LINK`, `SYMBOLIC_LINK`, or the header's own letter.
        link: what a link names: as it stands for a symbolic one, a `name` for a hard one.
        size: bytes of content.
    """

    name: bytes
    kind: bytes
    link: bytes
    size: int
    mode: int


class TarStream:
    """A tar archive that comes in chunks; iterate over it once.

    Args:
        chunks: the archive's bytes, in pieces of any size.
        where: whose archive it is, for messages.

    Raises (while it is iterated over or read):
        EnvironmentFailure: it is broken, or ends before its end.
    """

    def __init__(self, chunks: Iterable[bytes], where: str) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0  # in `_chunk`
        self._before = 0  # bytes of the chunks that are gone
        self._content = 0  # bytes of the current member's that are not read
        self._padding = 0
        self._where = where

    def __iter__(self) -> Iterator[Member]:
        """Every member but those whose names lead out of the archive."""
        extended: dict[bytes, bytes] = {}
        while True:
            self._skip(self._content + self._padding)
            block = self._take(_BLOCK)
            if block == _ZEROS:
                self._drain()
                return
            member = self._member(block, extended)
            if member.kind in _LONG:
                extended[_LONG[member.kind]] = self._header().partition(b"\0")[0]
            elif member.kind == b"x":
                extended.update(self._records(self._header()))
            elif member.kind != b"g":
                extended = {}
                if (name := clean(member.name)) is not None:
                    yield member if name == member.name else member._replace(name=name)

    def read(self, limit: int) -> bytes:
        """The first `limit` bytes of the content of the member that came last."""
        count = min(limit, self._content)
        self._content -= count
        return self._take(count)

    def _member(self, block: bytes, extended: dict[bytes, bytes]) -> Member:
        name, mode, size_field, checksum, kind, link, magic, prefix = _FIELDS.unpack(block)
        # The sum of all bytes, the checksum's own taken for blanks; Adler's first half is that sum.
        summed = (zlib.adler32(block) & 0xFFFF) - 1 - sum(checksum) + 8 * 0x20
        if (summed - self._number(checksum)) % _SUM_MODULUS:
            self._fail("a header's checksum is wrong")
        name = name.partition(b"\0")[0]
        if magic == b"ustar\0" and prefix[0]:
            name = prefix.partition(b"\0")[0] + b"/" + name
        link = link.partition(b"\0")[0]
        size = self._number(size_field)
        if extended and kind not in b"gxLK":
            name, link = extended.get(b"path", name), extended.get(b"linkpath", link)
            size = self._decimal(extended.get(b"size"), size)
        kind = FILE if kind in _FILES else kind
        if kind == HARD_LINK:
            link = clean(link) or b""
        self._content = 0 if kind[0] in _NO_DATA else size
        self._padding = -self._content % _BLOCK
        return Member(name, kind, link, self._content, self._number(mode))

    def _header(self) -> bytes:
        """The content of an extended header."""
        if self._content > LONGEST_HEADER:
            self._fail(f"a header has {self._content:,} bytes, more than {LONGEST_HEADER:,}")
        return self.read(LONGEST_HEADER)

    def _records(self, content: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keywords and values of a pax header: `LENGTH KEYWORD=VALUE` and a line feed, each."""
        at = 0
        while at < len(content):
            digits = content[at : at + 20].partition(b" ")[0]
            end = at + self._decimal(digits, 0)
            keyword, equals, value = content[at + len(digits) + 1 : end].partition(b"=")
            if not equals or end > len(content) or not value.endswith(b"\n"):
                self._fail("a pax header is no list of records")
            if keyword in _KEYWORDS:
                yield keyword, value[:-1]
            at = end

    def _number(self, field: bytes) -> int:
        """An octal number, or GNU's binary one where the first bit is set."""
        if field[0] & 0x80:
            return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        digits = field.partition(b"\0")[0].strip(b" ")
        if not digits:
            return 0
        if digits.strip(b"01234567"):  # `int` would take a sign as well
            self._fail(f"a header has {field!r} for a number")
        return int(digits, 8)

    def _decimal(self, digits: bytes | None, default: int) -> int:
        if digits is None:
            return default
        if not digits.isdigit() or len(digits) > len(str(1 << 63)):
            self._fail(f"a header has {digits[:20]!r} for a number")
        return int(digits)

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._chunk):
            return self._gather(count)
        content = self._chunk[self._at : end]
        self._at = end
        return content

    def _gather(self, count: int) -> bytes:
        parts = []
        while count > len(self._chunk) - self._at:
            parts.append(self._chunk[self._at :])
            count -= len(parts[-1])
            self._next_chunk()
        parts.append(self._chunk[:count])
        self._at = count
        return b"".join(parts)

    def _skip(self, count: int) -> None:
        self._content = self._padding = 0
        while count > (left := len(self._chunk) - self._at):
            count -= left
            self._next_chunk()
        self._at += count

    def _next_chunk(self) -> None:
        self._before += len(self._chunk)
        self._chunk, self._at = b"", 0
        following = next(self._chunks, None)
        if following is None:
            self._fail("it is cut off")
        self._chunk = following

    def _drain(self) -> None:
        left = AFTER_END
        while left > 0 and (chunk := next(self._chunks, None)) is not None:
            left -= len(chunk)

    def _fail(self, why: str) -> NoReturn:
        at = self._before + self._at
        raise EnvironmentFailure(
            f"{self._where}: its files can't be read: {why}, {at:,} bytes into its tar stream",
            "run it again; if it fails again, the engine or the image is damaged",
        )


def clean(name: bytes) -> bytes | None:
    """`name` without needless parts; None where it leads upwards."""
    if b"/." not in name and b"//" not in name and not name.startswith((b".", b"/")):
        return name.removesuffix(b"/")
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    return None if b".." in parts else b"/".join(parts)
