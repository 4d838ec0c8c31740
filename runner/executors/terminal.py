"""Puts whoever calls into a container: their keys and pipes go in, what it says comes out."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from runner.containers.options.bodies import merge
from runner.executors import container_body
from runner.executors.container import made, wakened
from runner.executors.container_body import NoInit
from runner.executors.container_output import HEADER, hang_up
from runner.process.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.containers.engine import Engine
    from runner.containers.model import Vessel
    from runner.executors.base import Execution

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_BLOCK: Final = 1 << 16
_WHAT: Final = "the shell ran"
_LAST_WAIT: Final = 30  # seconds, for the end of a container whose output has ended
# The engine's usual keys for leaving a container alone would swallow a shell's Ctrl-P.
_NEVER_TYPED: Final = "ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^"


def attend(vessel: Vessel, engine: Engine, execution: Execution, *, terminal: bool) -> int:
    """Run a program in a container of its own, with our standard streams; its exit status.

    Args:
        terminal: whether it gets a terminal, led to ours, which is put back at the end.

    Raises:
        ExecutionError: it could not be started.
        EngineLost: the engine went away meanwhile.
    """
    try:
        return _attend(vessel, engine, execution, terminal=terminal)
    except NoInit:
        return _attend(replace(vessel, init=False), engine, execution, terminal=terminal)


def _attend(vessel: Vessel, engine: Engine, execution: Execution, *, terminal: bool) -> int:
    streams = {"Tty": terminal, "OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    vessel = replace(vessel, body=merge(dict(vessel.body), streams))
    with (
        wakened() as (woken, wake),
        Relay(wake) as relay,
        made(engine, vessel, execution) as container,
        _attached(engine, container, init=vessel.init) as stream,
    ):
        talk = _Talk(engine, container, stream, execution.grace, terminal=terminal)
        container_body.start(engine, container, init=vessel.init)
        with _raw(wake) if terminal else contextlib.nullcontext():
            talk.hold(woken)
        with engine.asked(_WHAT):
            code = int(engine.api.wait(container, timeout=_LAST_WAIT)["StatusCode"])
    return code if relay.received is None else 128 + relay.received


class _Talk:
    """Bytes both ways between our streams and a container's, until it ends."""

    def __init__(
        self,
        engine: Engine,
        container: str,
        stream: Any,  # noqa: ANN401  a socket, or what the SDK wraps one in
        grace: float,
        *,
        terminal: bool,
    ) -> None:
        self._engine = engine
        self._container = container
        self._socket = getattr(stream, "_sock", stream)
        self._grace = grace
        self._terminal = terminal
        self._deadline: float | None = None
        self._hearing = True
        self._to_go = b""
        self._frames = bytearray()

    def hold(self, woken: int) -> None:
        """Lead them until the container's output ends; `woken` gives the signals that come."""
        if self._terminal:
            self._resize()
        self._socket.settimeout(0)
        handle = self._socket.fileno()
        while True:
            ready = self._ready(woken, handle)
            for number in os.read(woken, 64) if woken in ready else b"":
                self._heed(number)
            if ready.get(handle, 0) & select.POLLOUT:
                self._send()
            if _STDIN in ready:
                self._listen()
            if ready.get(handle, 0) & ~select.POLLOUT and not self._say():
                return
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._kill(signal.SIGKILL)

    def _ready(self, woken: int, handle: int) -> dict[int, int]:
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        poll.register(handle, select.POLLIN | (select.POLLOUT if self._to_go else 0))
        if self._hearing and not self._to_go:
            poll.register(_STDIN, select.POLLIN)
        patience = None
        if self._deadline is not None:
            patience = max(0.0, self._deadline - time.monotonic()) * 1000
        return dict(poll.poll(patience))

    def _listen(self) -> None:
        """Take what was typed or piped; at its end the program inside sees an end, too."""
        try:
            self._to_go = os.read(_STDIN, _BLOCK)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            self._to_go = b""
        if not self._to_go:
            self._hearing = False
            if self._terminal:
                self._kill(signal.SIGKILL)
            else:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(1)  # of writing

    def _send(self) -> None:
        try:
            sent = self._socket.send(self._to_go)
        except BlockingIOError:
            return
        except OSError:  # it has ended; its last words may still come
            self._hearing, self._to_go = False, b""
            return
        self._to_go = self._to_go[sent:]

    def _say(self) -> bool:
        """Pass on what has come; False at the end."""
        try:
            block = self._socket.recv(_BLOCK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if self._terminal:
            _write(_STDOUT, block)
            return bool(block)
        self._frames += block
        while len(self._frames) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._frames)
            end = HEADER.size + length
            if len(self._frames) < end:
                break
            target = _STDERR if kind == _STDERR else _STDOUT
            _write(target, bytes(self._frames[HEADER.size : end]))
            del self._frames[:end]
        return bool(block)

    def _heed(self, number: int) -> None:
        """A signal: a new size, or an end; a shell at a terminal is deaf to most others."""
        if number == signal.SIGWINCH:
            self._resize()
        elif self._terminal:
            self._kill(signal.SIGKILL)
        else:
            self._kill(number)

    def _kill(self, number: int) -> None:
        from docker.errors import APIError

        ends = number == signal.SIGKILL
        self._deadline = None if ends else time.monotonic() + self._grace
        with self._engine.asked("the shell was ended"), contextlib.suppress(APIError):
            self._engine.api.kill(self._container, signal=number)

    def _resize(self) -> None:
        from docker.errors import APIError

        try:
            columns, lines = os.get_terminal_size(_STDOUT)
        except OSError:
            return
        with self._engine.asked("the terminal's size was told"), contextlib.suppress(APIError):
            # 0 by 0 is what a terminal has that nobody has given a size.
            self._engine.api.resize(self._container, lines or 24, columns or 80)


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


@contextlib.contextmanager
def _attached(engine: Engine, container: str, *, init: bool) -> Iterator[Any]:
    """The streams of a container, attached before it starts, so that nothing is missed."""
    more = {"stdin": 1, "detachKeys": _NEVER_TYPED}
    stream = container_body.attach(engine, container, init=init, more=more)
    try:
        yield stream
    finally:
        hang_up(stream)


@contextlib.contextmanager
def _raw(wake: Callable[[int], None]) -> Iterator[None]:
    """Our terminal hands on every key as it is; it is as it was at the end."""
    import termios
    import tty

    before = termios.tcgetattr(_STDIN)
    main = threading.current_thread() is threading.main_thread()
    resized = signal.signal(signal.SIGWINCH, lambda number, _: wake(number)) if main else None
    try:
        # Not flushed: what was typed ahead is meant for the shell.
        tty.setraw(_STDIN, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(_STDIN, termios.TCSADRAIN, before)
        if main:
            signal.signal(signal.SIGWINCH, resized or signal.SIG_DFL)
