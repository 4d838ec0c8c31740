"""Tar archives of trees that are no tree on the disk, written by Python's own `tarfile`."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Archive:
    """A tar archive in the making: members come in the order in which they are added.

    Args:
        format: one of `tarfile`'s.
    """

    def __init__(self, format: int = tarfile.PAX_FORMAT) -> None:  # noqa: A002  its own word
        self._file = io.BytesIO()
        self._tar = tarfile.open(  # noqa: SIM115  ends with `content`
            fileobj=self._file, mode="w", format=format, errors="surrogateescape"
        )

    def file(self, name: str, content: str | bytes = b"", mode: int = 0o644) -> Archive:
        """Add a regular file."""
        data = content.encode() if isinstance(content, str) else content
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), mode
        self._tar.addfile(member, io.BytesIO(data))
        return self

    def program(self, *names: str) -> Archive:
        """Add files that can be executed."""
        for name in names:
            self.file(name, b"\x7fELF", 0o755)
        return self

    def link(self, name: str, target: str, *, hard: bool = False, mode: int = 0o777) -> Archive:
        """Add a symbolic link, or another name of the member `target`."""
        member = tarfile.TarInfo(name)
        member.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
        member.linkname, member.mode = target, mode
        self._tar.addfile(member)
        return self

    def folder(self, place: Path, name: str) -> Archive:
        """Add all that lies at `place` on this machine, under `name`."""
        self._tar.add(place, name)
        return self

    def names(self, place: Path, name: str) -> Archive:
        """Add names, links and modes of what lies in the folder `place`; files are empty."""
        for entry in sorted(place.iterdir()):
            member = self._tar.gettarinfo(entry, f"{name}/{entry.name}")
            if member.isreg():
                member.size = 0
            if not member.isdir():
                self._tar.addfile(member)
        return self

    def content(self) -> bytes:
        """The whole archive."""
        self._tar.close()
        return self._file.getvalue()

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The whole archive in pieces of `size` bytes."""
        content = self.content()
        return (content[at : at + size] for at in range(0, len(content), size))
