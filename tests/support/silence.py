"""A server that takes every connection and never says a word."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Silence:
    """Where it listens, and who has come."""

    port: int
    visitors: list[socket.socket] = field(default_factory=list)


@contextlib.contextmanager
def listen() -> Iterator[Silence]:
    """Listen on a free port of loopback while the body runs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        silence = Silence(server.getsockname()[1])

        def welcome() -> None:
            with contextlib.suppress(OSError):
                while True:
                    silence.visitors.append(server.accept()[0])

        thread = threading.Thread(target=welcome)
        thread.start()
        try:
            yield silence
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for visitor in silence.visitors:
                visitor.close()
