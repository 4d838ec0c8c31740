"""A record's JSON back to a run; whoever wrote it, what leaves the run or lies is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal, cast

from msgspec.structs import replace

from runner.errors import StoreError
from runner.executors.base import Resources
from runner.manifest.model import BoundParameter
from runner.source.model import Changes
from runner.store import contained, environments, layout
from runner.store.fields import NOT_FINITE, Fields
from runner.store.records import (
    SCHEMA,
    Host,
    Logged,
    Process,
    RecordedFile,
    RecordedSource,
    Run,
    Status,
    Variable,
)

if TYPE_CHECKING:
    from pathlib import Path

STATUSES = ("running", "finished", "failed", "killed", "lost")
_VERSION = re.compile(r"run-([0-9]+)")


def from_text(text: str | bytes, directory: Path | None) -> Run:
    """Read a record.

    Raises:
        StoreError: not JSON (cut off, perhaps), of a newer version, or not a record.
    """
    where = _where(directory)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise StoreError(
            f"{where}:{error.lineno}:{error.colno}: the record is cut off or isn't JSON: "
            f"{error.msg.lower()}",
            "restore it, or delete the run",
        ) from error
    except (ValueError, RecursionError) as error:
        raise StoreError(
            f"{where}: the record isn't JSON: {error}", "restore it, or delete the run"
        ) from error
    return from_json(data, directory)


def from_json(data: object, directory: Path | None) -> Run:
    """The run that `data`, the JSON of a record, describes.

    Args:
        data: what the JSON parser made of the record.
        directory: where the record lies, if in a store.

    Raises:
        StoreError: `data` is of a newer version, or not a record.
    """
    top = Fields(data, _where(directory))
    _check_version(top, _where(directory))
    run = Run(
        id=_id(top),
        status=cast("Status", top.choice("status", STATUSES)),
        name=top.optional("name"),
        manifest_name=top.optional("manifest_name"),
        request=top.fields("request").all() if top.has("request") else {},
        source=_source(top.fields("source")),
        entry_point=top.text("entry_point"),
        command=top.text("command"),
        parameters=tuple(_parameter(name, field) for name, field in top.members("parameters")),
        environment=environments.from_fields(top.fields("environment")),
        host=_host(top.fields("host")),
        variables={name: _variable(field) for name, field in top.members("variables")},
        inputs=tuple(_file(field, None) for field in top.each("inputs")),
        tags=top.texts("tags"),
        logged_by=top.optional("logged_by"),
        experiment=top.optional("experiment"),
        experiment_id=top.optional("experiment_id"),
        parent=top.optional("parent"),
        rerun_of=top.optional("rerun_of"),
        group=top.optional("group"),
        started=top.text("started"),
        warnings=top.sequence("warnings"),
        process=_process(top.fields("process")) if top.has("process") else None,
        container=contained.from_fields(top.fields("container")) if top.has("container") else None,
        directory=directory,
    )
    return _with_results(run, top)


def _id(top: Fields) -> str:
    run_id = top.text("id")
    if not layout.is_id(run_id):
        raise top.wrong("id", "a run id", run_id)
    return run_id


def _with_results(run: Run, top: Fields) -> Run:
    """`run` with what came of it."""
    parents = len([part for part in run.source.subdirectory.split("/") if part])
    return replace(
        run,
        outputs=tuple(_file(field, parents) for field in top.each("outputs")),
        deleted=top.sequence("deleted"),
        metrics=top.numbers("metrics"),
        ended=top.optional("ended"),
        exit_code=top.integer("exit_code") if top.has("exit_code") else None,
        reason=top.optional("reason"),
        resources=_resources(top.fields("resources")) if top.has("resources") else None,
        logged=_logged(top.fields("logged")) if top.has("logged") else None,
    )


def _logged(fields: Fields) -> Logged:
    from runner.store import logged

    return logged.from_fields(fields, lambda one: _file(one, 0))


def _where(directory: Path | None) -> str:
    return "the record" if directory is None else str(directory / layout.RECORD)


def _check_version(top: Fields, where: str) -> None:
    schema = top.text("schema")
    found = _VERSION.fullmatch(schema)
    if found is None:
        raise top.wrong("schema", f"`{SCHEMA}`", schema)
    if int(found[1]) > int(SCHEMA.removeprefix("run-")):
        raise StoreError(
            f"{where}: the record is of version `{schema}`; this reprun reads up to `{SCHEMA}`",
            "use a newer reprun",
        )


def _source(fields: Fields) -> RecordedSource:
    return RecordedSource(
        kind=fields.choice("kind", ("git", "directory", "archive")),
        url=fields.text("url"),
        commit=fields.optional("commit"),
        tree=fields.text("tree"),
        subdirectory=fields.text("subdirectory"),
        version=fields.optional("version"),
        branch=fields.optional("branch"),
        pushed=fields.flag("pushed") if fields.has("pushed") else None,
        remote=fields.optional("remote"),
        changes=_changes(fields.fields("changes")) if fields.has("changes") else None,
        submodules=fields.texts("submodules"),
        in_place=fields.flag("in_place"),
    )


def _changes(fields: Fields) -> Changes:
    return Changes(
        object=_digest(fields, "object"),
        size=fields.integer("size"),
        added=fields.sequence("added"),
        modified=fields.sequence("modified"),
        deleted=fields.sequence("deleted"),
    )


def _digest(fields: Fields, key: str) -> str:
    digest = fields.text(key)
    if not layout.is_digest(digest):
        raise fields.wrong(key, "a SHA-256 in lower case", digest)
    return digest


def _parameter(name: str, fields: Fields) -> BoundParameter:
    secret = fields.flag("secret")
    text = "" if secret else fields.text("text")
    declared_type = fields.text("type") if not secret or fields.has("type") else "string"
    return BoundParameter(
        name=name,
        text=text,
        value=None if secret else _value(fields.raw("value"), declared_type),
        type=declared_type,
        argument=fields.optional("argument") or text,
        origin=cast(
            "Literal['given', 'default']", fields.choice("origin", ("given", "default"), "given")
        ),
        secret=secret,
        declared=fields.flag("declared", default=True),
    )


def _value(value: object, declared_type: str) -> object:
    """The typed value, its numbers that JSON lacks put back."""
    if not declared_type.startswith(("float", "list[float")):
        return value
    if isinstance(value, list):
        return [_value(inner, "float") for inner in value]
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _host(fields: Fields) -> Host:
    return Host(
        hostname=fields.text("hostname"),
        system=fields.text("system"),
        kernel=fields.text("kernel"),
        libc=fields.text("libc"),
        machine=fields.text("machine"),
        cpu_model=fields.text("cpu_model"),
        cpu_features=fields.sequence("cpu_features"),
        cores=fields.integer("cores"),
        memory_bytes=fields.integer("memory_bytes"),
        gpus=tuple((gpu.text("name"), gpu.text("driver")) for gpu in fields.each("gpus")),
    )


def _variable(fields: Fields) -> Variable:
    return Variable(digest=fields.text("digest"), value=fields.optional("value"))


def _file(fields: Fields, parents: int | None) -> RecordedFile:
    """One input, or (with `parents`, the project's depth in its source) one output."""
    path = fields.text("path")
    if parents is not None and not layout.clean_path(path, parents=parents):
        raise fields.wrong("path", "a path inside the source", path)
    mode = fields.text("mode") if fields.has("mode") else "0644"
    if re.fullmatch("[0-7]{1,5}", mode) is None:
        raise fields.wrong("mode", "octal permission bits", mode)
    return RecordedFile(
        path=path,
        sha256=_digest(fields, "sha256"),
        size=fields.integer("size"),
        kind=cast(
            "Literal['file', 'symlink', 'folder']",
            fields.choice("kind", ("file", "symlink", "folder"), default="file"),
        ),
        mode=int(mode, 8),
        origin=fields.optional("origin") or "",
        url=fields.optional("url"),
    )


def _resources(fields: Fields) -> Resources:
    return Resources(
        wall_s=fields.number("wall_s"),
        cpu_user_s=fields.number("cpu_user_s"),
        cpu_system_s=fields.number("cpu_system_s"),
        peak_memory_bytes=fields.integer("peak_memory_bytes"),
    )


def _process(fields: Fields) -> Process:
    return Process(
        host=fields.text("host"),
        pid=fields.integer("pid"),
        started=fields.number("started"),
        boot=fields.optional("boot") or "",
        namespace=fields.optional("namespace") or "",
    )
