"""Which lock a specification got: kept in the data home, for a cleared cache changes no result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import fingerprint
from runner.environments.base import UNMAPPED, Lock
from runner.environments.platforms import platform_name
from runner.errors import NoRoom

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Backend, Spec
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

VERSION = 1


def find_or_make(
    backend: Backend,
    spec: Spec,
    *,
    relock: bool,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> Lock:
    """The project's own lock, else the one that `spec` got before, else one resolved now.

    Two first runs at once resolve once.

    Raises:
        EnvironmentFailure: it can't be resolved, or the lock can't be kept.
    """
    warn(spec, relock=relock, progress=progress)
    lock = _find_or_make(
        backend, spec, relock=relock, files=files, settings=settings, progress=progress
    )
    if UNMAPPED in spec.extra:
        from runner.environments import conda_failures

        conda_failures.warn(lock.text, progress)
    return lock


def _find_or_make(
    backend: Backend,
    spec: Spec,
    *,
    relock: bool,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> Lock:
    from runner.locking import hold

    if spec.lock_text is not None or not backend.LOCKS:
        return backend.lock(spec, files=files, settings=settings, progress=progress, relock=relock)
    if not relock and (found := _stored(spec, settings)) is not None:
        return found
    try:
        with hold(settings.locks / f"{spec.digest}.lock", waiting=progress.update):
            # Whoever was waited for has most likely resolved just this.
            if not relock and (found := _stored(spec, settings)) is not None:
                return found
            lock = backend.lock(
                spec, files=files, settings=settings, progress=progress, relock=relock
            )
            _store(lock, spec, settings)
            return lock
    except OSError as error:
        raise NoRoom(
            f"the lock can't be kept in {settings.locks}: {error.strerror or error}",
            "set REPRUN_HOME to a folder that can be written",
        ) from error


def warn(spec: Spec, *, relock: bool, progress: Progress) -> None:
    """Say what is doubtful in `spec`, and which flags its own lock leaves without effect."""
    for warning in spec.warnings:
        progress.warning(warning)
    asked = (("--relock", relock), ("--as-of", spec.as_of))
    flags = [flag for flag, given in asked if given]
    if spec.lock_text is not None and flags:
        change = "changes" if len(flags) == 1 else "change"
        progress.warning(
            f"{' and '.join(flags)} {change} nothing: the project's own lock is used as it is",
            "bring that lock up to date instead",
        )


def peek(backend: Backend, spec: Spec, settings: Settings) -> Lock | None:
    """The lock that a run would use, where that can be known without resolving anything."""
    if spec.lock_text is not None or not backend.LOCKS:
        return backend.peek(spec, settings=settings)
    return _stored(spec, settings)


def _stored(spec: Spec, settings: Settings) -> Lock | None:
    for platform in ("any", platform_name()):
        try:
            content = json.loads(_path(spec, platform, settings).read_bytes())
        except (OSError, ValueError):
            continue
        if (lock := _from_json(content)) is not None:
            # The local packages' code is not the lock's business: today's trees are installed.
            # So is what of the project a Dockerfile's build takes in.
            return replace(
                lock,
                local_packages=spec.local_packages,
                context=spec.context,
                origin=spec.origin,
                made="reused",
            )
    return None


def _path(spec: Spec, platform: str, settings: Settings) -> Path:
    suffix = "" if platform == "any" else f".{platform}"
    return settings.locks / f"{spec.digest}{suffix}.json"


def _store(lock: Lock, spec: Spec, settings: Settings) -> None:
    from runner.files import atomic_write

    if lock.platform == "any":
        # A universal lock found by `--relock` takes the place of this platform's.
        _path(spec, platform_name(), settings).unlink(missing_ok=True)

    content = {
        "version": VERSION,
        "kind": lock.kind,
        "format": lock.format,
        "text": lock.text,
        "sha256": lock.sha256,
        "python": lock.python,
        "platform": lock.platform,
        "locked": lock.locked,
    }
    path = _path(spec, lock.platform, settings)
    atomic_write(path, json.dumps(content, indent=1).encode())


def _from_json(content: object) -> Lock | None:
    """The stored lock; None where the file isn't what was written (then it is resolved anew)."""
    if not isinstance(content, dict) or content.get("version") != VERSION:
        return None
    text = content.get("text")
    if not isinstance(text, str) or fingerprint.of_text(text) != content.get("sha256"):
        return None
    return Lock(
        kind=str(content["kind"]),
        format=str(content["format"]),
        text=text,
        sha256=str(content["sha256"]),
        python=content["python"],
        platform=str(content["platform"]),
        locked=content.get("locked", True) is not False,
    )
