"""Other users of this machine: root may do anything, so what is forbidden is tried as nobody."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534


def open_folder(below: Path) -> Path:
    """A new folder that every user may reach and write."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in (below, *below.parents):
        if folder.resolve() == temporary:
            break
        folder.chmod(folder.stat().st_mode | 0o011)
    path = below / "open"
    path.mkdir()
    path.chmod(0o777)
    return path


def as_nobody(work: Callable[[], object]) -> str:
    """Do `work` as a user without root's rights; the error it raised, "" where it raised none."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
        except BaseException as error:  # noqa: BLE001  looked at by the test
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text
