"""The commands by name; a command's module is imported only when the command is used."""

from __future__ import annotations

from importlib import import_module

import click

from runner.version import __version__

# name → (module, function, the line that `reprun --help` shows)
COMMANDS = {
    "run": ("run", "run", "Run a step of a project and record it."),
    "check": ("check", "check", "Say everything that is wrong or doubtful with a manifest."),
    "lock": ("lock", "lock", "Resolve the environment and write its lock into the project."),
    "runs": ("runs", "runs", "List, show, read and delete recorded runs."),
    "shell": ("shell", "shell", "Open a shell in a run's checkout and environment."),
    "doctor": ("doctor", "doctor", "Say what is on this machine and what is missing for what."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, in the order in which a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command called `cmd_name`, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        command = getattr(import_module(f"runner.cli.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` name; a near miss is suggested."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            meant = _meant(args[0])
            suggestion = f"; did you mean `reprun {meant}`?" if meant else ""
            ctx.fail(f"there is no command `{args[0]}`{suggestion}")
        return super().resolve_command(ctx, args)


def _meant(word: str) -> str | None:
    """The command that somebody who typed `word` most likely wanted."""
    from runner.cli.runs import runs
    from runner.nearest import nearest

    return f"runs {word}" if word in runs.commands else nearest(word, COMMANDS)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nStart with:\n  reprun run https://github.com/org/project -P alpha=0.5",
)
@click.version_option(
    __version__, "-V", "--version", prog_name="reprun", message="%(prog)s %(version)s"
)
def reprun() -> None:
    """Run any machine-learning project from its git URL: locked, typed and recorded."""
