"""What a person sees: the stages as they happen, tables, sizes and times."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from runner.cli.streams import mention, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

CLEAR_LINE = "\r\x1b[K"
LABEL_WIDTH = 12
KIBI = 1024
MINUTE = HOUR = 60
STEP = "step"  # the last stage of the chain: after it the step itself prints


class Terminal:
    """A `Progress` that shows the stages on stderr where that is a terminal.

    Leaving its context ends the line that a stage left open, so that an error gets its own. Where
    stderr can't be written, nothing is shown; the record has the warnings.

    Args:
        quiet: show nothing but errors.
        transient: a stage's line goes when the stage is over, and only the result remains.
    """

    def __init__(self, *, quiet: bool = False, transient: bool = False) -> None:
        self.quiet = quiet
        self.transient = transient
        self.live = sys.stderr.isatty() and not quiet
        self._open_line = False
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def stage(self, name: str, text: str) -> None:
        """A new line for a stage that begins."""
        if self.live:
            self._close_line()
            self._label = name
            self._show(text)
            if name == STEP:
                # What follows is the step's own output.
                self._close_line()

    def update(self, text: str) -> None:
        """Replace what the stage's line says."""
        if self.live:
            self._write(CLEAR_LINE)
            self._show(text)

    def line(self, text: str) -> None:
        """A tool's own line passes by on the stage's line."""
        if text.strip():
            self.update(text.strip())

    def warning(self, text: str, hint: str | None = None) -> None:
        """A warning stays on the screen, above the line of the stage, which goes on."""
        if self.quiet:
            return
        going_on = self._open_line
        if going_on:
            self._write(CLEAR_LINE)
        mention(plain(click.style("warning: ", fg="yellow") + text))
        if hint:
            mention(plain(click.style("hint: ", fg="cyan") + hint))
        if going_on:
            self._show(self._shown)

    def end(self) -> None:
        """Nothing more is shown on the line that is open."""
        if self.live:
            self._close_line()

    def _show(self, text: str) -> None:
        self._write(f"{label(self._label)}{_fit(text)}")
        self._shown, self._open_line = text, True

    def _close_line(self) -> None:
        if self._open_line:
            self._write(CLEAR_LINE if self.transient else "\n")
            self._open_line = False

    def _write(self, text: str) -> None:
        mention(text, newline=False)

    _label: str = ""


def label(text: str) -> str:
    """A line's first word, in its column."""
    return click.style(text.ljust(LABEL_WIDTH), fg="blue")


def _fit(text: str) -> str:
    width = shutil.get_terminal_size().columns - LABEL_WIDTH - 1
    single = plain(text.replace("\n", " ").replace("\r", " "))
    return single if len(single) <= width else single[: max(width - 1, 0)] + "…"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces apart."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def size(number: int) -> str:
    """`1.4 MiB` for a number of bytes."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < KIBI:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= KIBI
    return f"{value:.1f} TiB"


def duration(seconds: float) -> str:
    """`45 ms`, `3.8 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    if minutes < HOUR:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, HOUR)
    return f"{hours} h {minutes} min"


def ago(then: str) -> str:
    """How long ago an RFC 3339 time was, in one unit: `12 s`, `3 min`, `2 d`."""
    from datetime import UTC, datetime

    seconds = (datetime.now(UTC) - datetime.fromisoformat(then)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{max(int(seconds), 0)} s ago"


def home_relative(path: str) -> str:
    """The path with the home folder as `~`."""
    home = os.path.expanduser("~")  # noqa: PTH111  pure text
    return f"~{path[len(home) :]}" if home != "/" and path.startswith(f"{home}/") else path
