"""What a person asks for on top of a project's own words: another Python, further packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import fingerprint
from runner.environments.requirements import name_of
from runner.environments.unlocked import without_own_lock

if TYPE_CHECKING:
    from runner.environments.base import Backend, Spec
    from runner.manifest.model import EnvironmentReference
    from runner.progress import Progress
    from runner.request import Request
    from runner.source.model import ProjectFiles


def read(
    backend: Backend,
    reference: EnvironmentReference,
    files: ProjectFiles,
    request: Request,
    *,
    as_of: str | None,
    progress: Progress,
) -> Spec:
    """What the project asks for, with what `request` puts in its place.

    A lock of ours beside the project's file was made without it, and is left aside.

    Raises:
        EnvironmentFailure: the environment's file is missing or can't be understood.
    """

    def read_from(files: ProjectFiles) -> Spec:
        skip = request.skip_unmapped
        return backend.read(reference, files, as_of=as_of, skip_unmapped=skip)

    if request.python is None and not request.add_packages:
        return read_from(files)
    if not backend.LOCKS:
        progress.warning(
            f"--python and --add-package change nothing: `{backend.NAME}` is used as it is",
            "leave `--env-manager` away",
        )
        return read_from(files)
    spec = read_from(without_own_lock(files, reference.path or ""))
    if spec.lock_text is not None and request.add_packages:
        progress.warning(
            "--add-package changes nothing: the project's own lock is used as it is",
            "add it to what that lock is made from, and lock anew",
        )
    return _amended(spec, request)


def _amended(spec: Spec, request: Request) -> Spec:
    python = request.python or spec.python
    added = request.add_packages if spec.lock_text is None else ()
    names = {name_of(line) for line in added}
    kept = tuple(line for line in spec.requirements if name_of(line) not in names)
    digest = fingerprint.of_value("amended", [spec.digest, python, added])
    return replace(spec, python=python, requirements=(*kept, *added), digest=digest)
