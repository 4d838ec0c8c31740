"""Finds the manifest, has its YAML read and its content checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from runner.errors import ManifestError, SourceError
from runner.manifest.accidents import read
from runner.manifest.check import manifest as checked
from runner.manifest.complaints import Complaints
from runner.manifest.environment import undeclared
from runner.manifest.model import Manifest

if TYPE_CHECKING:
    from runner.manifest.model import Problem
    from runner.source.model import ProjectFiles

NAMES = ("mlproject", "mlproject.yaml", "mlproject.yml")


def examine(files: ProjectFiles) -> Manifest:
    """The project's manifest with every problem in it; a project without one is valid.

    Raises:
        SourceError: the source can't be read at all.
    """
    names = files.names()
    path = find(names)
    if path is None:
        return Manifest(None, None, None, undeclared(files, names))
    complaints = Complaints(path)
    content = _content(files, path, complaints) or b""
    digest = hashlib.sha256(content).hexdigest()
    document = None if complaints.sorted() else read(content, complaints)
    if document is None:
        return Manifest(None, path, digest, undeclared(files, names), problems=complaints.sorted())
    return checked(document, files, complaints, path=path, sha256=digest)


def load(files: ProjectFiles, *, environment: str | None = None) -> Manifest:
    """The project's manifest, free of errors other than those of single entry points.

    Args:
        environment: a file of the project that stands in for the one that the manifest names.

    Raises:
        ManifestError: it holds errors; each is in the message or the details.
        SourceError: the source can't be read at all.
    """
    manifest = examine(files)
    if environment is not None:
        from runner.manifest.environment import given

        manifest = given(manifest, environment, files)
    refuse(
        [
            problem
            for problem in manifest.problems
            if problem.severity == "error" and problem.entry_point is None
        ],
        f"{manifest.path} can't be used",
    )
    return manifest


def refuse(problems: list[Problem], summary: str) -> None:
    """Raise the problems as one error, if there are any.

    Raises:
        ManifestError: there is at least one.
    """
    if len(problems) == 1:
        raise ManifestError(str(problems[0]), problems[0].hint)
    if problems:
        raise ManifestError(
            f"{summary}: {len(problems)} errors",
            "`reprun check` shows all, warnings too",
            details=tuple(
                f"{problem} ({problem.hint})" if problem.hint else str(problem)
                for problem in problems
            ),
        )


def find(names: tuple[str, ...]) -> str | None:
    """The manifest's name among the names of the project's directory, None where it has none."""
    for wanted in NAMES:
        for name in names:
            if name.lower() == wanted:
                return name
    return None


def _content(files: ProjectFiles, path: str, complaints: Complaints) -> bytes | None:
    try:
        content = files.read(path)
    except SourceError as error:
        complaints.error(None, "unreadable", error.message, error.hint)
        return None
    if content is None:
        complaints.error(None, "unreadable", "is not a regular file", _instead(files, path))
    return content


def _instead(files: ProjectFiles, path: str) -> str:
    """What to do about a manifest that is none: many a repository has its project in a folder."""
    if any(files.read(f"{path}/{name}") is not None for name in (path, "MLproject", "MLProject")):
        return f"the project is in that folder: add `#{path}` to the address"
    return f"make `{path}` a YAML file, or rename it"
