"""A HOME that a step can write to: containers and `nobody` often have none."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runner.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.progress import Progress


@contextlib.contextmanager
def writable(
    variables: Mapping[str, str], instead: Path, *, progress: Progress
) -> Iterator[dict[str, str]]:
    """`variables`, with `instead` as HOME, empty and removed afterwards, where theirs won't do.

    Raises:
        OSError: it can't be made.
    """
    reason = _unusable(variables.get("HOME", ""))
    if reason is None:
        yield dict(variables)
        return
    progress.warning(f"HOME {reason}: the step has an empty one, which goes when it ends")
    remove_tree(instead)
    instead.mkdir(parents=True)
    try:
        yield {**variables, "HOME": str(instead)}
    finally:
        remove_tree(instead)


def _unusable(home: str) -> str | None:
    if not home:
        return "is not set"
    if not os.path.isdir(home):  # noqa: PTH112  pure text
        return f"({home}) is no folder"
    if not os.access(home, os.W_OK | os.X_OK):
        return f"({home}) can't be written"
    return None
