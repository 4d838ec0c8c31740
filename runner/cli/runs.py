"""`reprun runs`: list, show, read and delete what was recorded."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.completion import complete_run
from runner.cli.homes import homes
from runner.cli.options import json_option
from runner.cli.render import Terminal, ago, duration, size, table
from runner.cli.streams import say, say_json, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.store.summaries import Summary

run_argument = click.argument("name", metavar="RUN", default="latest", shell_complete=complete_run)


EPILOG = """\b
RUN is an id, a unique prefix of one, `latest`, or `latest:ENTRYPOINT`.
\b
Example:  reprun runs show latest:train
"""


@click.group(epilog=EPILOG)
def runs() -> None:
    """List, show, read and delete recorded runs."""


@runs.command("list", epilog="Example:  reprun runs list -e train --status finished --limit 5")
@click.option("-e", "--entry-point", metavar="NAME", help="Only runs of this entry point.")
@click.option(
    "--status",
    type=click.Choice(["running", "finished", "failed", "killed", "lost"]),
    help="Only runs that ended so.",
)
@click.option("--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("--tag", metavar="K[=V]", help="Only runs with this tag.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--all", "everything", is_flag=True, help="All of them, whatever --limit says.")
@click.option("--nested", is_flag=True, help="Also runs that a step made by MLflow's calls.")
@json_option
def list_(
    *,
    entry_point: str | None,
    status: str | None,
    experiment: str | None,
    tag: str | None,
    limit: int,
    everything: bool,
    nested: bool,
    as_json: bool,
) -> None:
    """List runs, the latest first."""
    from runner.store import index
    from runner.store import runs as store
    from runner.store.summaries import Filter, to_json

    wanted = Filter(
        entry_point=entry_point,
        status=status,
        experiment=experiment,
        tag=_tag(tag),
        steps=not nested,
        limit=None if everything else limit,
    )
    settings = homes()
    with Terminal(transient=True) as terminal:
        summaries = index.list_runs(wanted, settings=settings, progress=terminal)
        # A run whose process was killed is found out when somebody looks.
        doubtful = status == "lost" or any(one.status == "running" for one in summaries)
        if doubtful and store.settle(settings):
            summaries = index.list_runs(wanted, settings=settings, progress=terminal)
    if as_json:
        say_json([to_json(summary) for summary in summaries])
    elif summaries:
        header = ("run", "status", "entry point", "source", "started", "took", "name")
        say(table(header, [_row(summary, depth) for summary, depth in _nested(summaries)]))
    elif wanted == Filter(limit=wanted.limit, steps=wanted.steps):
        say("no runs yet; start with `reprun run .`")
    else:
        say("no such run")


def _tag(text: str | None) -> tuple[str, str | None] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    return name, value if equals else None


def _nested(summaries: list[Summary]) -> Iterator[tuple[Summary, int]]:
    """The runs, each followed by those that its step started, and how deep inside each is."""
    listed = {summary.id for summary in summaries}
    inside: dict[str, list[Summary]] = {}
    for summary in reversed(summaries):
        if summary.parent in listed and summary.parent != summary.id:
            inside.setdefault(summary.parent, []).append(summary)

    def below(summary: Summary, depth: int) -> Iterator[tuple[Summary, int]]:
        yield summary, depth
        for child in inside.pop(summary.id, ()):
            yield from below(child, depth + 1)

    for summary in summaries:
        if summary.parent not in listed:
            yield from below(summary, 0)


def _row(summary: Summary, depth: int) -> tuple[str, ...]:
    project = summary.source.removesuffix("/").rpartition("/")[2].removesuffix(".git")
    place = f"{project}#{summary.subdirectory}" if summary.subdirectory else project
    commit = f"@{summary.commit[:7]}" if summary.commit else ""
    return (
        summary.id,
        summary.status,
        "  " * depth + summary.entry_point,
        f"{place}{commit}",
        ago(summary.started),
        "" if summary.wall_s is None else duration(summary.wall_s),
        summary.name or "",
    )


@runs.command(epilog="Example:  reprun runs show latest:train")
@run_argument
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show the record of RUN."""
    from runner.cli.shown import record_lines
    from runner.store import runs as store
    from runner.store.encoding import to_json

    settings = homes()
    recorded = store.read(name, settings=settings)
    if as_json:
        say(json.dumps(to_json(recorded), indent=2))
    else:
        children = store.children(recorded.id, settings)
        say("\n".join(record_lines(recorded, children)))


