"""Makes the lock of a conda environment: channels, solver, pip's section, lock file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import fingerprint
from runner.conda import access, lock_file, packages, solving
from runner.conda.logins import without_logins
from runner.conda.model import LockedPackage
from runner.conda.specification import match_specs, name_of, python_of
from runner.environments.base import CONDA_LOCK, Lock
from runner.environments.build_tools import BuildTools
from runner.environments.ensure import no_room
from runner.environments.platforms import conda_subdir, platform_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import rattler

    from runner.conda.access import Access
    from runner.conda.pip_section import Section
    from runner.environments.base import Spec
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

PIP_OPTIONS = "pip-options"  # of the lock's own metadata


def resolve(
    spec: Spec,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    anew: bool = False,
) -> Lock:
    """Exact packages for `spec`, with hashes, as a `conda-lock.yml`.

    `anew` looks past what this machine knows of the channels.

    Raises:
        EnvironmentFailure: no such package, a conflict, a channel that can't be reached.
    """
    reach = access.of_files(files, spec.origin)
    gateway = reach.gateway(settings, anew=anew)
    try:
        records = solving.solve(
            _question(spec, reach), gateway, watch=reach.watch(settings), progress=progress
        )
    except OSError as error:
        raise no_room(error, settings) from error
    conda = tuple(locked(record) for record in records)
    return _lock(spec, conda, _pip(spec, conda, reach, files, settings, progress))


def _question(spec: Spec, reach: Access) -> solving.Question:
    texts, configuration = _texts(spec), reach.configuration
    return solving.Question(
        texts=texts,
        specs=match_specs(texts, spec.origins, channels=spec.channels, configuration=configuration),
        channels=spec.channels,
        priority=configuration.priority,
        subdir=conda_subdir(),
        as_of=spec.as_of,
        origins=_origins(spec),
    )


def _lock(spec: Spec, conda: Sequence[LockedPackage], pip: Section) -> Lock:
    text = lock_file.write(
        (*conda, *pip.packages),
        channels=[address for channel in spec.channels for address in channel.addresses],
        platform=conda_subdir(),
        origin=spec.origin,
        specification=spec.digest,
        custom={PIP_OPTIONS: "\n".join(pip.options)} if pip.options else {},
        notes=pip.notes or BuildTools(spec.as_of).header(),
    )
    return Lock(
        kind=spec.kind,
        format=CONDA_LOCK,
        text=text,
        sha256=fingerprint.of_text(text),
        python=next((one.version for one in conda if one.name == "python"), None),
        platform=platform_name(),
        local_packages=spec.local_packages,
        context=spec.context,
        origin=spec.origin,
    )


def _texts(spec: Spec) -> tuple[str, ...]:
    """What is asked for; another Python takes the place of the file's own."""
    if spec.python is None:
        return spec.conda
    return (python_of(spec.python), *(one for one in spec.conda if name_of(one) != "python"))


def _origins(spec: Spec) -> Mapping[str, str]:
    """Where each of them comes from."""
    if spec.python is None:
        return spec.origins
    others = {name: origin for name, origin in spec.origins.items() if name != "python"}
    return {**others, "python": f"`--python {spec.python}`"}


def locked(record: rattler.RepoDataRecord) -> LockedPackage:
    """One package of a solution; its address without credentials."""
    depends = (one.partition(" ") for one in record.depends)
    return LockedPackage(
        name=record.name.normalized,
        version=str(record.version),
        url=without_logins(record.url),
        build=str(record.build),
        sha256=record.sha256.hex() if record.sha256 else None,
        md5=record.md5.hex() if record.md5 else None,
        depends={name: constraint for name, _, constraint in depends},
    )


def _pip(
    spec: Spec,
    conda: Sequence[LockedPackage],
    reach: Access,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> Section:
    """Pip's packages, and what of them the lock must know beside."""
    from runner.conda import pip_section, prefix

    if not (spec.requirements or dict(spec.extra)):
        return pip_section.Section()
    try:
        with packages.partial(settings) as folder:
            # Resolved for the very Python and the very packages: they are linked for it.
            at = folder / "prefix"
            found = packages.fetch(conda, reach.fetcher, settings=settings, progress=progress)
            prefix.link(found, at, run_scripts=False, progress=progress)
            return pip_section.resolve(spec, at, files=files, settings=settings, progress=progress)
    except OSError as error:
        raise no_room(error, settings) from error
