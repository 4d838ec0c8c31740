"""Where errors become words and exit codes: the one place that turns an exception into output."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from runner.cli.streams import give_up, say, say_json
from runner.errors import WRONG_REQUEST, Interrupted, OutputError, RunnerError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

DISK_TROUBLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
}
# What click raises for `reprun` alone, since 8.2; before, it printed the same help to stdout.
NO_COMMAND: tuple[type[click.UsageError], ...] = (
    (click.exceptions.NoArgsIsHelpError,) if hasattr(click.exceptions, "NoArgsIsHelpError") else ()
)


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run `command`; every error is shown in words. Returns the exit code."""
    stdout = sys.stdout
    try:
        with _signals_raise():
            result = command.main(list(arguments), prog_name="reprun", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except BrokenPipeError:
        return _reader_went_away()
    except SystemExit:
        # click wraps stdout when it is the first to notice, and exits with 1.
        if sys.stdout is stdout:
            raise
        return _reader_went_away()
    except BaseException as error:  # noqa: BLE001  this is where every error becomes words
        if isinstance(error, NO_COMMAND):
            click.echo(error.format_message(), err=True)
            return WRONG_REQUEST
        shown, exit_code = _understand(error, _command_named(command, arguments))
        # Where the outputs are is said in a note, whatever it was that went wrong.
        shown.hint = "; ".join(filter(None, (shown.hint, *getattr(error, "__notes__", ())))) or None
        _report(shown, exit_code, as_json=_wants_json(arguments))
        return exit_code


def _command_named(command: click.Command, arguments: Sequence[str]) -> str:
    """`reprun run` of what was typed, for an error that click raises before it knows."""
    words = ["reprun"]
    context = click.Context(command)
    for word in arguments:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            break
        words.append(word)
        command = found
    return " ".join(words)


def _wants_json(arguments: Sequence[str]) -> bool:
    known = list(arguments)
    return "--json" in (known[: known.index("--")] if "--" in known else known)


def _reader_went_away() -> int:
    give_up(sys.stdout)
    return 128 + signal.SIGPIPE


def _report(shown: RunnerError, exit_code: int, *, as_json: bool) -> None:
    # Who can't be told can still read the exit code.
    with contextlib.suppress(BrokenPipeError, OutputError):
        if as_json and not isinstance(shown, OutputError):
            with contextlib.suppress(OutputError):
                say_json({"error": _document(shown, exit_code)}, indent=None)
                return
        show_error(shown)


def _document(shown: RunnerError, exit_code: int) -> dict[str, object]:
    document = {"code": shown.code, "message": shown.message, "exit_code": exit_code}
    return document | {
        name: value
        for name, value in (("hint", shown.hint), ("details", list(shown.details)))
        if value
    }


def show_error(error: RunnerError) -> None:
    """Print the error, its details and its hint to stderr."""
    say(click.style("error: ", fg="red", bold=True) + error.message, err=True)
    for line in error.details:
        say(f"  {line}", err=True)
    if error.hint:
        say(click.style("hint: ", fg="cyan") + error.hint, err=True)


def _understand(error: BaseException, command: str) -> tuple[RunnerError, int]:
    if isinstance(error, _Stop):
        return Interrupted(error.number), 128 + error.number
    if isinstance(error, Interrupted):
        return error, 128 + error.signal
    if isinstance(error, RunnerError):
        return error, error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Interrupted(signal.SIGINT), 128 + signal.SIGINT
    if isinstance(error, click.ClickException):
        return _usage(error, command), WRONG_REQUEST
    if isinstance(error, OSError) and error.errno in DISK_TROUBLE:
        return _disk(error), StoreError.exit_code
    return _defect(error), RunnerError.exit_code


def _usage(error: click.ClickException, command: str) -> RunnerError:
    from runner.errors import RequestError

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else command
    message = " ".join(error.format_message().split()).rstrip(".")
    message = message[:1].lower() + message[1:]
    return RequestError(message, hint=f"`{path} --help` shows what it takes")


def _disk(error: OSError) -> RunnerError:
    what = (error.strerror or str(error)).lower()
    where = f": {error.filename}" if error.filename else ""
    hints = {
        errno.ENOSPC: "free some room, or point REPRUN_HOME and REPRUN_CACHE to another disk",
        errno.EDQUOT: "free some room, or point REPRUN_HOME and REPRUN_CACHE to another disk",
        errno.EROFS: "point REPRUN_HOME and REPRUN_CACHE to folders that can be written",
        errno.EACCES: "check who owns it; REPRUN_HOME and REPRUN_CACHE name other folders",
        errno.EPERM: "check who owns it; REPRUN_HOME and REPRUN_CACHE name other folders",
    }
    return StoreError(f"{what}{where}", hint=hints.get(error.errno or 0))


def _defect(error: BaseException) -> RunnerError:
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    hint = "this is a defect of reprun"
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="reprun-defect-", suffix=".log")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        hint += f"; please report it with {name}"
    summary = str(error).split("\n", 1)[0]
    return RunnerError(f"something broke inside: {type(error).__name__}: {summary}", hint=hint)


class _Stop(BaseException):  # no library's `except Exception` may swallow it
    """A signal tells us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the work through every `finally`."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stop(number)

    before = {
        number: signal.signal(number, stop)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # What we were started to ignore (`nohup`, a job in the background) stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
