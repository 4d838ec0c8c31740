"""A run to its JSON form, `schemas/run-1.schema.json`; secrets never get that far."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from runner.manifest.model import HIDDEN
from runner.store import contained
from runner.store.records import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.environments.base import Package
    from runner.manifest.model import BoundParameter
    from runner.store.records import (
        Host,
        RecordedEnvironment,
        RecordedFile,
        RecordedSource,
        Run,
        Variable,
    )


def to_text(run: Run) -> str:
    """The record as it is written and printed: JSON in ASCII, so that any bytes of a name fit."""
    return json.dumps(to_json(run), indent=1, allow_nan=False) + "\n"


def to_json(run: Run) -> dict[str, Any]:
    """The run's record, as `schemas/run-1.schema.json` describes it.

    Numbers that JSON lacks become the texts `NaN`, `Infinity` and `-Infinity`.
    """
    hide = hiding(run.parameters)
    names = {parameter.name for parameter in run.parameters if parameter.secret}
    return {
        "schema": SCHEMA,
        "id": run.id,
        "status": run.status,
        "name": run.name,
        "manifest_name": run.manifest_name,
        "request": _request(run.request, names, hide),
        "source": _source(run.source),
        "entry_point": run.entry_point,
        "command": hide(run.command),
        "parameters": {parameter.name: _parameter(parameter) for parameter in run.parameters},
        "environment": _environment(run.environment),
        "host": _host(run.host),
        "variables": {name: _variable(run.variables[name]) for name in sorted(run.variables)},
        "inputs": [_file(file) for file in run.inputs],
        "outputs": [_file(file) for file in run.outputs],
        "deleted": list(run.deleted),
        "metrics": {name: number(value) for name, value in run.metrics.items()},
        "tags": {name: hide(value) for name, value in run.tags.items()},
        "logged": _logged(run, hide),
        "logged_by": run.logged_by,
        "experiment": run.experiment,
        "experiment_id": run.experiment_id,
        "parent": run.parent,
        "rerun_of": run.rerun_of,
        "group": run.group,
        "started": run.started,
        "ended": run.ended,
        "exit_code": run.exit_code,
        "reason": None if run.reason is None else hide(run.reason),
        "resources": _resources(run),
        "warnings": [hide(warning) for warning in run.warnings],
        "process": _process(run),
        "container": contained.to_json(run.container),
    }


def number(value: float) -> float | str:
    """`value` as JSON can have it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _logged(run: Run, hide: Callable[[str], str]) -> dict[str, Any] | None:
    if run.logged is None:
        return None
    from runner.store import logged

    return logged.to_json(run.logged, _file, hide)


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value)


def hiding(parameters: tuple[BoundParameter, ...]) -> Callable[[str], str]:
    """Puts `***` in the place of every secret in a text."""
    secrets = {text for parameter in parameters for text in parameter.secret_texts()}
    longest_first = sorted(secrets, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, HIDDEN)
        return text

    return hide


def _request(
    request: Mapping[str, object], names: set[str], hide: Callable[[str], str]
) -> dict[str, object]:
    """The request without secret parameters, and without their values wherever they stand."""

    def cleaned(value: object) -> object:
        if isinstance(value, str):
            return hide(value)
        if isinstance(value, dict):
            return {key: cleaned(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [cleaned(inner) for inner in value]
        return value

    plain = {key: _plain(value) for key, value in request.items()}
    given = plain.get("parameters")
    if isinstance(given, dict):
        plain["parameters"] = {key: text for key, text in given.items() if key not in names}
    return {key: cleaned(value) for key, value in plain.items()}


def _source(source: RecordedSource) -> dict[str, Any]:
    changes = source.changes
    return {
        "kind": source.kind,
        "url": source.url,
        "commit": source.commit,
        "tree": source.tree,
        "subdirectory": source.subdirectory,
        "version": source.version,
        "branch": source.branch,
        "pushed": source.pushed,
        "remote": source.remote,
        "changes": None
        if changes is None
        else {
            "object": changes.object,
            "size": changes.size,
            "added": list(changes.added),
            "modified": list(changes.modified),
            "deleted": list(changes.deleted),
        },
        "submodules": dict(source.submodules),
        "in_place": source.in_place,
    }


def _parameter(parameter: BoundParameter) -> dict[str, Any]:
    known = {"type": parameter.type, "origin": parameter.origin, "declared": parameter.declared}
    if parameter.secret:
        return {"secret": True, **known}
    shown: dict[str, Any] = {"text": parameter.text, "value": _plain(parameter.value), **known}
    if parameter.argument != parameter.text:
        shown["argument"] = parameter.argument
    return shown


def _environment(environment: RecordedEnvironment) -> dict[str, Any]:
    python, lock = environment.python, environment.lock
    return {
        "kind": environment.kind,
        "hash": environment.hash,
        "fingerprint": environment.fingerprint,
        "platform": environment.platform,
        "lock": {
            "sha256": lock.sha256,
            "format": lock.format,
            "made": lock.made,
            "locked": lock.locked,
            "context": lock.context,
        },
        "image": contained.image_to_json(environment.image),
        "python": None
        if python is None
        else {
            "version": python.version,
            "build": python.build,
            "implementation": python.implementation,
            "path": python.path,
        },
        "packages": [_package(package) for package in environment.packages],
        "local_packages": [
            {
                "path": package.path,
                "tree": package.tree,
                "editable": package.editable,
                "extras": list(package.extras),
            }
            for package in environment.local_packages
        ],
    }


def _package(package: Package) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "source": package.source,
        "sha256": package.sha256,
    }
    if package.type != "pypi":
        shown["type"] = package.type
    return shown


def _host(host: Host) -> dict[str, Any]:
    return {
        "hostname": host.hostname,
        "system": host.system,
        "kernel": host.kernel,
        "libc": host.libc,
        "machine": host.machine,
        "cpu_model": host.cpu_model,
        "cpu_features": list(host.cpu_features),
        "cores": host.cores,
        "memory_bytes": host.memory_bytes,
        "gpus": [{"name": name, "driver": driver} for name, driver in host.gpus],
    }


def _variable(variable: Variable) -> dict[str, Any]:
    if variable.value is None:
        return {"digest": variable.digest}
    return {"digest": variable.digest, "value": variable.value}


def _file(file: RecordedFile) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "path": file.path,
        "sha256": file.sha256,
        "size": file.size,
        "kind": file.kind,
        "mode": f"{file.mode:04o}",
        "origin": file.origin,
    }
    if file.url is not None:
        shown["url"] = file.url
    return shown


def _resources(run: Run) -> dict[str, Any] | None:
    used = run.resources
    if used is None:
        return None
    return {
        "wall_s": used.wall_s,
        "cpu_user_s": used.cpu_user_s,
        "cpu_system_s": used.cpu_system_s,
        "peak_memory_bytes": used.peak_memory_bytes,
    }


def _process(run: Run) -> dict[str, Any] | None:
    process = run.process
    if process is None:
        return None
    return {
        "host": process.host,
        "pid": process.pid,
        "started": process.started,
        "boot": process.boot,
        "namespace": process.namespace,
    }
