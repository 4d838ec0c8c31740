"""Wheels of packages that lie in a project: each tree is built once per interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner import fingerprint
from runner.environments import build_tools
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from runner.environments.base import Environment, LocalPackage
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress
    from runner.settings import Settings


def wheel_of(
    package: LocalPackage,
    path: Path,
    environment: Environment,
    *,
    settings: Settings,
    progress: Progress,
) -> Path:
    """The wheel of the package at `path`, from the cache or built now from a copy of the folder.

    Raises:
        BuildFailure: it does not build.
    """
    from runner.locking import hold

    if path.suffix == ".whl":
        return path
    interpreter = environment.interpreter
    assert interpreter is not None
    tools = build_tools.of_lock(environment.lock.text)
    key = fingerprint.of_value(
        "local-wheel",
        [package.path, package.tree, interpreter.version, interpreter.build,
         *build_tools.shared(tools)],
    )  # fmt: skip
    folder = settings.wheels / key[:24]
    with hold(folder.with_suffix(".lock"), waiting=progress.update):
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None:
            _build(path, package.path, interpreter.path, tools, folder, progress)
            wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise BuildFailure(f"`{package.path}` builds no wheel")
    return wheel


def _build(
    path: Path, name: str, python: Path, tools: BuildTools, folder: Path, progress: Progress
) -> None:
    import shutil
    from tempfile import TemporaryDirectory

    from runner.environments import uv
    from runner.environments.own_builds import failure
    from runner.files import replace_directory

    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".local-", dir=folder.parent) as temporary:
        # A build leaves `build/` and `*.egg-info` beside the sources, which are the step's.
        copy, output = Path(temporary, "source"), Path(temporary, "wheel")
        shutil.copytree(path, copy, symlinks=True)
        answer = uv.run(
            ["build", "--wheel", "--python", str(python), "--out-dir", str(output), str(copy),
             *build_tools.arguments(tools, Path(temporary, "tools"))],
            progress=progress,
        )  # fmt: skip
        if answer.status != 0:
            raise failure(answer.messages, [name], origin=name)
        replace_directory(output, folder)
