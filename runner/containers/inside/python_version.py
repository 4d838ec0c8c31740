"""Which version an image's Python has, as far as files say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.environments.base import Package

HEADER: Final = b"/patchlevel.h"
VENV: Final = b"/pyvenv.cfg"
MOST: Final = 1000  # hints of a kind

_NAME: Final = re.compile(r"(?:.*/)?python(\d+\.\d+)t?")
_DEFINED: Final = re.compile(rb'#\s*define\s+PY_VERSION\s+"([0-9]+\.[0-9]+\.[0-9a-z]+)\+?"')
_CONFIGURED: Final = re.compile(rb"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", re.MULTILINE)
_PACKAGED: Final = re.compile(r"(?:\d+:)?(\d+\.\d+\.\d+(?:(?:~|_)?(?:a|alpha|b|beta|rc)\d+)?)")


class Hints(Struct):
    """What was seen on the way that tells a version.

    Attributes:
        headers: `X.Y` under its prefix (`usr/local`, `3.11`) → version.
        venvs: prefix of a virtual environment → version.
        conda: prefix that conda manages → version of its `python`, where it has one.
    """

    headers: dict[tuple[str, str], str] = field(default_factory=dict)
    venvs: dict[str, str] = field(default_factory=dict)
    conda: dict[str, str] = field(default_factory=dict)

    def add(self, name: bytes, content: bytes) -> None:
        """Read the file `name`, which ends as `HEADER` or `VENV`."""
        prefix = name.decode(errors="surrogateescape").rpartition("/")[0]
        if name.endswith(VENV):
            if len(self.venvs) < MOST and (found := _CONFIGURED.search(content)):
                self.venvs[prefix] = found[1].decode()
            return
        before, include, below = f"/{prefix}".rpartition("/include/python")
        minor = re.match(r"\d+\.\d+", below)
        if include and minor and len(self.headers) < MOST and (found := _DEFINED.search(content)):
            self.headers[before.lstrip("/"), minor[0]] = found[1].decode()


def version_of(names: Iterable[bytes], packages: Iterable[Package], hints: Hints) -> str | None:
    """The version of the interpreter, `3.11.7`, or `3.11` where no more is known; None for none.

    Args:
        names: all names of its file, relative to the image's top.
    """
    texts = [name.decode(errors="surrogateescape") for name in names]
    for text in texts:
        prefix, found = _prefix(text), _NAME.fullmatch(text)
        minor = found[1] if found else None
        version = (
            hints.headers.get((prefix, minor or ""))
            or _of_system(prefix, minor, packages)
            or hints.conda.get(prefix)
            or hints.venvs.get(prefix)
        )
        if version and (minor is None or version.startswith(f"{minor}.")):
            return version
    return next((found[1] for text in texts if (found := _NAME.fullmatch(text))), None)


def _prefix(program: str) -> str:
    folder = program.rpartition("/")[0]
    before, _, last = folder.rpartition("/")
    return before if last == "bin" else folder


def _of_system(prefix: str, minor: str | None, packages: Iterable[Package]) -> str | None:
    """By the package of Debian's or Alpine's that the interpreter in `/usr/bin` belongs to."""
    if prefix not in {"usr", ""} or minor is None:
        return None
    owners = {("deb", f"python{minor}-minimal"), ("apk", "python3"), ("apk", f"python{minor}")}
    for package in packages:
        if (package.type, package.name) in owners:
            found = _PACKAGED.match(package.version)
            return re.sub("[~_]", "", found[1]) if found else None
    return None
