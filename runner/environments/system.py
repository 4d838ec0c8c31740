"""The kind `local`: whatever Python is on PATH, with what happens to be installed; not locked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import fingerprint
from runner.environments import contents, facts, interpreters
from runner.environments.base import Activation, Lock, Spec
from runner.environments.platforms import platform_name

if TYPE_CHECKING:
    from runner.environments.base import Interpreter
    from runner.manifest.model import EnvironmentReference
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

NAME: Final = "local"
LOCKS: Final = False
AMENDS: Final = False
SCRIPTS: Final = False


def read(
    reference: EnvironmentReference,
    files: ProjectFiles,
    *,
    as_of: str | None,
    skip_unmapped: bool = False,
) -> Spec:
    """Nothing is asked for: the project's own file is left aside; see `Backend.read`."""
    del files, skip_unmapped
    digest = fingerprint.of_value("specification", [NAME])
    return Spec(kind=NAME, python=None, digest=digest, origin=reference.path, as_of=as_of)


def lock(
    spec: Spec,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    relock: bool = False,
) -> Lock:
    """A lock that locks nothing, and says so; see `Backend.lock`."""
    del files, settings, progress, relock
    return _unlocked(spec)


def peek(spec: Spec, *, settings: Settings) -> Lock | None:
    """As `lock`; see `Backend.peek`."""
    del settings
    return _unlocked(spec)


def interpreter(
    lock: Lock, *, exact: bool, settings: Settings, progress: Progress, fetch: bool = True
) -> Interpreter | None:
    """What `python` starts, without starting it where it was asked before; None for none."""
    del lock, exact, progress, fetch
    path = _python()
    if path is None:
        return None
    known = facts.Facts(settings)
    found = known.interpreter(path)
    known.save()
    return found


def create(
    lock: Lock,
    at: Path,
    *,
    interpreter: Interpreter | None,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> None:
    """Nothing is built; see `Backend.create`."""


def health(lock: Lock, at: Path) -> str | None:
    """Always usable; see `Backend.health`."""
    del lock, at
    return None


def observe(at: Path, interpreter: Interpreter | None) -> contents.Seen:
    """The packages where Python imports from, by their names alone; see `Backend.observe`."""
    del at
    packages = contents.packages_in(interpreter.folders if interpreter else (), {})
    found = contents.fingerprint(contents.build_of(interpreter), None, packages)
    return contents.Seen(packages, found, stat="", changed=())


def mend(at: Path, *, progress: Progress) -> None:
    """Nothing to mend; see `Backend.mend`."""


def activate(at: Path) -> Activation:
    """PATH stays as it is; see `Backend.activate`."""
    del at
    return Activation()


def _unlocked(spec: Spec) -> Lock:
    return Lock(
        kind=NAME,
        format="none",
        text="",
        sha256=fingerprint.of_text(""),
        python=None,
        platform=platform_name(),
        locked=False,
        local_packages=spec.local_packages,
    )


def _python() -> Path | None:
    """The first `python` (else `python3`) on PATH, seen through pyenv's shims."""
    for name in ("python", "python3"):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = Path(folder, name)
            if folder and os.access(path, os.X_OK):
                real = _behind_shim(path)
                if real is not None:
                    return real
    return None


def _behind_shim(path: Path) -> Path | None:
    root = interpreters.pyenv_root()
    if path.parent != root / "shims":
        return path
    for version in _pyenv_versions(root):
        real = root / "versions" / version / "bin" / path.name
        if os.access(real, os.X_OK):
            return real
    return None


def _pyenv_versions(root: Path) -> list[str]:
    if given := os.environ.get("PYENV_VERSION"):
        return given.split(":")
    try:
        return (root / "version").read_text().split()
    except OSError:
        return []
