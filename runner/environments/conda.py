"""The kind `conda`: solved and linked by py-rattler, locked as `conda-lock.yml`, without conda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.environments import contents
from runner.environments.base import Activation
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Interpreter, Lock, Spec
    from runner.manifest.model import EnvironmentReference
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

NAME: Final = "conda"
LOCKS: Final = True
AMENDS: Final = True
SCRIPTS: Final = True


def read(
    reference: EnvironmentReference,
    files: ProjectFiles,
    *,
    as_of: str | None,
    skip_unmapped: bool = False,
) -> Spec:
    """What the project asks for; see `Backend.read`."""
    del skip_unmapped  # whatever conda has can be had
    from runner.conda import reading

    if reference.kind != "conda_env" or reference.path is None:
        raise EnvironmentFailure(
            "the project has no conda file to make a conda environment of",
            "leave `--env-manager conda` away",
        )
    return reading.read(NAME, files, reference.path, as_of=as_of)


def lock(
    spec: Spec,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    relock: bool = False,
) -> Lock:
    """The project's own lock, else what py-rattler finds now; see `Backend.lock`."""
    from runner.conda import project_lock, resolution

    if spec.lock_text is not None:
        return project_lock.own(spec)
    return resolution.resolve(spec, files=files, settings=settings, progress=progress, anew=relock)


def peek(spec: Spec, *, settings: Settings) -> Lock | None:
    """The project's own lock; see `Backend.peek`."""
    del settings
    from runner.conda import project_lock

    return None if spec.lock_text is None else project_lock.own(spec)


def interpreter(
    lock: Lock, *, exact: bool, settings: Settings, progress: Progress, fetch: bool = True
) -> Interpreter | None:
    """None: Python is one of the packages; see `Backend.interpreter`."""
    del lock, exact, settings, progress, fetch
    return None


def create(
    lock: Lock,
    at: Path,
    *,
    interpreter: Interpreter | None,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> None:
    """Build it; see `Backend.create`."""
    del interpreter
    from runner.conda import building

    building.build(lock, at, files=files, settings=settings, progress=progress)


def health(lock: Lock, at: Path) -> str | None:
    """None, or why it can't be used; see `Backend.health`."""
    if not (at / "conda-meta").is_dir():
        return "it has no conda-meta"
    if lock.python is not None and not (at / "bin" / "python").exists():
        return "its Python is gone"
    return None


def observe(at: Path, interpreter: Interpreter | None) -> contents.Seen:
    """What `conda-meta` and the Python packages say is there; see `Backend.observe`."""
    del interpreter
    from runner.conda import observation

    return observation.look(at)


def mend(at: Path, *, progress: Progress) -> None:
    """Have the caches forget what was changed in `at`; see `Backend.mend`."""
    from runner.conda import observation

    observation.forget_changed(at, progress=progress)


def activate(at: Path) -> Activation:
    """How a step gets to see it; see `Backend.activate`."""
    from runner.conda import activation

    path, variables = activation.kept(at)
    try:
        library = contents.site_packages(at).parent
    except FileNotFoundError:
        return Activation(path=path, variables=variables)
    kept = {library: at / contents.BYTECODE}
    return Activation(path=path, variables=variables, bytecode=kept)
