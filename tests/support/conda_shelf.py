"""Channels for tests: the standing packages are packed once for all, and linked for each test."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from runner import locking
from tests.support import conda_channel, conda_packages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.conda_channel import Package
    from tests.support.conda_server import ChannelServer


def shelf(folder: Path) -> Path:
    """An indexed channel with all that stands in the tests' channel, made once below `folder`.

    Every process of a test session may ask; one packs, the others wait.
    """
    made = folder / "conda-shelf"
    with locking.hold(folder / "conda-shelf.lock", waiting=lambda _: None):
        if not made.is_dir():
            begun = folder / "conda-shelf.begun"
            shutil.rmtree(begun, ignore_errors=True)
            for package in (conda_channel.python(), *conda_packages.everything()):
                conda_channel.pack(begun, package)
            conda_channel.index(begun)
            begun.rename(made)
    return made


class Channel:
    """One channel of a server, which a test may change.

    Attributes:
        server: serves it, and others beside it.
        name: of its folder.
    """

    def __init__(self, server: ChannelServer, name: str, shelf: Path | None = None) -> None:
        self.server, self.name = server, name
        if shelf is None:
            self.folder.mkdir(parents=True)
        else:
            shutil.copytree(shelf, self.folder, copy_function=_share)

    @property
    def folder(self) -> Path:
        """Where its archives are."""
        return self.server.folder / self.name

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.channel(self.name)

    def add(self, *packages: Package, extension: str = ".conda") -> None:
        """Pack them, and make the index anew."""
        for package in packages:
            self.archive(package.stem).unlink(missing_ok=True)
            conda_channel.pack(self.folder, package, extension=extension)
        conda_channel.index(self.folder)

    def remove(self, stem: str, *, index: bool = True) -> None:
        """Take the archive of `name-version-build` away, from the index too unless told not to."""
        self.archive(stem).unlink()
        if index:
            conda_channel.index(self.folder)

    def replace(self, stem: str, content: bytes) -> None:
        """Lay something else under an archive's name; the index still says what was there."""
        archive = self.archive(stem)
        archive.unlink()
        archive.write_bytes(content)

    def archive(self, stem: str) -> Path:
        """The archive of `name-version-build`; one that could be where there is none."""
        found = sorted(self.folder.glob(f"*/{stem}.conda")) + sorted(
            self.folder.glob(f"*/{stem}.tar.bz2")
        )
        return found[0] if found else self.folder / "noarch" / f"{stem}.conda"


def _share(source: str, target: str) -> None:
    """Archives as links, what an index rewrites as copies."""
    if source.endswith((".conda", ".tar.bz2")):
        os.link(source, target)
    else:
        shutil.copyfile(source, target)
