"""`--with RUN[:GLOB]`: outputs of an earlier run, laid in at the paths where they were made."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from runner import patterns
from runner.errors import InputError, SourceError, UnknownRun
from runner.inputs import declared, earlier
from runner.inputs.model import Placement
from runner.source.address import public_url
from runner.store import copies, names, runs

if TYPE_CHECKING:
    from pathlib import Path

    from runner.inputs.model import Context, Gathered
    from runner.store.records import RecordedFile, Run


class Asked(NamedTuple):
    """What a text asks for: a run's name, and a glob over its outputs, None for all of them."""

    run: str
    glob: str | None


def read(text: str) -> Asked:
    """Part `RUN[:GLOB]`; after `latest` the first word is always an entry point.

    `latest:train` is a run and `latest:train:*.json` files of it; `latest::*.json` are files of
    the latest run, whatever its entry point.
    """
    word, colon, rest = text.partition(":")
    if word.lower() == names.LATEST and colon:
        entry_point, _, rest = rest.partition(":")
        word = f"{word}:{entry_point}" if entry_point else word
    return Asked(word, rest or None)


def resolve(context: Context, found: Gathered) -> None:
    """Say what must be laid for each `--with` of the request.

    Raises:
        UnknownRun: no run, or several, have that name; for `latest`, none that finished.
        InputError: the run has no such output, or there is no place for one.
        StoreError: the record or an output can't be read.
    """
    laid: dict[str, tuple[str, str]] = {}
    for text in context.request.with_runs:
        run, outputs = _outputs(text, context)
        for output in outputs:
            target = _target(output.path, run, text, context)
            before = laid.setdefault(target, (output.sha256, text))
            if before[0] != output.sha256:
                raise InputError(
                    f"`--with {before[1]}` and `--with {text}` both bring `{target}`, and not "
                    "the same",
                    f"name the files of one of them: `--with {_shown(text)}:GLOB`",
                )
            if before[1] == text:
                _check_place(target, output, text, context, found)
                source = copies.path_of(run, output)
                found.placements.append(_placement(source, run, output, target))


def _placement(source: Path, run: Run, output: RecordedFile, target: str) -> Placement:
    return Placement(
        source,
        f"run:{run.id}",
        target=target,
        sha256=output.sha256,
        mode=output.mode if output.kind == "file" else None,
        replaces=True,
    )


def _outputs(text: str, context: Context) -> tuple[Run, list[RecordedFile]]:
    asked, settings = read(text), context.settings
    try:
        run_id = names.find(
            asked.run, settings=settings, status="finished", project=context.project
        )
    except UnknownRun as error:
        raise UnknownRun(f"`--with {text}`: {error.message}", _files_of_latest(asked, error))  # noqa: B904
    run = runs.settled(runs.load_id(run_id, settings), settings)
    if run.status == "running":
        raise InputError(
            f"`--with {text}`: run {run.id} is still running", "wait until it has ended"
        )
    chosen = [
        output
        for output in run.outputs
        if asked.glob is None or patterns.matches(asked.glob, output.path)
    ]
    if not chosen:
        what = "no outputs" if asked.glob is None else f"no output that matches `{asked.glob}`"
        raise InputError(f"`--with {text}`: run {run.id} has {what}", earlier.what_it_has(run))
    return run, chosen


def _files_of_latest(asked: Asked, error: UnknownRun) -> str | None:
    word, _, name = asked.run.partition(":")
    if word.lower() == names.LATEST and (patterns.is_magic(name) or "." in name):
        return f"for files of the latest run write `--with latest::{name}`"
    return error.hint


def _shown(text: str) -> str:
    asked = read(text)
    latest = asked.run.lower() == names.LATEST
    return f"{asked.run}:" if latest else asked.run


def _target(path: str, run: Run, text: str, context: Context) -> str:
    """Where it goes, relative to the project: in the same source, to the same place."""
    project = context.source.subdirectory
    if run.source.subdirectory != project and run.source.url == context.known_as:
        path = os.path.relpath(os.path.join(run.source.subdirectory, path), project or ".")  # noqa: PTH118
    inside = declared.inside_source(patterns.escape(path), context.source)
    if inside is None or inside == ".":
        raise InputError(
            f"`--with {text}`: `{path}` of run {run.id} would lie outside of "
            f"{public_url(context.request.uri)}",
            f"name the files that fit: `--with {_shown(text)}:GLOB`",
        )
    return path


def _check_place(
    target: str, output: RecordedFile, text: str, context: Context, found: Gathered
) -> None:
    """See what the project has at the place; other content is replaced, a folder is not."""
    files = context.files
    try:
        present = files.read(target)
        above = [part for part in _folders(target) if files.read(part) is not None]
        folder = present is None and files.tree_digest(target) is not None
    except SourceError:
        return  # behind a link, which laying looks at
    if above or (folder and output.kind == "file" and not _is_link(target, context)):
        what = f"`{above[0]}` is a file" if above else f"`{target}` is a folder"
        raise InputError(
            f"`--with {text}` brings `{target}`, but {what} of the project",
            f"name the files that fit: `--with {_shown(text)}:GLOB`",
        )
    if present is not None and hashlib.sha256(present).hexdigest() != output.sha256:
        if context.request.in_place:
            raise InputError(
                f"`--with {text}` brings another `{target}` than the one that is there",
                "leave out --in-place, or move it away",
            )
        found.warnings.append(f"`{target}` of the project is replaced by that of `--with {text}`")


def _is_link(target: str, context: Context) -> bool:
    return context.local is not None and (context.local / target).is_symlink()


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts)) if parts[count - 1] != ".."]
