"""What the address of a package says: a conda archive's name, a wheel's, the platform it is for."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from runner.errors import EnvironmentFailure, HashMismatch

if TYPE_CHECKING:
    from runner.conda.model import LockedPackage

_ENDINGS: Final = (".conda", ".tar.bz2")
_CONDA: Final = re.compile(r"(.+)-([^-]+)-([^-]+)")
_WHEEL: Final = re.compile(r"([^-]+)-([^-]+)-.+-.+-.+\.whl")
_SOURCES: Final = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar")
_PLATFORM: Final = re.compile(r"(?:linux|osx|win|freebsd|emscripten|wasi|zos)-[a-z0-9_]+|noarch")
_COMMIT: Final = re.compile(r"@[0-9a-f]{40}(?:#|$)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
ANEW: Final = "write the lock anew with the tool that made it"


class Archive(Struct, frozen=True):
    """What the address of an archive says of it; `build` and `platform` only of conda's."""

    name: str
    version: str
    build: str | None = None
    platform: str | None = None


def conda_archive(url: str, where: str) -> Archive:
    """What the address of a conda package says.

    Raises:
        EnvironmentFailure: it is none.
    """
    folder, name = posixpath.split(unquote(urlsplit(url).path))
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
    match = _CONDA.fullmatch(name.removesuffix(ending))
    if "://" not in url or not ending or match is None:
        raise EnvironmentFailure(
            f"{where}: `{url}` is not the address of a conda package",
            "such an address ends in NAME-VERSION-BUILD.conda or .tar.bz2",
        )
    platform = posixpath.basename(folder)
    stem, version, build = match.groups()
    return Archive(stem, version, build, platform if _PLATFORM.fullmatch(platform) else None)


def pip_archive(url: str, where: str) -> Archive | None:
    """What the address of a wheel or sdist says; None for a commit of a git repository.

    Raises:
        EnvironmentFailure: it is none of these.
        HashMismatch: it is a git repository, and no commit of it.
    """
    if url.startswith("git+"):
        if not _COMMIT.search(url):
            raise HashMismatch(
                f"{where}: `{url}` is pinned to no commit", "a lock has `git+URL@COMMIT`, in full"
            )
        return None
    name = posixpath.basename(unquote(urlsplit(url).path))
    if "://" in url and (wheel := _WHEEL.fullmatch(name)):
        return Archive(*wheel.groups())
    ending = next((ending for ending in _SOURCES if name.endswith(ending)), "")
    if "://" not in url or not ending:
        raise EnvironmentFailure(
            f"{where}: `{url}` is not the address of a wheel or an sdist",
            "a package that lies in the project belongs into the `pip:` section of the yaml",
        )
    stem, _, version = name.removesuffix(ending).rpartition("-")
    return Archive(stem or version, version)


def is_sha256(text: str) -> bool:
    """Whether `text` can be one."""
    return _SHA256.fullmatch(text.lower()) is not None


def hashes(sha256: str | None, md5: str | None, where: str) -> tuple[str | None, str | None]:
    """The two in small letters, None for one that isn't there.

    Raises:
        HashMismatch: there is neither, or one isn't what its name says.
    """
    found = []
    for name, pattern, value in (("sha256", _SHA256, sha256), ("md5", _MD5, md5)):
        text = (value or "").lower()
        if text and not pattern.fullmatch(text):
            raise HashMismatch(f"{where}: `{value}` is no {name}", ANEW)
        found.append(text or None)
    if found == [None, None]:
        raise HashMismatch(
            f"{where}: has no hash, so what is installed can't be checked",
            f"{ANEW}, hashes included (`conda list --explicit --sha256` has them)",
        )
    return found[0], found[1]


def add(found: dict[tuple[str, str], LockedPackage], package: LockedPackage, where: str) -> None:
    """Put `package` to those `found`; one that stands there twice is one.

    Raises:
        EnvironmentFailure: there is one of that name with another address.
    """
    if found.setdefault((package.manager, package.name), package).url != package.url:
        raise EnvironmentFailure(
            f"{where}: {package.name} is there twice, with two addresses", ANEW
        )


def refuse_platform(archive: Archive, platform: str, where: str) -> None:
    """See that `archive` is one of `platform` or of all.

    Raises:
        EnvironmentFailure: it is one of another.
    """
    if archive.platform not in {platform, "noarch", None}:
        raise EnvironmentFailure(
            f"{where}: {archive.name} is for {archive.platform}, and this machine is {platform}",
            f"make a lock for {platform}, such as by `conda-lock lock --platform {platform}`",
        )
