"""What a container prints: read from the engine's stream in a thread of its own, told apart."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runner.process.tee import Tee

_BLOCK = 1 << 16
HEADER = struct.Struct(">BxxxL")  # Docker's API, "attach": stream, three zeros, length
_STDERR = 2


class ContainerOutput:
    """Passes on what comes until the stream ends; a context manager that ends it at the latest.

    A thread: where the person's terminal or pager takes nothing, somebody has still to hear of
    signals and of the time that is over.

    Args:
        stream: as the SDK's `attach_socket` returns it.
        tees: for stdout and stderr.

    Attributes:
        ended: a handle that can be read once the stream has ended.
    """

    def __init__(self, stream: object, tees: tuple[Tee, Tee]) -> None:
        self._stream = stream
        self._socket = _socket_of(stream)
        self._socket.settimeout(None)
        self._tees = tees
        self._fault: BaseException | None = None
        self.ended, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._run, name="reprun-container-output")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        os.close(self.ended)
        hang_up(self._stream)
        if self._fault is not None and error is None:
            raise self._fault

    def _run(self) -> None:
        try:
            self._pass_on()
        except BaseException as fault:  # noqa: BLE001  raised by the thread that waits
            self._fault = fault
        finally:
            os.close(self._ending)

    def _pass_on(self) -> None:
        received = bytearray()
        while block := self._received():
            received += block
            self._take(received)
        for tee in self._tees:
            tee.feed(b"")

    def _received(self) -> bytes:
        try:
            return self._socket.recv(_BLOCK)
        except OSError:
            return b""  # the engine has gone away: how the step ended is asked for next

    def _take(self, received: bytearray) -> None:
        """Hand on the frames that are whole, and remove them."""
        start = 0
        while len(received) - start >= HEADER.size:
            kind, length = HEADER.unpack_from(received, start)
            end = start + HEADER.size + length
            if len(received) < end:
                break
            self._tees[kind == _STDERR].feed(bytes(received[start + HEADER.size : end]))
            start = end
        del received[:start]


def hang_up(stream: Any) -> None:  # noqa: ANN401  what the SDK returns has no common type
    """Close what `attach_socket` returned: its own `close` leaves the connection open."""
    connection = _socket_of(stream)
    stream._response.close()  # noqa: SLF001
    stream.close()
    connection.close()


def _socket_of(stream: Any) -> socket.socket:  # noqa: ANN401
    """The SDK hands out the buffer around a plain socket, but a socket with TLS as it is."""
    found: socket.socket = getattr(stream, "_sock", stream)
    return found
