"""`reprun check`: everything that is wrong or doubtful with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import structs

from runner.cli.options import json_option, quiet_option
from runner.cli.render import Terminal
from runner.cli.streams import say, say_json
from runner.errors import ManifestError

if TYPE_CHECKING:
    from runner.manifest.model import Manifest, Problem

COLOURS = {"error": "red", "warning": "yellow"}


@click.command(epilog="Example:  reprun check --strict")
@click.argument("uri", default=".")
@click.option("-v", "--version", metavar="VERSION", help="Branch, tag, commit, or such as main~2.")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@quiet_option
@json_option
def check(uri: str, *, version: str | None, strict: bool, quiet: bool, as_json: bool) -> int:
    """Say everything that is wrong or doubtful with the manifest at URI.

    URI is a directory, a manifest file, a git URL or a .zip; the current directory by default.
    Exits with 2 where there is an error.
    """
    from runner.manifest.described import describe

    manifest = _examine(uri, version, quiet=quiet)
    if strict:
        harder = tuple(structs.replace(p, severity="error") for p in manifest.problems)
        manifest = structs.replace(manifest, problems=harder)
    if as_json:
        say_json(describe(manifest))
    elif not quiet:
        _show(manifest)
    wrong = any(problem.severity == "error" for problem in manifest.problems)
    return ManifestError.exit_code if wrong else 0


def _examine(uri: str, version: str | None, *, quiet: bool) -> Manifest:
    from runner.manifest import load
    from runner.request import Request, standing_directory
    from runner.settings import read_settings
    from runner.source import standing
    from runner.source.address import split_uri
    from runner.source.opening import opened

    if Path(uri).name.lower().startswith("mlproject") and Path(uri).is_file():
        uri = str(Path(uri).parent)
    address, subdirectory = split_uri(uri)
    caller = standing_directory()
    seen = standing.look(address, subdirectory, caller=caller) if version is None else None
    if seen is not None:
        return load.examine(seen)
    request = Request(uri=address, subdirectory=subdirectory, caller=caller, version=version)
    settings = read_settings()
    with (
        Terminal(quiet=quiet, transient=True) as terminal,
        opened(request, settings=settings, progress=terminal, keep=False) as found,
    ):
        return load.examine(found.files)


def _show(manifest: Manifest) -> None:
    for problem in manifest.problems:
        say(_line(problem))
        if problem.hint:
            say(f"  {click.style('hint:', fg='cyan')} {problem.hint}")
    errors = sum(problem.severity == "error" for problem in manifest.problems)
    warnings = len(manifest.problems) - errors
    say(_summary(manifest, errors, warnings))


def _line(problem: Problem) -> str:
    where = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    severity = click.style(f"{problem.severity}:", fg=COLOURS[problem.severity])
    return f"{where}: {severity} {problem.message} [{problem.code}]"


def _summary(manifest: Manifest, errors: int, warnings: int) -> str:
    found = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    if found:
        return ", ".join(found)
    if manifest.path is None:
        return "no MLproject file: any .py, .sh or .R file can be run with `-e FILE`"
    points = ", ".join(point.name for point in manifest.entry_points) or "none"
    return f"{manifest.path} is fine; entry points: {points}"
