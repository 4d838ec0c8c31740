"""The kind `venv`: a virtual environment made by virtualenv, locked and installed by uv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner import fingerprint
from runner.environments import contents
from runner.environments.base import Activation, Lock
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Interpreter, Spec
    from runner.manifest.model import EnvironmentReference
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

NAME: Final = "venv"
LOCKS: Final = True
AMENDS: Final = True
SCRIPTS: Final = False


def read(
    reference: EnvironmentReference,
    files: ProjectFiles,
    *,
    as_of: str | None,
    skip_unmapped: bool = False,
) -> Spec:
    """What the project asks for; see `Backend.read`."""
    from runner.environments import reading

    return reading.read(NAME, reference, files, as_of=as_of, skip_unmapped=skip_unmapped)


def lock(
    spec: Spec,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    relock: bool = False,
) -> Lock:
    """The project's own lock, else exact pins resolved now; see `Backend.lock`."""
    del relock  # the index is asked each time
    found = _interpreter(spec, settings, progress)
    if spec.lock_text is not None:
        return _own(spec, _release(spec, found), progress)
    if spec.python is None:
        from runner.environments import fitting_python

        found = fitting_python.better(spec, found, settings=settings, progress=progress)
    python = _release(spec, found)
    from runner.environments.resolve import resolve

    try:
        return resolve(spec, found, python, files=files, settings=settings, progress=progress)
    except BuildFailure as error:
        from runner.environments import fitting_python

        fitting_python.suggest(error, spec, found, settings=settings, progress=progress)
        raise


def peek(spec: Spec, *, settings: Settings) -> Lock | None:
    """The project's own lock; see `Backend.peek`."""
    from runner.environments import interpreters
    from runner.errors import NoSuchPython
    from runner.progress import Silent

    if spec.lock_text is None:
        return None
    try:
        found = interpreters.find(
            spec.python, exact=False, settings=settings, progress=Silent(), fetch=False
        )
    except NoSuchPython:
        return None
    return _own(spec, _release(spec, found), Silent())


def interpreter(
    lock: Lock, *, exact: bool, settings: Settings, progress: Progress, fetch: bool = True
) -> Interpreter | None:
    """The Python that `lock` is for; see `Backend.interpreter`."""
    from runner.environments import interpreters

    return interpreters.find(
        lock.python, exact=exact, settings=settings, progress=progress, fetch=fetch
    )


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
    from runner.environments import install, virtual

    del files  # the project's own packages go into a layer of the run

    assert interpreter is not None
    # A project's own lock is used as it is: the pip and setuptools that it lacks, and that old
    # packages import, are those that virtualenv carries, and the record shows their versions.
    # So are they of a project that asks for nothing: its step may call pip.
    empty = not lock.text.strip()
    seeds = empty or (lock.made == "project" and not install.has_seeds(lock))
    progress.update(f"making a virtual environment with Python {interpreter.version}")
    by_uv = not empty and install.takes_seeds(lock)
    virtual.make(at, interpreter, seeds=seeds and not by_uv, settings=settings, progress=progress)
    if not empty:
        carried = virtual.carried(interpreter) if seeds and by_uv else ()
        install.install(lock, at, interpreter, carried, settings=settings, progress=progress)


def health(lock: Lock, at: Path) -> str | None:
    """None, or why it can't be used; see `Backend.health`."""
    del lock
    if not (at / "pyvenv.cfg").is_file():
        return "it has no pyvenv.cfg"
    if not (at / "bin" / "python").exists():
        return "its Python is gone"
    return None


def observe(at: Path, interpreter: Interpreter | None) -> contents.Seen:
    """What is really there; see `Backend.observe`."""
    packages = contents.packages_in([contents.site_packages(at)], contents.origins_of(at))
    return contents.look(at, contents.build_of(interpreter), packages)


def mend(at: Path, *, progress: Progress) -> None:
    """Have uv forget the packages that were changed in `at`; see `Backend.mend`."""
    from runner.environments import uv

    try:
        broken = contents.changed_packages(contents.site_packages(at))
    except OSError:
        return
    if broken:
        uv.run(["cache", "clean", *broken], progress=progress)


def activate(at: Path) -> Activation:
    """How a step gets to see it; see `Backend.activate`."""
    return Activation(
        path=(at / "bin",),
        variables={"VIRTUAL_ENV": str(at)},
        bytecode={contents.site_packages(at): at / contents.BYTECODE},
    )


def _interpreter(spec: Spec, settings: Settings, progress: Progress) -> Interpreter:
    from runner.environments import interpreters, python_of_day

    as_of = spec.as_of if spec.lock_text is None else None
    if as_of is not None and not python_of_day.names_one(spec.python):
        return python_of_day.find(spec.python, as_of, settings=settings, progress=progress)
    # Whoever builds says that another patch release serves: that happens on every run.
    return interpreters.find(
        spec.python, exact=False, settings=settings, progress=progress, warn=False
    )


def _release(spec: Spec, found: Interpreter) -> str:
    """The exact version that the lock is for: what was asked for, even where a near one serves."""
    from runner.environments import versions

    return versions.exact(versions.parse(spec.python or "")) or found.version


def _own(spec: Spec, python: str, progress: Progress) -> Lock:
    from runner.environments import addresses

    text = addresses.without_credentials(spec.lock_text or "")
    if text != spec.lock_text:
        progress.warning(
            f"{spec.origin}: the passwords in it are not kept",
            "put them into `~/.netrc`, or into the configuration of your package index",
        )
    return Lock(
        kind=NAME,
        format=spec.lock_format or "requirements",
        text=text,
        sha256=fingerprint.of_text(text),
        python=python,
        platform="any",
        local_packages=spec.local_packages,
        made="project",
    )
