"""The manifest as understood, as JSON: what `reprun check --json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict

if TYPE_CHECKING:
    from runner.manifest.model import EntryPoint, Manifest, Parameter

# MLflow knows three kinds; whatever is neither conda nor Docker is a Python environment to it.
KINDS = {"conda_env": "conda_env", "docker_env": "docker_env"}


def describe(manifest: Manifest) -> dict[str, object]:
    """The manifest in MLflow's sense of each word, and its problems."""
    docker = manifest.environment.docker
    without = {
        problem.entry_point
        for problem in manifest.problems
        if problem.code == "manifest.missing-command"
    }
    return {
        "name": manifest.name,
        "env_type": KINDS.get(manifest.environment.kind, "python_env"),
        "docker_env": _plain(docker.as_written) if docker else None,
        "entry_points": [_entry_point(entry, without) for entry in manifest.entry_points],
        "problems": [asdict(problem) for problem in manifest.problems],
    }


def _entry_point(entry_point: EntryPoint, without: set[str | None]) -> dict[str, object]:
    return {
        "name": entry_point.name,
        "command": None if entry_point.name in without else entry_point.command,
        "parameters": [_parameter(parameter) for parameter in entry_point.parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.declared_type,
        "default": _plain(parameter.default),
        "required": parameter.default is None,
    }


def _plain(value: object) -> object:
    """`value` with nothing in it that JSON can't hold: dates become text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
