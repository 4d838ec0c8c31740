"""Resolves a project's environment and writes the lock into the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner import labels
from runner.environments import conda_failures, kinds, project_lock
from runner.environments.base import CONDA_LOCK
from runner.environments.unlocked import without_own_lock
from runner.errors import RequestError
from runner.files import atomic_write
from runner.manifest import load
from runner.source import moments
from runner.source.address import public_url
from runner.source.opening import opened

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Backend, Lock, Spec
    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.model import ProjectFiles


class Written(Struct, frozen=True):
    """A lock in a project.

    Attributes:
        changed: whether the file's content is another one now.
        packages: how many pins it has.
    """

    path: Path
    lock: Lock
    changed: bool
    packages: int


def write(request: Request, *, settings: Settings, progress: Progress) -> Written:
    """Resolve the environment of the local project and write its lock beside its specification.

    Raises:
        RequestError: there is nothing to lock, or the project has a lock of another tool.
        RunnerError: the environment can't be resolved.
    """
    project = (request.caller / request.uri).resolve()
    if not project.is_dir():
        raise RequestError(
            f"`{public_url(request.uri)}` is not a directory of this machine",
            hint="a lock is written into a project: clone it, and give its path",
        )
    progress.stage("source", str(project))
    with opened(request, settings=settings, progress=progress, keep=False) as found:
        source, files = found.source, found.files
        reference = load.load(files, environment=request.env_file).environment
        backend = kinds.choose(reference, request.env_manager)
        as_of = moments.of_source(source) if request.as_of == "commit" else request.as_of
        unlocked = without_own_lock(files, reference.path or "")
        spec = backend.read(reference, unlocked, as_of=None, skip_unmapped=request.skip_unmapped)
        _refuse_others(spec, backend)
        progress.stage("lock", spec.origin or "")
        for warning in spec.warnings:
            progress.warning(warning)
        lock = backend.lock(
            replace(spec, as_of=as_of), files=unlocked, settings=settings, progress=progress
        )
        conda_failures.warn(lock.text, progress)
        _refuse_images(lock, spec.origin)
        where, content = _as_file(lock, spec, files)
    path = project / where
    changed = not path.exists() or path.read_bytes() != content
    if changed:
        atomic_write(path, content)
    return Written(path, lock, changed, labels.packages_of(lock))


def _as_file(lock: Lock, spec: Spec, files: ProjectFiles) -> tuple[str, bytes]:
    """Its path in the project, and its content, both as the tools of its kind have it."""
    assert spec.origin is not None
    if lock.format == CONDA_LOCK:
        from runner.conda import project_lock as conda_lock

        return conda_lock.path_for(files, spec.origin), conda_lock.render(lock, spec)
    return project_lock.path_for(spec.origin), project_lock.render(lock, spec)


def _refuse_images(lock: Lock, name: str | None) -> None:
    """Say what an image is pinned to: the place for that is the manifest itself.

    Raises:
        RequestError: it is an image.
    """
    import json

    if lock.kind != "docker":
        return
    content = json.loads(lock.text)
    if lock.format == "image":
        raise RequestError(
            f"`{name}` is {content['image']} now; the place for a pin is the manifest itself",
            hint=f"write `image: {content['image']}` under `docker_env`",
        )
    if lock.format == "image-id":
        raise RequestError(
            f"`{name}` is in no registry, so there is no digest to write down",
            hint="push it to one, and name it by that",
        )
    pins = ", ".join(f"`FROM {pin}`" for pin in content["bases"].values())
    raise RequestError(
        "a Dockerfile is pinned in the file itself", hint=f"start from the digest: {pins}"
    )


def _refuse_others(spec: Spec, backend: Backend) -> None:
    if not backend.LOCKS:
        raise RequestError(
            f"an environment of kind `{backend.NAME}` can't be locked",
            hint="leave `--env-manager` away",
        )
    if spec.lock_text is not None:
        raise RequestError(
            f"{spec.origin} is a lock already, and is used as it is",
            hint="bring it up to date with the tool that wrote it",
        )
    if spec.origin is None:
        raise RequestError(
            "the project names no packages, so there is nothing to lock",
            hint="name them in a python_env.yaml, a requirements.txt or a pyproject.toml",
        )
