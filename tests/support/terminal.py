"""The program in a real terminal: a pseudo terminal that is its controlling one."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.program import Program

# Only a process that has just been started can take a terminal as its own.
_TAKE = "import os, sys; os.login_tty(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
_OVERWRITTEN = re.compile(r"[^\n]*\r\x1b\[K")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C, CTRL_D = b"\x03", b"\x04"


class Terminal:
    """What a person sees and types; `seen` is raw, `text` is without colours."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self.seen = ""
        self._handle = handle

    @property
    def text(self) -> str:
        """What stays on the screen, without colours: not the progress that was written over."""
        return _CODES.sub("", _OVERWRITTEN.sub("", self.seen.replace("\r\n", "\n")))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._handle, keys)

    def resize(self, lines: int, columns: int) -> None:
        """Drag the window's corner."""
        termios.tcsetwinsize(self._handle, (lines, columns))

    @property
    def modes(self) -> list[object]:
        """How the terminal treats what is typed and printed, as `termios` has it."""
        return termios.tcgetattr(self._handle)

    def wait_for(self, words: str, *, times: int = 1, seconds: float = 30) -> None:
        """Read until `words` are on the screen, so many times.

        Raises:
            AssertionError: they don't appear.
        """
        limit = time.monotonic() + seconds
        while self.text.count(words) < times:
            assert time.monotonic() < limit, self.text
            assert self._read(limit - time.monotonic()), self.text

    def end(self, *, seconds: float = 60) -> int:
        """Read to the end; the exit code."""
        limit = time.monotonic() + seconds
        while self._read(limit - time.monotonic()):
            assert time.monotonic() < limit, self.text
        return self.process.wait(timeout=10)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._handle], [], [], max(seconds, 0))
        if not ready:
            return True
        try:
            block = os.read(self._handle, 65536)
        except OSError:  # the last one who had the terminal has gone
            return False
        self.seen += block.decode(errors="replace")
        return bool(block)


@contextlib.contextmanager
def terminal(program: Program, *arguments: str, **variables: str) -> Iterator[Terminal]:
    """`reprun ARGUMENTS` in a terminal of 100 columns."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE, "-m", "runner", *arguments],
        cwd=program.directory,
        env={**program.variables, "COLUMNS": "100", **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
