"""Whose fault it is when a package of the project itself can't be built: the project's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.environments import diagnosis
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.errors import EnvironmentFailure

# The backend was called and failed; what it needs was there.
_CALLED: Final = re.compile(r"Call to `[^`]+` failed")
_OTHERS: Final = re.compile(r"[Ff]ailed to (?:build|download and build) `[\w.-]+(?: @ git\+|==)")


def failure(
    messages: str, paths: Sequence[str], *, origin: str | None = None
) -> EnvironmentFailure:
    """The error for what uv said while it built the project's own packages at `paths`.

    Args:
        messages: credentials already removed.
        paths: relative to the project; not empty.
        origin: the file to blame where it is no build of theirs that failed.
    """
    if not _CALLED.search(messages) or _OTHERS.search(messages):
        return diagnosis.failure(messages, origin=origin)
    said, _ = diagnosis.cause_of(messages) or ("its own build fails", "")
    who = "the project itself" if list(paths) == ["."] else " or ".join(f"`{one}`" for one in paths)
    first = paths[0] if paths[0] == "." else f"./{paths[0]}"
    return BuildFailure(
        f"{who} can't be built: {said}",
        f"the fault is the project's, not the environment's: `pip wheel {first}` shows it, too",
        details=diagnosis.last_lines(messages),
    )
