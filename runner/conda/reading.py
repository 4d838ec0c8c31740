"""Reads a project's conda file into a `Spec` for conda's own kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import fingerprint
from runner.conda import channels, configuration, project_lock
from runner.conda.specification import channels_of, name_of, python_of
from runner.environments import conda_file, local_packages, reading
from runner.environments.base import Spec
from runner.environments.requirements import text_of

if TYPE_CHECKING:
    from runner.source.model import ProjectFiles


def read(kind: str, files: ProjectFiles, path: str, *, as_of: str | None) -> Spec:
    """What the conda file at `path` asks for.

    Raises:
        EnvironmentFailure: it is missing, or can't be understood.
        StaleLock: the lock beside it was made from something else.
    """
    if (own := project_lock.named(kind, path, text_of(files, path), as_of=as_of)) is not None:
        return replace(own, digest=reading.digest_of(own))
    content = conda_file.read_conda_file(files, path)
    found = configuration.read(os.environ, Path.home())
    asked, meant = reading.of_pip_section(content, files, path)
    packages = conda_file.public(content).packages
    spec = Spec(
        kind=kind,
        python=None,
        digest="",
        origin=path,
        as_of=as_of,
        variables=content.variables,
        conda=tuple(one.text for one in packages),
        channels=channels.effective(channels_of(content), found),
        origins={
            name_of(one.text): f"{path}:{one.line}:{one.column}: the conda package `{one.text}`"
            for one in reversed(packages)
        },
        warnings=(*content.warnings, *meant, *found.warnings),
    )
    spec = _with_python(local_packages.asking_for(spec, asked, files))
    if not (spec.conda or spec.requirements or spec.local_packages):
        warning = f"{path}: asks for no package, and so the environment is empty"
        spec = replace(spec, warnings=(*spec.warnings, warning))
    if spec.requirements or spec.local_packages:
        spec = _with_pip(spec, path)
    spec = replace(spec, words=project_lock.words_of(spec, content.channels))
    spec = project_lock.apply(spec, files)
    return replace(spec, digest=_digest(spec, found.priority))


def _digest(spec: Spec, priority: str) -> str:
    """The channels' priority decides what is found, too; a lock that is there does not ask it."""
    digest = reading.digest_of(spec)
    if priority == "flexible" or spec.lock_text is not None:
        return digest
    return fingerprint.of_value("channel-priority", [digest, priority])


def _with_python(spec: Spec) -> Spec:
    """The Python that the project's own packages need counts where the file names none."""
    if spec.python is None:
        return spec
    named = "python" in map(name_of, spec.conda)
    more = () if named else (python_of(spec.python),)
    return replace(spec, python=None, conda=(*spec.conda, *more))


def _with_pip(spec: Spec, path: str) -> Spec:
    """Conda adds a pip that is missing, with a warning; pip brings a Python that is missing."""
    if "pip" in map(name_of, spec.conda):
        return spec
    warning = f"{path}: `pip:` has packages, but `dependencies` has no `pip`: it is added"
    return replace(spec, conda=(*spec.conda, "pip"), warnings=(*spec.warnings, warning))
