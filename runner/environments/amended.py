"""What a person asks for on top of a project's own words: another Python, further packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import fingerprint
from runner.environments.base import LINK_SCRIPTS
from runner.environments.requirements import name_of, normalised
from runner.environments.unlocked import without_own_lock
from runner.errors import RequestError
from runner.nearest import nearest

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
        spec = backend.read(reference, files, as_of=as_of, skip_unmapped=skip)
        if not request.link_scripts or not backend.SCRIPTS:
            return spec
        return replace(spec, context=LINK_SCRIPTS)

    changed = [
        flag
        for flag, given in (
            ("--python", request.python),
            ("--add-package", request.add_packages),
            ("--drop-package", request.drop_packages),
            ("--as-of", request.as_of if not backend.AMENDS else None),
        )
        if given
    ]
    _warn_of_no_effect(backend, reference, changed, request, progress)
    if not changed or not backend.AMENDS:
        return read_from(files)
    spec = read_from(without_own_lock(files, reference.path or ""))
    # In a lock of conda's, Python is one of the packages.
    idle = [flag for flag in changed if flag != "--python" or spec.kind == "conda"]
    if spec.lock_text is not None and idle:
        progress.warning(
            f"{_change(idle)} nothing: the project's own lock is used as it is",
            "change what that lock is made from, and lock anew",
        )
    _refuse_absent(spec, request)
    return _amended(spec, request)


def _warn_of_no_effect(
    backend: Backend,
    reference: EnvironmentReference,
    changed: list[str],
    request: Request,
    progress: Progress,
) -> None:
    """Say which flags mean nothing to the kind."""
    if request.link_scripts and not backend.SCRIPTS:
        progress.warning(
            f"--link-scripts changes nothing: no package of a `{backend.NAME}` has any",
            "pass `--env-manager conda`" if reference.kind == "conda_env" else None,
        )
    if changed and not backend.AMENDS:
        of_image = reference.kind == "docker_env"
        progress.warning(
            f"{_change(changed)} nothing: `{backend.NAME}` is used as it is",
            "change the image, or its Dockerfile" if of_image else "leave `--env-manager` away",
        )


def _change(flags: list[str]) -> str:
    return f"{' and '.join(flags)} {'changes' if len(flags) == 1 else 'change'}"


def _refuse_absent(spec: Spec, request: Request) -> None:
    from runner.conda.specification import name_of as conda_name_of

    known = {name for line in spec.requirements if (name := name_of(line)) is not None}
    known |= {normalised(conda_name_of(text)) for text in spec.conda}
    for name in request.drop_packages:
        if spec.lock_text is None and normalised(name) not in known:
            near = nearest(normalised(name), known)
            raise RequestError(
                f"`--drop-package {name}`: the project asks for no such package",
                hint=f"did you mean `{near}`?" if near else None,
            )


def _amended(spec: Spec, request: Request) -> Spec:
    from runner.conda.specification import name_of as conda_name_of

    python = request.python or spec.python
    added = request.add_packages if spec.lock_text is None else ()
    dropped = request.drop_packages if spec.lock_text is None else ()
    names = {*map(name_of, added), *map(normalised, dropped)}
    kept = tuple(line for line in spec.requirements if name_of(line) not in names)
    digest = fingerprint.of_value("amended", [spec.digest, python, added, dropped])
    conda = tuple(text for text in spec.conda if normalised(conda_name_of(text)) not in names)
    return replace(spec, python=python, requirements=(*kept, *added), conda=conda, digest=digest)
