"""Decides between reuse and build: the only place that does, under a lock named by the digest."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner import fingerprint
from runner.environments import contents, markers
from runner.environments.base import Environment
from runner.environments.platforms import platform_name
from runner.errors import EnvironmentFailure, NoRoom

if TYPE_CHECKING:
    from runner.environments.base import Backend, Interpreter, Lock
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

_ATTEMPTS = 3
_NAME_LENGTH = 24  # of the digest: a script's first line must fit a path into 127 bytes


def ensure(
    backend: Backend,
    lock: Lock,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    exact: bool = False,
    occupied: frozenset[str] = frozenset(),
) -> Environment:
    """The environment of `lock`, built if it isn't there; two first runs at once build it once.

    A half-built environment is never used: the mark *complete* is written last. One that was
    changed by hand, or whose interpreter is gone or replaced, is built again.

    Args:
        files: the project's, for what is built from them.
        occupied: hashes of environments that are taken as they are: they can't be built under the
            runs that wait for this one.

    Raises:
        EnvironmentFailure: it can't be built; nothing is left behind that would be used.
    """
    interpreter = backend.interpreter(lock, exact=exact, settings=settings, progress=progress)
    digest = hash_of(lock, interpreter)
    if not backend.LOCKS:
        # A kind that builds nothing: what is there is looked at each time.
        seen = backend.observe(Path(), interpreter)
        return _environment(lock, None, digest, interpreter, seen)
    at = path_of(lock, digest, settings)
    found, reason = _usable(backend, lock, at, interpreter)
    if found is not None:
        return _environment(lock, at, digest, found.interpreter, found)
    if digest in occupied:
        return _as_it_is(backend, lock, at, interpreter, digest, reason, progress)
    return _locked(backend, lock, at, interpreter, digest, files, progress, settings)


def peek(
    backend: Backend, lock: Lock, *, settings: Settings, exact: bool = False
) -> tuple[str | None, bool]:
    """The hash of `lock`'s environment, None where its Python isn't here, and whether it stands.

    Nothing is fetched for it.
    """
    from runner.progress import Silent

    try:
        interpreter = backend.interpreter(
            lock, exact=exact, settings=settings, progress=Silent(), fetch=False
        )
    except EnvironmentFailure:
        return None, False
    digest = hash_of(lock, interpreter)
    if not backend.LOCKS:
        return digest, True
    try:
        found, _ = _usable(backend, lock, path_of(lock, digest, settings), interpreter)
    except EnvironmentFailure:
        return digest, False
    return digest, found is not None


def hash_of(lock: Lock, interpreter: Interpreter | None) -> str:
    """The environment's hash: kind, platform, interpreter build and lock, what was intended."""
    build = None
    if interpreter is not None:
        build = [interpreter.implementation, interpreter.version, interpreter.build]
    intended = [lock.kind, platform_name(), build, lock.format, lock.sha256]
    if lock.context is not None:
        intended.append(lock.context)
    return fingerprint.of_value("environment", intended)


def path_of(lock: Lock, digest: str, settings: Settings) -> Path:
    """Where the environment with the hash `digest` lies, or will."""
    return settings.environments / lock.kind / digest[:_NAME_LENGTH]


def _usable(
    backend: Backend, lock: Lock, at: Path, interpreter: Interpreter | None
) -> tuple[markers.Marker | None, str | None]:
    """The mark of a finished and healthy environment, else why the one that stands can't be used.

    Both are None where nothing finished stands.
    """
    marker = markers.read(at)
    if marker is None:
        return None, None
    if marker.lock != lock.sha256:
        return None, "it was built from another lock"
    if marker.stamp != markers.stamp_of(interpreter):
        return None, "its Python was replaced"
    if (reason := backend.health(lock, at)) is not None:
        return None, reason
    try:
        if contents.stat_digest(at) != marker.stat:
            return None, "it was changed by hand"
    except OSError as error:
        return None, f"it can't be read: {error.strerror}"
    return marker, None


def _locked(
    backend: Backend,
    lock: Lock,
    at: Path,
    interpreter: Interpreter | None,
    digest: str,
    files: ProjectFiles,
    progress: Progress,
    settings: Settings,
) -> Environment:
    from runner.locking import hold

    try:
        with hold(at.with_name(f"{at.name}.lock"), waiting=progress.update):
            found, reason = _usable(backend, lock, at, interpreter)
            if found is not None:
                return _environment(lock, at, digest, found.interpreter, found)
            if reason is not None:
                progress.warning(f"the environment {at.name} is built again: {reason}")
                backend.mend(at, progress=progress)
            started = time.monotonic()
            marker = _built(backend, lock, at, interpreter, files, settings, progress)
            taken = time.monotonic() - started
    except OSError as error:
        raise no_room(error, settings) from error
    return _environment(lock, at, digest, marker.interpreter, marker, built_s=taken)


