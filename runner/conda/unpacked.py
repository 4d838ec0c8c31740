"""Refuses an unpacked package that would reach beyond its own files in a prefix.

py-rattler trusts what a package's list of files says: a path that leads out of the prefix is
followed, and one that begins at the root ends the whole process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import DecodeError, Struct, field, json

from runner.conda import activation, meta
from runner.environments.contents import MARKER, ORIGINS
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What is written there belongs to the prefix: `conda-meta` says where packages lie in the cache.
_NOT_A_PACKAGES: Final = {meta.FOLDER, activation.FILE, MARKER, ORIGINS}


class _Path(Struct):
    path: str = field(name="_path")


class _Paths(Struct):
    paths: list[_Path] = field(default_factory=list)


class _Index(Struct):
    name: str


def check(unpacked: Path) -> None:
    """See that the package in the folder `unpacked` lists nothing but files of its own.

    Raises:
        BuildFailure: it does, or its list can't be read.
    """
    try:
        for path in _listed(unpacked):
            if path.startswith("/") or ".." in path.split("/") or "\0" in path:
                raise _refused(unpacked, f"has the file `{path}`, which lies outside of a prefix")
            if path.split("/", 1)[0] in _NOT_A_PACKAGES:
                raise _refused(unpacked, f"has the file `{path}`, which is the prefix's own")
    except (OSError, ValueError) as error:
        raise _refused(unpacked, f"has no list of files that can be read: {error}") from error


def name_of(unpacked: Path) -> str:
    """The package's name by its own word.

    Raises:
        BuildFailure: it can't be read.
    """
    try:
        content = (unpacked / "info" / "index.json").read_bytes()
        return json.decode(content, type=_Index).name
    except (OSError, DecodeError) as error:
        raise _refused(unpacked, f"doesn't say what it is: {error}") from error


def _listed(unpacked: Path) -> Iterator[str]:
    try:
        content = (unpacked / "info" / "paths.json").read_bytes()
    except FileNotFoundError:
        # Packages from before 2017 have the bare list alone.
        yield from (unpacked / "info" / "files").read_text(encoding="utf-8").splitlines()
    else:
        yield from (one.path for one in json.decode(content, type=_Paths).paths)


def _refused(unpacked: Path, why: str) -> BuildFailure:
    return BuildFailure(
        f"the package {unpacked.name} {why}", "tell whoever made it, and take another version of it"
    )
