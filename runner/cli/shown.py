"""A run in words: the lines after a step, the record, and what a dry run found out."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

import click

from runner.cli import shown_container
from runner.cli.render import duration, home_relative, label, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.environments.base import Package
    from runner.store.records import Run
    from runner.store.summaries import Summary

STATUS_COLOURS = {"finished": "green", "failed": "red", "killed": "red", "lost": "yellow"}
SHOWN_METRICS = 5
SHOWN_CHILDREN = 10  # of those that a step made by MLflow's calls: a search has hundreds
SHORT_ID = 10  # of a ULID: its time stamp to the millisecond
CTRL_C = 130
SORTS = {"pypi": "Python", "conda": "conda", "deb": "Debian", "apk": "Alpine"}
WIDEST = 60  # characters of a text that a step logged


def ending_lines(run: Run, *, live: bool) -> list[str]:
    """What stands below the step's own output.

    Args:
        live: somebody looks on: three lines say how it ended, where the outputs are, and what to
            type next. Otherwise only what the step itself could not say.
    """
    if live:
        # The terminal has just written `^C` at the beginning of a line.
        above = [""] if run.exit_code == CTRL_C else []
        return [*above, _ending(run), _outputs(run), _next(run)]
    if run.reason is None or (run.status == "failed" and run.exit_code):
        return []
    return [f"{click.style('error: ', fg='red', bold=True)}{run.reason}"]


def _ending(run: Run) -> str:
    status = click.style(run.status, fg=STATUS_COLOURS.get(run.status), bold=True)
    took = f" in {duration(run.resources.wall_s)}" if run.resources else ""
    why = f": {run.reason}" if run.reason else ""
    return f"{label('run')}{run.id} {status}{took}{why}"


def _outputs(run: Run) -> str:
    parts = []
    if run.files:
        total = sum(file.size for file in run.files)
        count = f"{len(run.files)} file{'' if len(run.files) == 1 else 's'}"
        folder = "artifacts" if run.outputs else "logged"
        parts.append(f"{count}, {size(total)}, in {home_relative(f'{run.directory}/{folder}')}")
    metrics = list(run.metrics.items())
    if metrics:
        shown = "  ".join(f"{name}={value:.6g}" for name, value in metrics[:SHOWN_METRICS])
        parts.append(shown + ("  …" if len(metrics) > SHOWN_METRICS else ""))
    return f"{label('outputs')}{'; '.join(parts) or 'none'}"


def _next(run: Run) -> str:
    short = run.id[:SHORT_ID]
    if run.status == "finished":
        get = f"   reprun runs get {short} --to ." if run.files else ""
        return f"{label('next')}reprun runs show {short}{get}{_kept(run)}"
    return f"{label('next')}reprun shell {short}   reprun runs logs {short} --stderr{_kept(run)}"


def _kept(run: Run) -> str:
    """How to get into the checkout that `--keep` left."""
    checkout = _checkout(run)
    return f"   cd {shlex.quote(str(checkout))}" if checkout else ""


def _checkout(run: Run) -> Path | None:
    from runner.store.layout import CHECKOUT

    checkout = run.directory / CHECKOUT if run.directory else None
    return checkout if checkout and checkout.is_dir() else None


def record_lines(run: Run, children: Sequence[Summary] = ()) -> Iterator[str]:
    """The record for a person to read, with the runs that its step started."""
    yield _ending(run)
    yield from _belonging_lines(run)
    yield from _child_lines(children)
    yield f"{label('command')}{run.command}"
    yield from _source_lines(run)
    for parameter in run.parameters:
        text = "***" if parameter.secret else parameter.text
        kind = f"{parameter.type}, {parameter.origin}"
        yield f"{label('parameter')}{parameter.name} = {text} ({kind})"
    yield from _environment_lines(run)
    for file in run.inputs:
        made = f"  from {file.origin.replace(':', ' ')}" if file.origin.startswith("run:") else ""
        yield f"{label('input')}{file.path}  {size(file.size)}  {file.sha256[:12]}{made}"
    for file in run.files:
        word = "logged" if file.origin == "logged" else "output"
        yield f"{label(word)}{file.path}  {size(file.size)}  {file.sha256[:12]}"
    for name, value in run.metrics.items():
        yield f"{label('metric')}{name} = {value:.6g}{_measured(run, name)}"
    yield from _logged_lines(run)
    yield from _ending_lines(run)


def _measured(run: Run, name: str) -> str:
    series = None if run.logged is None else run.logged.metrics.get(name)
    if series is None or series.count == 1:
        return ""
    between = f"{series.smallest:.6g} to {series.largest:.6g}"
    return f" ({series.count:,} times, {between}, the last at step {series.step})"


def _short(text: str) -> str:
    line = " ".join(text[: 2 * WIDEST].split())
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"


def _logged_lines(run: Run) -> Iterator[str]:
    if run.logged is None:
        return
    given = {parameter.name: parameter.text for parameter in run.parameters}
    for name, text in run.logged.parameters.items():
        if given.get(name) != text:
            yield f"{label('logged')}{name} = {_short(text)}"
    for name, text in run.logged.tags.items():
        if not name.startswith("mlflow."):
            yield f"{label('tag')}{name} = {_short(text)}"


def _child_lines(children: Sequence[Summary]) -> Iterator[str]:
    for child in children:
        if child.logged_by is None:
            took = "" if child.wall_s is None else f" in {duration(child.wall_s)}"
            yield f"{label('child')}{child.id} {child.entry_point} {child.status}{took}"
    logged = [child for child in children if child.logged_by is not None]
    for child in logged[:SHOWN_CHILDREN]:
        metrics = list(child.metrics.items())[:SHOWN_METRICS]
        shown = "".join(f"  {name}={value:.6g}" for name, value in metrics)
        yield f"{label('logged run')}{child.id} {child.name or ''} {child.status}{shown}"
    if len(logged) > SHOWN_CHILDREN:
        more = len(logged) - SHOWN_CHILDREN
        yield f"{label('')}and {more} more: `reprun runs list --nested --all`"


def _belonging_lines(run: Run) -> Iterator[str]:
    belonging = (
        ("name", run.name),
        ("experiment", run.experiment or run.experiment_id),
        ("parent", run.parent),
    )
    for word, text in belonging:
        if text:
            yield f"{label(word)}{text}"


def _source_lines(run: Run) -> Iterator[str]:
    source = run.source
    place = f"{source.url}#{source.subdirectory}" if source.subdirectory else source.url
    commit = f" at {source.commit}" if source.commit else ""
    branch = f" ({source.branch})" if source.branch else ""
    yield f"{label('source')}{place}{commit}{branch}"
    if source.changes is not None:
        changes = source.changes
        yield (
            f"{label('changes')}{len(changes.added)} added, {len(changes.modified)} modified, "
            f"{len(changes.deleted)} deleted, not committed"
        )
    if source.pushed is False:
        yield f"{label('')}the commit is on no remote: nobody else can have it"


def _environment_lines(run: Run) -> Iterator[str]:
    environment = run.environment
    python = f", Python {environment.python.version}" if environment.python else ""
    packages = _packages(environment.packages)
    locked = "" if environment.lock.locked else ", not locked"
    yield f"{label('environment')}{environment.kind}{python}{packages}{locked}"
    yield from shown_container.run_lines(run)
    yield f"{label('host')}{run.host.hostname}, {run.host.cpu_model}, {run.host.cores} cores"


def _packages(packages: Sequence[Package]) -> str:
    """How many there are; of each sort where there is another than Python's, the most first."""
    counts = Counter(package.type for package in packages)
    if set(counts) <= {"pypi"}:
        return f", {len(packages)} packages" if packages else ""
    return "".join(
        f", {count} {SORTS.get(sort, sort)} package{'' if count == 1 else 's'}"
        for sort, count in counts.most_common()
    )


def _ending_lines(run: Run) -> Iterator[str]:
    yield f"{label('started')}{run.started}"
    if run.ended:
        yield f"{label('ended')}{run.ended}"
    if run.resources:
        used = run.resources
        cpu = used.cpu_user_s + used.cpu_system_s
        yield (
            f"{label('used')}{duration(used.wall_s)} wall, {duration(cpu)} CPU, "
            f"{size(used.peak_memory_bytes)} at its peak"
        )
    for name, value in run.tags.items():
        yield f"{label('tag')}{name} = {value}"
    for text in run.warnings:
        yield f"{label('warning')}{text}"
    if checkout := _checkout(run):
        yield f"{label('checkout')}{home_relative(str(checkout))}"
    yield f"{label('record')}{home_relative(f'{run.directory}/record.json')}"
