"""Reads wheels: what they are called, what they need, what they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from email.message import Message

_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def requirements_of(content: bytes, path: str, extras: tuple[str, ...]) -> tuple[str, ...]:
    """The requirements of the wheel with the bytes `content`.

    Raises:
        EnvironmentFailure: it is no wheel.
    """
    found: list[str] = []
    for line in metadata_of(content, path).get_all("Requires-Dist") or ():
        text = str(line)
        match = _EXTRA.search(text)
        if match is None:
            found.append(text)
        elif match.group(1) in extras:
            # The extra was asked for, so its half of the marker is true.
            found.append(re.sub(r"(\s+and\s+)?" + _EXTRA.pattern, "", text).rstrip("; "))
    return tuple(found)


def metadata_of(content: bytes, path: str) -> Message:
    """The METADATA of the wheel with the bytes `content`.

    Raises:
        EnvironmentFailure: it is no wheel.
    """
    import io
    import zipfile
    from email.parser import BytesParser

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                if name.endswith(".dist-info/METADATA"):
                    return BytesParser().parsebytes(archive.read(name))
    except (zipfile.BadZipFile, OSError):
        pass
    raise EnvironmentFailure(f"{path}: not a wheel", "is it a git-lfs pointer?")
