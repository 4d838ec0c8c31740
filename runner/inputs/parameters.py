"""Values of `path` parameters: files beside the caller, of the project, of a run, or fetched."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace

from runner import patterns
from runner.errors import InputError, ParameterError, SourceError
from runner.inputs import addresses, declared, digests
from runner.inputs.model import Placement, Reading
from runner.source.address import work_tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from runner.inputs.model import Context, Gathered
    from runner.manifest.model import BoundParameter

_MLFLOW = re.compile(
    r"runs:/+([A-Za-z0-9_-]+)(?:/(.*))?"
    r"|mlflow-artifacts:(?://[^/]*)?/[^/]+/([A-Za-z0-9_-]+)/artifacts(?:/(.*))?",
    re.DOTALL,
)
FETCHED = ("http", "https", "file", "s3", "gs", "run")


def resolve(parameter: BoundParameter, context: Context, found: Gathered) -> str:
    """What the command gets for a path parameter; its digests and placements go into `found`.

    Raises:
        ParameterError: nothing is there, or the scheme is not one that is fetched.
        InputError: it can't be fetched.
        UnknownRun: a `run:` value names no run.
    """
    parameter = replace(parameter, text=_of_ours(parameter.text, context))
    if (scheme := addresses.scheme_of(parameter.text)) is not None:
        return _fetched(parameter, scheme, context, found)
    if parameter.origin == "default":
        return _default(parameter, context, found)
    return _given(parameter, context, found)


def _of_ours(text: str, context: Context) -> str:
    """`run:ID/path` for the other ways in which a step may name what a run of ours made.

    MLflow has `runs:/ID/path` and `mlflow-artifacts:/EXPERIMENT/ID/artifacts/path`, and hands on
    plain paths of its store, which is ours.
    """
    from runner.store import layout

    found = _MLFLOW.fullmatch(text)
    plain = unquote(text.removeprefix("file://")) if text.startswith("file://") else text
    if found is not None:
        run_id, path = found[1] or found[3], found[2] or found[4] or ""
    elif plain.startswith(f"{context.settings.runs}/"):
        run_id, _, path = plain.removeprefix(f"{context.settings.runs}/").partition("/")
        if path.partition("/")[0] not in {layout.ARTIFACTS, layout.LOGGED}:
            return text
        path = "/".join(
            ".." if part == layout.PARENT else part for part in path.split("/")[1:] if part
        )
    else:
        return text
    if not (context.settings.runs / run_id / layout.RECORD).is_file():
        return text
    return f"run:{run_id}/{path.strip('/')}".rstrip("/")


def _default(parameter: BoundParameter, context: Context, found: Gathered) -> str:
    """A default starts from the project, where the step runs: its text says it already."""
    text = parameter.text
    if os.path.isabs(text):  # noqa: PTH117  pure text
        if os.path.exists(text) and context.fetch and not parameter.secret:  # noqa: PTH110
            found.digested.append(digests.whole(context.request.caller / text, text, "given"))
    elif (relative := declared.inside_source(text, context.source)) not in {None, "."}:
        assert relative is not None
        declared.lay_ignored(patterns.escape(relative), context, found)
        if not parameter.secret:
            # It may as well be where the step is to write: `./out` need not be there.
            found.readings.append(Reading(relative, "whole", "source", required=False))
    return text


def _given(parameter: BoundParameter, context: Context, found: Gathered) -> str:
    text = parameter.text
    path = context.request.caller / text
    if not text or "\0" in text or not path.exists():
        relative = declared.inside_source(text, context.source)
        if text and relative and declared.is_handed(patterns.escape(relative), found):
            return relative  # what `--with` lays into the project
        if relative and relative != "." and _has(text, context):
            return _the_projects(parameter, relative, found)
        raise _nothing_there(parameter, context)
    # Not resolved: a link's own name may matter to the step (`latest -> 2024-05-01`).
    absolute = type(path)(os.path.abspath(path))  # noqa: PTH100  pure text
    inside = _inside_project(absolute, context)
    if inside is None:
        digestible = path.is_file() or path.is_dir()  # not /dev/null
        if context.fetch and digestible and not parameter.secret:
            found.digested.append(digests.whole(absolute, str(absolute), "given"))
        return str(absolute)
    if inside != ".":
        _of_project(inside, absolute, context, found)
        if not parameter.secret:
            found.readings.append(Reading(inside, "whole", "given"))
    return inside


def _the_projects(parameter: BoundParameter, relative: str, found: Gathered) -> str:
    """The project's own file, of a project that a person has only the address of."""
    if not parameter.secret:
        found.warnings.append(
            f"parameter `{parameter.name}`: there is no `{parameter.text}` where you stand; the "
            "project's own is taken"
        )
        found.readings.append(Reading(relative, "whole", "given"))
    return relative


