"""Notes how the files of an unpacked package look, and tells later whether one was written into.

Environments link these files, so a step that writes into one of its own writes into the cache. The
sizes alone would not tell, and hashing every file each time would cost more than linking them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.environments import contents

if TYPE_CHECKING:
    from pathlib import Path

_NOTE: Final = "stat"  # beside the unpacked package


def put(unpacked: Path) -> None:
    """Note how the files of the folder `unpacked` look; it may be moved afterwards.

    Raises:
        OSError: it can't be read, or the note can't be written.
    """
    (unpacked.parent / _NOTE).write_text(contents.movable_digest(unpacked))


def holds(unpacked: Path) -> bool:
    """Whether the files of the folder `unpacked` look as they did when that was noted.

    Raises:
        OSError: they can't be read.
    """
    try:
        noted = (unpacked.parent / _NOTE).read_text()
    except FileNotFoundError:
        return False
    return noted == contents.movable_digest(unpacked)
