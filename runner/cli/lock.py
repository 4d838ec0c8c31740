"""`reprun lock`: the project's environment, resolved and written into the project."""

from __future__ import annotations

import click

from runner.cli.homes import homes
from runner.cli.options import json_option, quiet_option
from runner.cli.render import Terminal
from runner.cli.streams import say, say_json


@click.command(epilog="Example:  reprun lock . --as-of 2024-03-31")
@click.argument("path", default=".")
@click.option("--as-of", metavar="commit|DATE", help="Resolve with the packages of that day.")
@click.option("--env-manager", metavar="conda|venv", help="Which kind of environment to lock.")
@click.option(
    "--skip-unmapped", is_flag=True, help="Leave out conda packages that the Python index lacks."
)
@quiet_option
@json_option
def lock(
    path: str,
    *,
    as_of: str | None,
    env_manager: str | None,
    skip_unmapped: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Resolve the environment of the project at PATH and write its lock beside its specification.

    Commit the file: every run of the project then uses it as it is.
    """
    from runner.locked import write
    from runner.request import (
        Request,
        read_as_of,
        read_environment_manager,
        standing_directory,
    )

    request = Request(
        uri=path,
        caller=standing_directory(),
        as_of=read_as_of(as_of),
        env_manager=read_environment_manager(env_manager),
        skip_unmapped=skip_unmapped,
    )
    with Terminal(quiet=quiet, transient=True) as terminal:
        written = write(request, settings=homes(), progress=terminal)
    if as_json:
        document = {
            "path": str(written.path),
            "sha256": written.lock.sha256,
            "format": written.lock.format,
            "python": written.lock.python,
            "changed": written.changed,
        }
        say_json(document)
    elif not quiet:
        verb = "wrote" if written.changed else "nothing new in"
        python = f", Python {written.lock.python}" if written.lock.python else ""
        say(f"{verb} {written.path} ({written.packages} packages{python})")
