"""`reprun shell RUN`: a shell in the checkout and the environment that a run's step saw."""

from __future__ import annotations

import click

from runner.cli.completion import complete_run
from runner.cli.homes import homes
from runner.cli.render import Terminal
from runner.cli.streams import say


@click.command(epilog="Example:  reprun shell latest -c 'python --version'")
@click.argument("name", metavar="RUN", default="latest", shell_complete=complete_run)
@click.option("-c", "--command", metavar="COMMAND", help="Run this instead of a shell.")
def shell(name: str, *, command: str | None) -> int:
    """Open a shell as the step of RUN saw it: commit, changes, environment and variables.

    The checkout is removed when the shell ends; the run's record stays as it is.
    """
    from runner import reopen

    with (
        Terminal(transient=True) as terminal,
        reopen.reopened(name, settings=homes(), progress=terminal) as opened,
    ):
        terminal.end()
        if terminal.live and command is None:
            say(f"the step ran: {opened.run.command}", err=True)
            say("leave with Ctrl-D; the checkout goes when you leave", err=True)
        return opened.start(command)
