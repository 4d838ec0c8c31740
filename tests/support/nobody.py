"""Does something as another user than root, whom every permission lets through."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534


def as_nobody(
    work: Callable[[Path], None], *, before: Callable[[Path], None] | None = None
) -> None:
    """Call `work` with a folder of its own in a process of a user without rights; needs root.

    What `work` imports must be imported already: that user may not be able to read it. `before`
    puts things of root's into the folder, which is empty otherwise.

    Raises:
        AssertionError: `work` raised; its traceback is the message.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with TemporaryDirectory(prefix="reprun-nobody-") as name:
        folder = Path(name)
        os.chown(folder, NOBODY, NOBODY)
        if before is not None:
            before(folder)
        said = _in_child(work, folder)
    assert not said, said


def _in_child(work: Callable[[Path], None], folder: Path) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            work(folder)
        except BaseException:  # noqa: BLE001  handed to the parent
            os.write(writing, traceback.format_exc().encode()[-60_000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
