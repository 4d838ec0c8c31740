"""One output stream of a step, passed on byte for byte as it comes: to its log and to a person."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from runner.process.redaction import Redaction

BLOCK = 1 << 16
GONE_AWAY = {errno.EPIPE, errno.EIO, errno.EBADF}  # `| head`, a terminal that was closed


class Tee:
    """Reads a pipe, or is fed; writes what it gets to a log and shows it.

    A log that can't be written any more (a full disk) and a person who has gone away (a closed
    terminal) are no reason to stop a step: the rest is read and dropped.

    Attributes:
        fault: why the log is cut off, None while it is whole.
        unseen: why the rest could not be shown (the disk that stdout goes to is full), None where
            it could, or where a person has gone away.
    """

    def __init__(
        self, pipe: int | None, log: int, show: BinaryIO | None, redaction: Redaction | None = None
    ) -> None:
        if pipe is not None:
            os.set_blocking(pipe, False)
        self.fault: OSError | None = None
        self.unseen: OSError | None = None
        self._pipe = pipe
        self._log = log
        self._screen = None if show is None else Screen(show)
        self._redaction = redaction

    def pump(self) -> int | None:
        """Pass one block on: the bytes read, 0 at the end, None where nothing is there yet."""
        assert self._pipe is not None
        try:
            block = os.read(self._pipe, BLOCK)
        except BlockingIOError:
            return None
        self.feed(block)
        return len(block)

    def feed(self, block: bytes) -> None:
        """Pass a block on; an empty one is the end."""
        if self._redaction is None:
            self._write(block)
        else:
            self._write(self._redaction.feed(block) if block else self._redaction.flush())

    def drain(self, limit: int) -> None:
        """Pass on what is in the pipe, at most `limit` bytes: somebody may still be writing."""
        while limit > 0 and (count := self.pump()):
            limit -= count
        if self._redaction is not None:
            self._write(self._redaction.flush())

    def _write(self, block: bytes) -> None:
        if not block:
            return
        if self.fault is None:
            try:
                write_all(self._log, block)
            except OSError as error:
                self.fault = error
        if self._screen is not None:
            self._show(self._screen, block)

    def _show(self, screen: Screen, block: bytes) -> None:
        try:
            screen.write(block)
        except (OSError, ValueError) as error:
            self._screen = None
            if isinstance(error, OSError) and error.errno not in GONE_AWAY:
                self.unseen = error


class Screen:
    """Where a person sees a step's output: its handle where it has one, so that nothing waits."""

    def __init__(self, show: BinaryIO) -> None:
        self._show = show
        self._handle: int | None = None
        try:
            self._handle = show.fileno()
            show.flush()
        except (OSError, ValueError):
            return  # an object of a notebook or of a test: it is written to as it is

    def write(self, block: bytes) -> None:
        """Show a block.

        Raises:
            OSError: it can't be shown: nobody is there any more, a disk is full.
            ValueError: the stream is closed.
        """
        if self._handle is None:
            self._show.write(block)
            self._show.flush()
        else:
            write_all(self._handle, block)


def write_all(handle: int, block: bytes) -> None:
    """Write all of a block, waiting where the handle doesn't.

    Raises:
        OSError: the disk is full, the reader has gone.
    """
    rest = memoryview(block)
    while rest:
        try:
            rest = rest[os.write(handle, rest) :]
        except BlockingIOError:
            _wait_until_writable(handle)


def _wait_until_writable(handle: int) -> None:
    import select

    poll = select.poll()
    poll.register(handle, select.POLLOUT)
    poll.poll()
