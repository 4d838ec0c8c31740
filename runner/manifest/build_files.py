"""The Dockerfile and the build's folder that `docker_env` names, held against the project."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from runner.errors import SourceError
from runner.manifest.document import shorten
from runner.manifest.shape import value_of
from runner.nearest import nearest

if TYPE_CHECKING:
    from runner.manifest.document import MappingNode, Node
    from runner.manifest.shape import Scope
    from runner.source.model import ProjectFiles

USUAL = "Dockerfile"


def dockerfile(
    body: MappingNode, written: str | None, files: ProjectFiles, scope: Scope
) -> str | None:
    """The Dockerfile's path, POSIX and relative to the project, also where a folder is named."""
    entry = value_of(body, "dockerfile")
    if written is None or entry is None:
        return None
    path = posixpath.normpath(written)
    try:
        for place in (path, posixpath.normpath(posixpath.join(path, USUAL))):
            if files.read(place) is not None:
                return place
        is_folder = _is_folder(path, files)
        wanted = posixpath.normpath(posixpath.join(path, USUAL)) if is_folder else path
        beside = _listed(posixpath.dirname(wanted), files)
    except SourceError as error:
        _outside(entry.value, "dockerfile", written, error, scope)
        return path
    said = f"`dockerfile` names `{shorten(written)}`"
    other = _spelt_otherwise(wanted, beside)
    if other is not None:
        message = f"{said}, and the project has `{other}`, which is used"
        hint = f"write `dockerfile: {other}`"
        scope.warning(entry.value, "misspelt-environment", message, hint)
        return other
    why = "a folder without a `Dockerfile`" if is_folder else "which is not in the project"
    scope.error(entry.value, "missing-environment", f"{said}, {why}", _there(wanted, beside))
    return path


def _spelt_otherwise(path: str, beside: list[str]) -> str | None:
    """The one file that differs in its case alone."""
    folder, name = posixpath.split(path)
    found = [one for one in beside if one.lower() == name.lower()]
    return posixpath.join(folder, found[0]) if len(found) == 1 else None


def _there(path: str, beside: list[str]) -> str:
    """What the person probably means, out of what lies in the Dockerfile's folder."""
    folder, name = posixpath.split(path)
    near = nearest(name, beside)
    near = near or next((one for one in beside if USUAL.lower() in one.lower()), None)
    if near:
        return f"did you mean `{posixpath.join(folder, near)}`?"
    return "add the file, or remove the `dockerfile` line"


def context(
    body: MappingNode, written: str | None, files: ProjectFiles, scope: Scope
) -> str | None:
    """The folder that is built in, POSIX and relative to the project; None where none is named."""
    entry = value_of(body, "context")
    if written is None or entry is None:
        return None
    path = posixpath.normpath(written)
    try:
        if not _is_folder(path, files):
            above = posixpath.dirname(path)
            near = nearest(posixpath.basename(path), _listed(above, files, folders=True))
            message = f"`context` names `{shorten(written)}`, which is no folder of the project"
            hint = "name a folder relative to the manifest, `.` for the project's own"
            if near:
                hint = f"did you mean `{posixpath.join(above, near)}`?"
            scope.error(entry.value, "missing-environment", message, hint)
    except SourceError as error:
        _outside(entry.value, "context", written, error, scope)
    return path


def _outside(at: Node, key: str, written: str, error: SourceError, scope: Scope) -> None:
    message = f"`{key}` names `{shorten(written)}`: {error.message}"
    hint = "name one of the project, relative to the manifest"
    scope.error(at, "environment-outside", message, hint)


def _is_folder(path: str, files: ProjectFiles) -> bool:
    """Whether something lies in a folder at `path`: git keeps no empty ones."""
    return next(files.entries(path), None) is not None


def _listed(folder: str, files: ProjectFiles, *, folders: bool = False) -> list[str]:
    """The names of what lies right in a folder."""
    return [
        entry.path
        for entry in files.entries(folder or ".")
        if "/" not in entry.path and (entry.kind == "folder") == folders
    ]
