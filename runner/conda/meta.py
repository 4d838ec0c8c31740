"""What a prefix says of itself in `conda-meta`: each package, and every file of it.

The format is that of conda's documentation, "Environment directory structure".
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import Struct, field, json

from runner.environments.base import Package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER: Final = "conda-meta"
_MADE: Final = {"unix_python_entry_point", "pyc_file"}


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
        return Package(
            name=self.name,
            version=self.version,
            source=f"{_short(self.channel)}::{self.name}={self.version}={self.build}",
            sha256=self.sha256,
            type="conda",
        )


def _short(channel: str) -> str:
    """`conda-forge` of its address, `pkgs/main`, `conda-forge/label/dev`; a folder by its name."""
    parts = urlsplit(channel)
    path = parts.path.strip("/")
    return path.rsplit("/", 1)[-1] if parts.scheme in {"", "file"} else path or parts.netloc


class _Path(Struct):
    """One of `paths_data.paths`."""

    path: str = field(name="_path")
    sha256: str | None = None
    sha256_in_prefix: str | None = None
    size_in_bytes: int | None = None
    path_type: str = "hardlink"


class _Paths(Struct):
    paths: list[_Path] = field(default_factory=list)


class _Record(Struct):
    name: str
    version: str
    build: str
    channel: str | None = None
    sha256: str | None = None
    extracted_package_dir: str | None = None
    paths_data: _Paths = field(default_factory=_Paths)


def installed(at: Path) -> tuple[Installed, ...]:
    """The packages of the prefix `at`, by name.

    Raises:
        OSError: it can't be read.
        ValueError: a record is none.
    """
    decode = json.Decoder(_Record).decode
    found = [
        _installed(decode((at / FOLDER / name).read_bytes()))
        for name in os.listdir(at / FOLDER)  # noqa: PTH208  hot
        if name.endswith(".json")
    ]
    return tuple(sorted(found, key=lambda one: one.name))


def _installed(record: _Record) -> Installed:
    folder = record.extracted_package_dir
    return Installed(
        name=record.name,
        version=record.version,
        build=record.build,
        channel=record.channel or "",
        sha256=record.sha256,
        files=tuple(_file(one) for one in record.paths_data.paths),
        cached=Path(folder) if folder else None,
    )


def _file(one: _Path) -> File:
    # What is made while linking names the prefix, and is another in each.
    sha256 = None if one.path_type in _MADE else one.sha256
    return File(one.path, sha256, one.sha256_in_prefix, one.size_in_bytes, one.path_type)


def described(one: Installed) -> list[object]:
    """What of a package belongs to a fingerprint: the same on every machine."""
    # One text for all files: there are tens of thousands.
    files = sorted(f"{file.path}\0{file.sha256}" for file in one.files if file.kind != "pyc_file")
    return [one.name, one.version, one.build, one.sha256, "\0".join(files)]


def changed(
    at: Path, packages: tuple[Installed, ...], sizes: Mapping[str, int] | None
) -> Iterator[str]:
    """Names of packages whose files in `at` aren't what they were.

    Args:
        sizes: path in the prefix → bytes, of every file there; None has every file hashed, which
            takes its time.
    """
    for one in packages:
        if any(not _as_packed(at, file, sizes) for file in one.files):
            yield one.name


def _as_packed(at: Path, file: File, sizes: Mapping[str, int] | None) -> bool:
    if file.kind == "directory":
        return True
    if sizes is None:
        return _is_whole(f"{at}/{file.path}", file)
    size = sizes.get(file.path)
    if size is None:
        # A folder may have a name that the scan leaves out.
        return os.path.lexists(f"{at}/{file.path}")
    # Where the prefix's path was written into a file, its length may have changed.
    return file.kind != "hardlink" or file.here is not None or file.size in {None, size}


def _is_whole(path: str, file: File) -> bool:
    wanted = file.here or file.sha256
    if file.kind != "hardlink" or wanted is None:
        return os.path.lexists(path)
    try:
        with open(path, "rb", buffering=0) as content:  # noqa: PTH123  hot
            return hashlib.file_digest(content, "sha256").hexdigest() == wanted
    except OSError:
        return False
