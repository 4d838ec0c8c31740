"""Signals that reprun gets: handed on to a running step, kept back while a tool is started."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType
    from typing import Self

RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `timeout -s INT` signals its child twice within the same millisecond; a person can't.
SAME_PRESS = 0.1


class Relay:
    """Handlers that stand while it is entered and are put back after.

    Only the main thread can have handlers; in another the step is not told. A signal that reprun
    was started to ignore (`nohup`) stays ignored.

    Attributes:
        received: the first signal that came, None while there was none.
    """

    def __init__(self, send: Callable[[int], None]) -> None:
        self.received: int | None = None
        self._send = send
        self._since = 0.0
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in RELAYED:
                before = signal.getsignal(number)
                # None: a handler that wasn't set by Python, so that it couldn't be put back.
                if before is not None and before != signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._hand_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, self._since = number, now
            self._send(number)
        elif number == signal.SIGINT and now - self._since > SAME_PRESS:
            self._send(signal.SIGKILL)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Signals that come while this is entered come when it is left.

    An exception between the start of a process and the assignment of it would leave a process
    that nobody knows.
    """
    with Relay(lambda _number: None) as relay:
        yield
    if relay.received is not None:
        signal.raise_signal(relay.received)
