"""How a command becomes a program and its arguments: bash reads it, as MLflow has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def argv_for(command: str, shell: str = "bash") -> tuple[str, ...]:
    """The program and arguments that run a rendered command; an image may have `sh` only."""
    return (shell, "-c", command)


def find_program(name: str, variables: Mapping[str, str], directory: Path) -> str:
    """The path of the executable that a step would start as `name`.

    Raises:
        ExecutionError: there is none on the step's `PATH`.
    """
    if "/" in name:
        return name
    search = variables.get("PATH", os.defpath)
    for folder in search.split(os.pathsep):
        path = os.path.join(directory, folder, name)  # noqa: PTH118  quicker, on every run
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113  hot
            return path
    hint = f"install {name}" if name == "bash" else f"add the folder of {name} to PATH"
    raise ExecutionError(f"no `{name}` on the step's PATH ({search})", hint)