def _built(
    backend: Backend,
    lock: Lock,
    at: Path,
    interpreter: Interpreter | None,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> markers.Marker:
    from runner.environments import occupied

    with occupied.vacate(at, waiting=progress.update):
        return _built_alone(backend, lock, at, interpreter, files, settings, progress)


def _built_alone(
    backend: Backend,
    lock: Lock,
    at: Path,
    interpreter: Interpreter | None,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> markers.Marker:
    from runner.files import remove_tree

    before: tuple[str, ...] = ()
    try:
        for attempt in range(_ATTEMPTS):
            remove_tree(at)
            at.mkdir(parents=True)
            markers.begin(at, lock)
            backend.create(
                lock,
                at,
                interpreter=interpreter,
                files=files,
                settings=settings,
                progress=progress,
            )
            marker, changed = _observe(backend, lock, at, interpreter)
            if not changed:
                break
            names = ", ".join(changed)
            if changed == before or attempt + 1 == _ATTEMPTS:
                # Fresh from the index, they are as they were published.
                progress.warning(
                    f"the files of {names} aren't those that its own list of files names: another "
                    "package has files of the same names, or its wheel is made wrongly"
                )
                break
            # Installers link files from their cache, so a step that wrote into one environment has
            # written into the cache, too; they themselves do not look.
            progress.warning(f"the package cache holds changed files of {names}: fetched again")
            backend.mend(at, progress=progress)
            before = changed
        markers.finish(at, marker)
    except BaseException:
        # Room is what a failed build most likely lacks; a kill leaves the mark *building*.
        remove_tree(at)
        raise
    return marker


def _observe(
    backend: Backend, lock: Lock, at: Path, interpreter: Interpreter | None
) -> tuple[markers.Marker, tuple[str, ...]]:
    """The mark for what was built, and the packages that aren't what they say they are."""
    if (reason := backend.health(lock, at)) is not None:
        raise EnvironmentFailure(f"the environment that was just built can't be used: {reason}")
    seen = backend.observe(at, interpreter)
    marker = markers.Marker(
        lock=lock.sha256,
        interpreter=interpreter or seen.interpreter,
        stamp=markers.stamp_of(interpreter),
        packages=seen.packages,
        fingerprint=seen.fingerprint,
        stat=seen.stat,
    )
    return marker, seen.changed


def _as_it_is(
    backend: Backend,
    lock: Lock,
    at: Path,
    interpreter: Interpreter | None,
    digest: str,
    reason: str | None,
    progress: Progress,
) -> Environment:
    """An environment that an outer step works in, whatever that step has done to it."""
    if (broken := backend.health(lock, at)) is not None:
        raise EnvironmentFailure(
            f"the environment {at.name} can't be used: {broken}",
            "the step that this run is a part of runs in it, and must leave it whole",
        )
    why = reason or "its mark is gone"
    progress.warning(f"the environment {at.name} is used as it is, in the middle of a run: {why}")
    seen = backend.observe(at, interpreter)
    return _environment(lock, at, digest, interpreter or seen.interpreter, seen)


def _environment(
    lock: Lock,
    at: Path | None,
    digest: str,
    interpreter: Interpreter | None,
    held: markers.Marker | contents.Seen,
    *,
    built_s: float | None = None,
) -> Environment:
    """`built_s` is None for one that was there already."""
    return Environment(
        kind=lock.kind,
        hash=digest,
        lock=lock,
        path=at,
        interpreter=interpreter,
        packages=held.packages,
        fingerprint=held.fingerprint,
        reused=built_s is None,
        built_s=built_s or 0.0,
    )


def no_room(error: OSError, settings: Settings) -> NoRoom:
    """What to raise for an `error` of the cache home's file system."""
    said = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "a file is larger than this process may write",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "no permission to write there",
    }.get(error.errno or 0, error.strerror or str(error))
    return NoRoom(
        f"the environment can't be written below {settings.cache}: {said}",
        "free some space, or set REPRUN_CACHE to a folder with room",
    )
