"""Checks a whole manifest and understands what can be understood, all complaints at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.manifest.document import ScalarNode, is_null
from runner.manifest.entry_points import entry_points
from runner.manifest.environment import reference
from runner.manifest.model import Manifest
from runner.manifest.shape import Scope, known_keys, text

if TYPE_CHECKING:
    from runner.manifest.complaints import Complaints
    from runner.manifest.document import MappingNode
    from runner.source.model import ProjectFiles

KEYS = ("name", "python_env", "conda_env", "docker_env", "entry_points")
SPARK = "databricks_spark_job"


def manifest(
    document: MappingNode, files: ProjectFiles, complaints: Complaints, *, path: str, sha256: str
) -> Manifest:
    """The manifest that `document` holds; what is wrong with it is in its problems."""
    scope = Scope(complaints, "the manifest")
    known_keys(document, KEYS, scope, refused=SPARK)
    _no_spark(document, scope)
    return Manifest(
        name=text(document, "name", scope),
        path=path,
        sha256=sha256,
        environment=reference(document, files, complaints),
        entry_points=entry_points(document, complaints),
        problems=complaints.sorted(),
    )


def _no_spark(document: MappingNode, scope: Scope) -> None:
    entry = document.get(SPARK)
    if entry and not (isinstance(entry.value, ScalarNode) and is_null(entry.value)):
        message = f"`{SPARK}` can't be run: reprun runs on this machine, not on Databricks"
        scope.error(entry.key, "databricks", message, "declare `entry_points:` with a command")
