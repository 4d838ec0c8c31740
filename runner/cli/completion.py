"""`reprun completion`, and what the shell may complete: entry points, parameters, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.errors import RunnerError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from runner.manifest.model import Manifest

HOW = {
    "bash": '# put this into ~/.bashrc:  eval "$(reprun completion bash)"',
    "zsh": '# put this into ~/.zshrc:  eval "$(reprun completion zsh)"',
    "fish": "# put this into ~/.config/fish/completions/reprun.fish",
}


@click.command(epilog='Example:  eval "$(reprun completion bash)"')
@click.argument("shell", metavar="SHELL", type=click.Choice(list(HOW)))
def completion(shell: str) -> None:
    """Print the completion script of SHELL: bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    from runner.cli.commands import reprun

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(HOW[shell])
    click.echo(_source(kind, reprun))


def _source(kind: type, command: click.Command) -> str:
    from click.shell_completion import ShellComplete

    assert issubclass(kind, ShellComplete)
    completer = kind(command, {}, "reprun", "_REPRUN_COMPLETE")
    # bash's class starts bash to learn its version; the script itself does not depend on it.
    return completer.source_template % completer.source_vars()


def complete_entry_point(
    context: click.Context,
    _parameter: click.Parameter,
    incomplete: str,
) -> list[CompletionItem]:
    """Entry points of the local project that the command line names."""
    from click.shell_completion import CompletionItem

    manifest = _manifest(context)
    points = manifest.entry_points if manifest else ()
    return [
        CompletionItem(point.name, help=point.description)
        for point in points
        if point.name.startswith(incomplete)
    ]


def complete_parameter(
    context: click.Context,
    _parameter: click.Parameter,
    incomplete: str,
) -> list[CompletionItem]:
    """`NAME=` of each parameter of the entry point; `NAME=CHOICE` where there are choices."""
    from click.shell_completion import CompletionItem

    manifest = _manifest(context)
    wanted = context.params.get("entry_point") or "main"
    points = manifest.entry_points if manifest else ()
    chosen = points if len(points) == 1 else [p for p in points if p.name == wanted]
    items = []
    for point in chosen:
        for declared in point.parameters:
            values = [f"{declared.name}={choice}" for choice in declared.choices]
            items += [
                CompletionItem(text, help=declared.description)
                for text in values or [f"{declared.name}="]
                if text.startswith(incomplete)
            ]
    return items


def _manifest(context: click.Context) -> Manifest | None:
    from runner.manifest.load import examine
    from runner.request import standing_directory
    from runner.source import standing
    from runner.source.address import split_uri

    try:
        uri, subdirectory = split_uri(_typed_uri(context))
        files = standing.look(uri, subdirectory, caller=standing_directory())
        return None if files is None else examine(files)
    except (RunnerError, OSError):
        return None


def _typed_uri(context: click.Context) -> str:
    # Behind an option that still lacks its value click leaves the arguments unread.
    return str(context.params.get("uri") or next(iter(context.args), "."))


def complete_run(
    _context: click.Context,
    _parameter: click.Parameter,
    incomplete: str,
) -> list[CompletionItem]:
    """`latest`, and the latest runs' ids."""
    from click.shell_completion import CompletionItem

    from runner.progress import Silent
    from runner.settings import read_settings
    from runner.store import index
    from runner.store.summaries import Filter

    try:
        wanted = Filter(limit=50)
        summaries = index.list_runs(wanted, settings=read_settings(), progress=Silent())
    except (RunnerError, OSError):
        return []
    latest = [CompletionItem("latest")] if summaries and "latest".startswith(incomplete) else []
    return latest + [
        CompletionItem(summary.id, help=f"{summary.entry_point} {summary.status}")
        for summary in summaries
        if summary.id.startswith(incomplete)
    ]