@runs.command(epilog="Example:  reprun runs logs latest --stderr")
@run_argument
@click.option("--stderr", is_flag=True, help="What the step wrote to stderr.")
def logs(name: str, *, stderr: bool) -> None:
    """Print what the step of RUN wrote to stdout."""
    from runner.store import runs as store

    recorded = store.read(name, settings=homes())
    assert recorded.directory is not None
    path = recorded.directory / ("stderr.log" if stderr else "stdout.log")
    if path.exists():
        with path.open("rb") as file, writing():
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


@runs.command(epilog="Example:  reprun runs artifacts latest")
@run_argument
@json_option
def artifacts(name: str, *, as_json: bool) -> None:
    """List the outputs of RUN."""
    from runner.cli.render import size
    from runner.store import runs as store
    from runner.store.encoding import to_json

    recorded = store.read(name, settings=homes())
    assert recorded.directory is not None
    if as_json:
        document = to_json(recorded)
        say_json(document["outputs"] + (document["logged"] or {"artifacts": []})["artifacts"])
    elif recorded.files:
        rows = [(o.path, size(o.size), o.sha256[:12], o.origin) for o in recorded.files]
        say(table(("path", "size", "sha256", ""), rows))
        folders = [name for name in ("artifacts", "logged") if (recorded.directory / name).is_dir()]
        say(f"in {recorded.directory}/{' and '.join(folders)}")
    else:
        say("this run left no files")


@runs.command(epilog="Example:  reprun runs metrics latest:train loss")
@run_argument
@click.argument("metric", required=False)
@json_option
def metrics(name: str, metric: str | None, *, as_json: bool) -> None:
    """List the metrics of RUN, or every measurement of one METRIC that its step logged."""
    from runner.cli.measurements import measurement_lines, metric_lines, summaries
    from runner.store import runs as store

    recorded = store.read(name, settings=homes())
    if metric is not None:
        for line in measurement_lines(recorded, metric, as_json=as_json):
            say(line)
    elif as_json:
        say_json(summaries(recorded))
    else:
        say("\n".join(metric_lines(recorded)) or "this run has no metrics")


@runs.command(epilog="Example:  reprun runs get latest:train 'model/*' --to results")
@run_argument
@click.argument("pattern", default="**")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder to copy into.  [default: the current one]",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
def get(name: str, pattern: str, *, target: Path, force: bool) -> None:
    """Copy the outputs of RUN that match PATTERN into a folder."""
    from runner.store import copies
    from runner.store import runs as store

    recorded = store.read(name, settings=homes())
    copied = copies.copy_out(recorded, pattern, target.absolute(), replace=force)
    say(f"{len(copied)} file{'' if len(copied) == 1 else 's'} copied to {target.absolute()}")


def _chosen(named: list[str], found: list[str]) -> str:
    """What is to be deleted: the runs that were named, and those that their steps started."""
    inside = found[len(named) :]
    if not inside:
        return ", ".join(named)
    runs = "the run" if len(inside) == 1 else f"the {len(inside)} runs"
    return f"{', '.join(named)}, and {runs} started inside: {', '.join(inside)}"


@runs.command(epilog="Example:  reprun runs delete 01k3 --yes")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
def delete(names: tuple[str, ...], *, yes: bool) -> None:
    """Delete runs with those that their steps started, and the outputs that no other run has."""
    from runner.errors import StoreError
    from runner.store import gc
    from runner.store import runs as store

    settings = homes()
    named = list(dict.fromkeys(store.find(name, settings=settings) for name in names))
    found = store.with_descendants(named, settings)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to be asked; pass --yes to delete")
        if not click.confirm(f"delete {_chosen(named, found)}?", err=True):
            say("nothing is deleted", err=True)
            return
    released = store.delete(found, settings=settings)
    with Terminal(transient=True) as terminal:
        try:
            freed = gc.collect(settings=settings, progress=terminal, released=released).size
        except StoreError as error:
            # The runs are gone; only their outputs' room stays taken for now.
            freed = 0
            terminal.warning(error.message, error.hint)
    say(f"{len(found)} run{'' if len(found) == 1 else 's'} deleted, {size(freed)} freed")
