"""A step's command and variables as an engine's API can carry them: as text, within limits."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from runner.errors import ExecutionError

if TYPE_CHECKING:
    from pathlib import Path

    from runner.executors.base import Execution

_WORDS: Final = "words.sh"
_LONGEST: Final = 32 * 4096  # Linux: MAX_ARG_STRLEN, for one text with the NUL at its end


def refuse_too_long(execution: Execution) -> None:
    """See that the system can start the command; an engine would fail inside of the container.

    Raises:
        ExecutionError: it can't.
    """
    pairs = (f"{name}={value}" for name, value in execution.variables.items())
    lengths = [len(os.fsencode(text)) + 1 for text in (*execution.argv, *pairs)]
    if max(lengths) > _LONGEST or sum(lengths) > os.sysconf("SC_ARG_MAX"):
        raise ExecutionError(
            f"can't start `{execution.argv[0]}` in {execution.directory}: "
            f"{os.strerror(errno.E2BIG).lower()}",
            "shorten the parameters",
        )


def hand_over(execution: Execution, folder: Path) -> tuple[list[str], dict[str, str]]:
    """(arguments, variables) for the API; what is no UTF-8 comes by a file in `folder`.

    Raises:
        ExecutionError: it can't be written.
    """
    lines = [
        b"export %s=%s" % (os.fsencode(name), _quoted(value))
        for name, value in execution.variables.items()
        if not (_is_text(value) and _is_text(name))
    ]
    if not all(map(_is_text, execution.argv)):
        lines.append(b"set -- " + b" ".join(map(_quoted, execution.argv)))
    if lines:
        try:
            (folder / _WORDS).write_bytes(b"\n".join(lines) + b"\n")
        except OSError as error:
            raise ExecutionError(f"can't write in {folder}: {error.strerror}") from error
    variables = {k: v for k, v in execution.variables.items() if _is_text(k) and _is_text(v)}
    return [text.encode(errors="replace").decode() for text in execution.argv], variables


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> bytes:
    return b"'" + os.fsencode(text).replace(b"'", b"'\\''") + b"'"
