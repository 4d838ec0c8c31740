"""The three standard streams: all there, and nothing on them that steers somebody's terminal."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


def complete() -> None:
    """Give `reprun >&-` a stream that swallows everything, and have stdout take every text.

    The next file to be opened would get the number of the closed one, and be written to.
    """
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle == number:
                os.set_inheritable(handle, True)  # noqa: FBT003  it takes no keyword
            else:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, mode))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As on stderr: a locale without a character is no reason to say nothing.
        sys.stdout.reconfigure(errors="backslashreplace")


def say(text: str, *, err: bool = False) -> None:
    """Print a line or several; of control characters only colours are let through."""
    import click

    with writing(err=err):
        click.echo(plain(text), err=err)


def mention(text: str, *, newline: bool = True) -> None:
    """Print to stderr what a run must not fail for: a full disk, a reader who went away."""
    import click

    try:
        click.echo(text, err=True, nl=newline)
    except OSError:
        give_up(sys.stderr)


def say_json(document: object, *, indent: int | None = 2) -> None:
    """Print the one document on stdout."""
    import json

    import click

    with writing(err=False):
        click.echo(json.dumps(document, indent=indent))


@contextlib.contextmanager
def writing(*, err: bool = False) -> Iterator[None]:
    """Say of which stream it is that it can't be written.

    Raises:
        OutputError: it can't be; a reader who went away stays a BrokenPipeError.
    """
    try:
        yield
    except OSError as error:
        give_up(sys.stderr if err else sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        from runner.errors import OutputError

        stream = "stderr" if err else "stdout"
        raise OutputError(f"{stream} can't be written: {(error.strerror or '').lower()}") from error


def give_up(stream: TextIO) -> None:
    """Have what is still buffered go nowhere: Python would try it at exit, and exit with 120."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def plain(text: str) -> str:
    """`text` without what a hostile repository may have put in: titles, bells, moved cursors."""
    if text.isprintable():
        return text
    import re

    # Bytes that are no UTF-8 (file names, parameters) are surrogates here, which no stream takes.
    steering = r"(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
    steering += "|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # they turn the order of what follows
    return re.sub(steering, lambda found: found[1] or "\N{REPLACEMENT CHARACTER}", text)
