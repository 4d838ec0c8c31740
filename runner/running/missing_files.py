"""Says why a step misses a file: git ignores it, or another run made it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from runner.source.address import work_tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.manifest.model import Step
    from runner.settings import Settings
    from runner.source.model import Checkout, Source
    from runner.store.records import Run

LOOKED_AT = 1 << 16  # bytes at the end of what the step wrote to stderr
LATEST_RUNS = 20


# How those who miss a file put it, each with the file's name as its group.
WORDS = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"No such file or directory: b?['\"](.+?)['\"]\s*$",  # Python
        r"File b?'(.+?)' does not exist",  # pandas before 1.0
        r"^(?:OSError|IOError|FileNotFoundError): (\S+) not found\.?\s*$",  # NumPy
        r"name = '(.+?)', errno = 2\b",  # HDF5
        r"No file or directory found at (\S+?)\.?\s*$",  # Keras
        r"[Ff]ile not found: (?:filepath=)?['\"]?(\S+?)['\"]?\.?(?:\s|$)",
        r"\(os error 2\): ['\"]?([^'\"\n]+)['\"]?\s*$",  # Rust, so Polars
        r"cannot open (?:compressed )?file '(.+?)'",  # R
        r"Opening (\S+) failed: No such file",  # XGBoost
        r"Could not open (\S+?)\.?\s*$",  # LightGBM
        r"can't open file '(.+?)': \[Errno 2\]",  # python SCRIPT
        (
            r"^(?:[^:\n]+: )+(?:can't open |cannot (?:access|open|stat) )?['\u2018]?"
            r"([^:\n]+?)['\u2019]?: No such file"
        ),  # bash and what it calls
    )
]


class Explained(NamedTuple):
    """What is missing and why, and one thing to do."""

    message: str
    hint: str


def explain(
    text: str, step: Step, source: Source, checkout: Checkout, settings: Settings
) -> Explained | None:
    """The reason for the first missing file in `text` that there is one for.

    Raises:
        StoreError: earlier runs can't be read.
    """
    for name in dict.fromkeys(_named(text)):
        path = _inside(name, checkout)
        if path is not None and not (checkout.project / path).exists():
            found = _ignored(path, step, source) or _made_by_a_run(path, step, source, settings)
            if found is not None:
                return found
    return None


def end_of(stderr: Path) -> str:
    """The end of what a step wrote to stderr; empty where that can't be read."""
    try:
        with stderr.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - LOOKED_AT, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _named(text: str) -> Iterator[str]:
    """Files and folders that the step said it could not find."""
    for pattern in WORDS:
        for found in pattern.finditer(text):
            yield found[1]


def _inside(name: str, checkout: Checkout) -> str | None:
    """`name` relative to the project, None for one outside of the checkout."""
    path = os.path.normpath(os.path.join(checkout.project, name))  # noqa: PTH118  pure text
    if not path.startswith(f"{checkout.root}{os.sep}"):
        return None
    return os.path.relpath(path, checkout.project)


def _ignored(path: str, step: Step, source: Source) -> Explained | None:
    top = work_tree_of(source)
    if top is None or not (top / source.subdirectory / path).exists():
        return None
    return Explained(
        f"the step misses `{path}`: it is in your project, but git ignores it",
        f"declare it under `{step.entry_point.name}`: `inputs: [{path}]`",
    )


def _made_by_a_run(path: str, step: Step, source: Source, settings: Settings) -> Explained | None:
    run = next((run for run in _earlier(source, settings) if _made(run, path)), None)
    if run is None:
        return None
    value = f"run:latest:{run.entry_point}/{path}"
    message = f"the step misses `{path}`: run {run.id} of `{run.entry_point}` made it"
    handed = f"--with latest:{run.entry_point}"
    for parameter in step.parameters:
        if parameter.type == "path" and os.path.normpath(parameter.text) == path:
            return Explained(message, f"pass `-P {parameter.name}={value}`")
    return Explained(message, f"run it with `{handed}`")


def _made(run: Run, path: str) -> bool:
    return any(output.path == path or output.path.startswith(f"{path}/") for output in run.outputs)


def _earlier(source: Source, settings: Settings) -> Iterator[Run]:
    from runner.errors import StoreError
    from runner.progress import Silent
    from runner.store import index, runs
    from runner.store.summaries import Filter

    wanted = Filter(status="finished", source=source.url, steps=True, limit=LATEST_RUNS)
    for summary in index.list_runs(wanted, settings=settings, progress=Silent()):
        if summary.subdirectory == source.subdirectory:
            try:
                yield runs.load_id(summary.id, settings)
            except StoreError:
                continue