def _of_project(inside: str, path: Path, context: Context, found: Gathered) -> None:
    """See that the checkout will have what a person named in the project.

    Raises:
        InputError: the version that runs does not have it.
    """
    laid = declared.lay_ignored(patterns.escape(inside), context, found)
    if laid or context.request.in_place or context.files.tree_digest(inside) is not None:
        return
    if path.is_dir() and not any(path.iterdir()):
        found.placements.append(Placement(path, "ignored", target=inside))
        return
    raise InputError(
        f"`{inside}` is not in the version of the project that runs",
        "pass a copy of it from outside of the project",
    )


def _inside_project(path: Path, context: Context) -> str | None:
    """`path` relative to the project in the checkout, None where the checkout won't have it."""
    if context.local is None:
        return None
    top, subdirectory = work_tree_of(context.source), context.source.subdirectory
    assert top is not None
    resolved = path.resolve()
    if not resolved.is_relative_to(top.resolve()):
        return None  # also behind a link that leads out of the project
    if not path.is_relative_to(top):
        top, path = top.resolve(), resolved
    if ".git" in path.relative_to(top).parts:
        return None
    return os.path.relpath(path, top / subdirectory)


def _nothing_there(parameter: BoundParameter, context: Context) -> ParameterError:
    if parameter.secret:
        return ParameterError(f"parameter `{parameter.name}` must be a path that exists")
    if not parameter.text:
        return ParameterError(
            f"parameter `{parameter.name}` must be a path, not an empty text",
            f"pass `-P {parameter.name}=PATH`",
        )
    return ParameterError(
        f"parameter `{parameter.name}`: there is no file or folder `{parameter.text}`",
        _where_to_look(parameter.text, context),
    )


def _where_to_look(text: str, context: Context) -> str | None:
    if text.startswith("~"):
        return "`~` is only read by a shell; write the home folder in full"
    if os.path.isabs(text):  # noqa: PTH117  pure text
        return None
    return f"a relative path starts from {context.request.caller}, or from the project"


def _has(text: str, context: Context) -> bool:
    """Whether the project has what a person may have meant."""
    inside = declared.inside_source(text, context.source)
    try:
        return inside is not None and context.files.tree_digest(inside) is not None
    except SourceError:
        return False  # behind a link that leads out of it


def _fetched(parameter: BoundParameter, scheme: str, context: Context, found: Gathered) -> str:
    from runner.inputs import buckets, download

    text, name = parameter.text, parameter.name
    if scheme in {"runs", "mlflow-artifacts"}:
        raise ParameterError(
            f"parameter `{name}`: `{text}` is of no run in {context.settings.data}",
            "fetch it yourself and pass its path, or name a run: `run:latest:ENTRY/PATH`",
        )
    if scheme not in FETCHED:
        raise ParameterError(
            f"parameter `{name}`: addresses of the scheme `{scheme}` can't be fetched",
            f"fetch it yourself and pass its path; fetched are {', '.join(FETCHED)}",
        )
    if scheme == "run":
        return _of_run(parameter, context, found)
    if scheme in buckets.LIBRARIES:
        buckets.check(text)
    elif scheme == "file":
        _check_file(parameter)
    file = "value" if parameter.secret else addresses.file_name(text)
    target = context.storage / _folder(name) / file
    shown = "***" if parameter.secret else addresses.public(text)
    if not context.fetch:
        found.downloads.append(shown)
        return str(target)
    fetch = buckets.fetch if scheme in buckets.LIBRARIES else download.fetch_any
    source, digest = fetch(text, shown, settings=context.settings, progress=context.progress)
    found.placements.append(
        Placement(
            source,
            "download",
            outside=target,
            url=shown,
            sha256=digest,
            recorded=not parameter.secret,
        )
    )
    return str(target)


def _folder(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _check_file(parameter: BoundParameter) -> None:
    from runner.inputs import download

    path = download.local_path(parameter.text)
    if not os.path.exists(path):  # noqa: PTH110  pure text
        raise ParameterError(f"parameter `{parameter.name}`: there is no file `{path}`")
    if not os.path.isfile(path):  # noqa: PTH113  pure text
        raise InputError(
            f"parameter `{parameter.name}`: `{parameter.text}` is no file; only one is fetched",
            f"pass the folder's path: {path}",
        )


def _of_run(parameter: BoundParameter, context: Context, found: Gathered) -> str:
    from runner.inputs import earlier

    run, wanted, outputs = earlier.outputs(parameter.text, context.settings, context.project)
    top = context.storage / _folder(parameter.name)
    base = wanted.rstrip("/").rpartition("/")[2] or run.id
    for path, source in outputs:
        below = path[len(wanted.rstrip("/")) :].lstrip("/") if wanted else path
        outside = top / base / below if below else top / base
        found.placements.append(
            Placement(source, f"run:{run.id}", outside=outside, recorded=not parameter.secret)
        )
    return str(top / base)
