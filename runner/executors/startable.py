"""What no process can be started with, found before anything is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import ExecutionError

if TYPE_CHECKING:
    from runner.executors.base import Execution


def check(execution: Execution) -> None:
    """See that the command and the variables are such as a process can have.

    Raises:
        ExecutionError: there is a NUL in them, or a `=` in a name.
    """
    for text in execution.argv:
        if "\0" in text:
            raise ExecutionError(f"a NUL character in the command: {text!r}")
    for name, value in execution.variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise ExecutionError(f"no process can have the variable {name!r}: a `=` or a NUL in it")
