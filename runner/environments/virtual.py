"""Makes the empty virtual environment: virtualenv, or uv where virtualenv can't."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.environments import uv
from runner.environments.diagnosis import failure
from runner.environments.versions import numbers

if TYPE_CHECKING:
    from runner.environments.base import Interpreter
    from runner.progress import Progress
    from runner.settings import Settings


def make(
    at: Path,
    interpreter: Interpreter,
    *,
    seeds: bool,
    settings: Settings,
    progress: Progress,
) -> None:
    """Make a virtual environment at `at`, which may exist; needs no network.

    `seeds` puts in the pip and setuptools that virtualenv carries along.

    Raises:
        EnvironmentFailure: neither virtualenv nor uv can use the interpreter.
    """
    if not _by_virtualenv(at, interpreter, settings, seeds=seeds):
        # virtualenv drops interpreters some years after their end; projects keep asking for them.
        _by_uv(at, interpreter, progress)


def _by_virtualenv(at: Path, interpreter: Interpreter, settings: Settings, *, seeds: bool) -> bool:
    import virtualenv

    if not _can_serve(Path(virtualenv.__file__).parent, interpreter):
        return False
    arguments = [str(at), "--python", str(interpreter.path), "--no-download", "--no-vcs-ignore"]
    arguments += ["--no-periodic-update", "--activators", "bash"]
    arguments += ["--app-data", str(settings.cache / "virtualenv")]
    arguments += ["--setuptools", "bundle"] if seeds else ["--no-seed"]
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_")
    }
    variables["VIRTUALENV_CONFIG_FILE"] = os.devnull
    try:
        virtualenv.cli_run(arguments, setup_logging=False, env=variables)
    except OSError:
        raise
    except (RuntimeError, ValueError, SystemExit):
        return False
    return (at / "bin" / "python").exists()


def carried(interpreter: Interpreter) -> tuple[Path, ...]:
    """The wheels of pip and setuptools that virtualenv carries for this Python.

    uv links them out of its cache in a tenth of the time that virtualenv takes to copy them.
    """
    import virtualenv
    from virtualenv.seed.wheels.embed import get_embed_wheel

    if not _can_serve(Path(virtualenv.__file__).parent, interpreter):
        return ()
    version = ".".join(interpreter.version.split(".")[:2])
    wheels = (get_embed_wheel(name, version) for name in ("pip", "setuptools"))
    return tuple(wheel.path for wheel in wheels if wheel is not None)


def _can_serve(package: Path, interpreter: Interpreter) -> bool:
    """Whether what virtualenv puts into an environment is syntax that the interpreter knows.

    virtualenv goes on making environments for Pythons that it no longer supports; each start of
    such a Python then complains about the module that virtualenv left there.
    """
    import ast

    try:
        source = (package / "create" / "via_global_ref" / "_virtualenv.py").read_text()
    except OSError:
        return True
    version = numbers(interpreter.version)
    try:
        ast.parse(source, feature_version=(version[0], version[1]))
    except SyntaxError:
        return False
    return True


def _by_uv(at: Path, interpreter: Interpreter, progress: Progress) -> None:
    answer = uv.run(
        ["venv", "--no-project", "--allow-existing", "--python", str(interpreter.path), str(at)],
        progress=progress,
    )
    if answer.status != 0:
        raise failure(answer.messages, origin=f"Python {interpreter.version}")
