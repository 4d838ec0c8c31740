"""Reads conda's explicit files: a line `@EXPLICIT`, then the address of each package, and hashes.

As `conda list --explicit --sha256`, `conda-lock render --kind explicit` and `micromamba env
export --explicit` write them; conda-lock puts pip's packages into comments, `# pip NAME @ URL`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.conda import archives
from runner.conda.model import LockedPackage
from runner.errors import HashMismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK: Final = re.compile(r"^[ \t]*@EXPLICIT[ \t]*\r?$", re.MULTILINE)
_HASH: Final = re.compile(r"(?:(md5|sha256)[:=])?([0-9A-Za-z]+)")
_PIP: Final = re.compile(r"#\s*pip\s+([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\]\s*)?@\s*(\S+)")
_MD5_LENGTH: Final = 32


def is_explicit(text: str) -> bool:
    """Whether `text` has the line that makes a file explicit."""
    return _MARK.search(text) is not None


def read(text: str, *, platform: str, where: str) -> tuple[LockedPackage, ...]:
    """The packages, in the file's order.

    Raises:
        EnvironmentFailure: a line is no address of a package, the package of another platform, or
            another one of a name that was there.
        HashMismatch: a package has no hash.
    """
    found: dict[tuple[str, str], LockedPackage] = {}
    for place, line in _lines(text, where):
        if pip := _PIP.match(line):
            archives.add(found, _pip(pip.group(1), pip.group(2), place), place)
        elif not line.startswith("#") and line != "@EXPLICIT":
            archives.add(found, _conda(line, platform, place), place)
    return tuple(found.values())


def _lines(text: str, where: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if stripped := line.strip():
            yield f"{where}:{number}", stripped


def _conda(line: str, platform: str, where: str) -> LockedPackage:
    url, _, fragment = line.partition("#")
    archive = archives.conda_archive(url, where)
    archives.refuse_platform(archive, platform, where)
    sha256, md5 = archives.hashes(*_split(fragment, where), f"{where}: {archive.name}")
    return LockedPackage(
        name=archive.name,
        version=archive.version,
        url=url,
        build=archive.build,
        sha256=sha256,
        md5=md5,
    )


def _pip(name: str, address: str, where: str) -> LockedPackage:
    archive = archives.pip_archive(address, where)
    if archive is None:
        return LockedPackage(name=name, version="", url=address, manager="pip")
    url, _, fragment = address.partition("#")
    # uv takes no MD5.
    sha256, _ = archives.hashes(_split(fragment, where)[0], None, f"{where}: {name}")
    return LockedPackage(name=name, version=archive.version, url=url, manager="pip", sha256=sha256)


def _split(fragment: str, where: str) -> tuple[str | None, str | None]:
    """SHA-256 and MD5; without a word before it, the length says which."""
    if not fragment:
        return None, None
    match = _HASH.fullmatch(fragment)
    if match is None:
        raise HashMismatch(
            f"{where}: `#{fragment}` is no hash", "write `#sha256:…` or `#` and an MD5"
        )
    kind, value = match.groups()
    is_md5 = kind == "md5" or (kind is None and len(value) == _MD5_LENGTH)
    return (None, value) if is_md5 else (value, None)
