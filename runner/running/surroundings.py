"""What surrounds a step: its environment activated, a place for bytecode, its variables."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final

from runner.environments import kinds
from runner.environments.base import Activation
from runner.executors import bytecode, step_tools
from runner.executors.variables import step_variables
from runner.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.environments.base import Environment
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import Checkout

_PYTHON: Final = re.compile(r"(?:^|[\s;&|(])((?:python|pip)[\d.]*)(?=\s|$)")
BEFORE_PREFIXES = ("2.", "3.6.", "3.7.")  # these know no PYTHONPYCACHEPREFIX


def activate(
    environment: Environment, checkout: Checkout, *, settings: Settings, progress: Progress
) -> Activation:
    """How whoever works in `checkout` sees the environment, the project's own packages included.

    Raises:
        EnvironmentFailure: a local package does not build.
    """
    if environment.path is None:
        return Activation()
    if not environment.lock.local_packages:
        return kinds.load(environment.kind).activate(environment.path)
    from runner.environments import layer

    return layer.install(
        environment.lock, environment, checkout, settings=settings, progress=progress
    )


def warn_of_another_python(
    environment: Environment, activation: Activation, command: str, progress: Progress
) -> None:
    """Say that a step's Python is the machine's, where its environment brings none."""
    if environment.interpreter is not None or not activation.path:
        return
    match = _PYTHON.search(command)
    if match is not None and not any((at / match[1]).exists() for at in activation.path):
        progress.warning(
            f"the environment has no `{match[1]}`: the command gets what this machine has on PATH",
            "write `- python` below `dependencies:`",
        )


@contextlib.contextmanager
def variables(
    environment: Environment,
    activation: Activation,
    checkout: Checkout,
    *,
    settings: Settings,
    entry_env: Mapping[str, str | None],
    extra: Mapping[str, str],
    clean: bool = False,
    pass_env: tuple[str, ...] = (),
) -> Iterator[dict[str, str]]:
    """All variables of whoever works in `checkout`; see `step_variables`.

    Their Python keeps its bytecode in a folder that is removed at the end.

    Raises:
        ExecutionError: `entry_env` asks for variables that the caller has not.
    """
    prefix = bytecode.place(checkout, settings)
    try:
        bytecode.lay(prefix, _kept_bytecode(environment, activation, settings))
        yield step_variables(
            step_tools.without(os.environ, settings),
            activation=activation,
            entry_env=entry_env,
            clean=clean,
            pass_env=pass_env,
            bytecode_prefix=prefix,
            extra={**_ours(environment, settings), **extra},
        )
    finally:
        remove_tree(prefix)


def _ours(environment: Environment, settings: Settings) -> dict[str, str]:
    # A checkout without a git of its own must not find a repository above the cache.
    ours = {"GIT_CEILING_DIRECTORIES": str(settings.work)}
    interpreter = environment.interpreter
    if interpreter is not None and interpreter.version.startswith(BEFORE_PREFIXES):
        ours["PYTHONDONTWRITEBYTECODE"] = "1"
    return ours


def _kept_bytecode(
    environment: Environment, activation: Activation, settings: Settings
) -> dict[Path, Path]:
    """Which folders of sources keep their bytecode: packages, and Python's own library."""
    kept = dict(activation.bytecode)
    interpreter = environment.interpreter
    if interpreter is None:
        return kept
    home = settings.cache / "bytecode" / interpreter.version
    minor = ".".join(interpreter.version.split(".")[:2])
    library = interpreter.path.resolve().parent.parent / "lib" / f"python{minor}"
    for folder in (library, *interpreter.folders):
        kept.setdefault(folder, home / str(folder).strip("/").replace("/", "%"))
    return kept
