"""What a prefix says of itself in `conda-meta`: each package, and every file of it.

The format is that of conda's documentation, "Environment directory structure".
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from runner.environments.base import Package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER: Final = "conda-meta"


class File(Struct, frozen=True):
    """One file of a package.

    Attributes:
        path: in the prefix, POSIX.
        sha256: of the file as it was packed; None for what was made while linking.
        here: its SHA-256 in the prefix, where the prefix's own path was written into it.
        size: bytes, as it was packed.
        kind: `hardlink`, `softlink`, `directory`, `unix_python_entry_point`, `pyc_file`.
    """

    path: str
    sha256: str | None
    here: str | None
    size: int | None
    kind: str


class Installed(Struct, frozen=True):
    """One package of a prefix.

    Attributes:
        channel: its address, without credentials.
        cached: the unpacked package that it was linked from; None where that isn't known.
    """

    name: str
    version: str
    build: str
    channel: str
    sha256: str | None
    files: tuple[File, ...]
    cached: Path | None = None

    @property
    def package(self) -> Package:
        """As environments name it."""
        channel = self.channel.rstrip("/").rsplit("/", 1)[-1] or self.channel
        return Package(
            name=self.name,
            version=self.version,
            source=f"{channel}::{self.name}={self.version}={self.build}",
            sha256=self.sha256,
            type="conda",
        )


def installed(at: Path) -> tuple[Installed, ...]:
    """The packages of the prefix `at`, by name.

    Raises:
        OSError: it can't be read.
    """
    found = []
    for name in os.listdir(at / FOLDER):  # noqa: PTH208  hot
        if name.endswith(".json"):
            content = json.loads((at / FOLDER / name).read_bytes())
            found.append(_installed(content))
    return tuple(sorted(found, key=lambda one: one.name))


def _installed(content: Mapping[str, Any]) -> Installed:
    folder = content.get("extracted_package_dir")
    return Installed(
        name=content["name"],
        version=content["version"],
        build=content["build"],
        channel=content.get("channel") or "",
        sha256=content.get("sha256"),
        files=tuple(_file(one) for one in content.get("paths_data", {}).get("paths", ())),
        cached=Path(folder) if folder else None,
    )


def _file(content: Mapping[str, Any]) -> File:
    return File(
        path=content["_path"],
        sha256=content.get("sha256"),
        here=content.get("sha256_in_prefix"),
        size=content.get("size_in_bytes"),
        kind=content.get("path_type", "hardlink"),
    )


def described(one: Installed) -> list[object]:
    """What of a package belongs to a fingerprint: the same on every machine."""
    files = sorted((file.path, file.sha256) for file in one.files if file.kind != "pyc_file")
    return [one.name, one.version, one.build, one.sha256, [list(file) for file in files]]


def changed(at: Path, packages: tuple[Installed, ...], *, thorough: bool = False) -> Iterator[str]:
    """Names of packages whose files in `at` aren't what they were.

    Args:
        thorough: hash every file; else their sizes are compared, which takes a stat each.
    """
    for one in packages:
        if any(not _as_packed(f"{at}/{file.path}", file, thorough=thorough) for file in one.files):
            yield one.name


def _as_packed(path: str, file: File, *, thorough: bool) -> bool:
    if file.kind == "directory":
        return True
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if file.kind != "hardlink":
        return True
    # Where the prefix's path was written into a text, its length may have changed.
    if file.here is None and file.size is not None and status.st_size != file.size:
        return False
    wanted = file.here or file.sha256
    return not thorough or wanted is None or _sha256(path) == wanted


def _sha256(path: str) -> str:
    with open(path, "rb", buffering=0) as content:  # noqa: PTH123  hot
        return hashlib.file_digest(content, "sha256").hexdigest()
