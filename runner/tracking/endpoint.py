"""The endpoint itself: a port on loopback, open while a step runs, and what the step is told."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from runner.errors import ExecutionError
from runner.executors.step_tools import TRACKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.settings import Settings
    from runner.store.records import Run
    from runner.tracking.session import Session

LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_PAUSE = 0.05  # seconds
_PATIENCE = 10.0  # seconds for all that is being answered when the step has ended
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


class Endpoint:
    """Listens from the beginning; everything else is imported when the first client comes."""

    def __init__(self, listener: socket.socket | None = None, known_as: str = "") -> None:
        """Take a port, or a socket that listens already.

        Args:
            listener: closed with the endpoint; None for a port on loopback.
            known_as: host and port that a client reaches `listener` by.

        Raises:
            ExecutionError: there is none to be had.
        """
        self._token = os.urandom(16).hex()
        self._session: Session | None = None
        self._open: Callable[[], Session] | None = None
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        if listener is None:
            listener = _port()
            known_as = f"{LOOPBACK}:{listener.getsockname()[1]}"
        self._socket = listener
        self.address = f"http://{known_as}/{self._token}"

    def serve(self, own: Run, *, settings: Settings, hide: Callable[[str], str]) -> None:
        """Answer, from now on, the calls of the step of the run `own`."""

        def opened() -> Session:
            from runner.tracking.session import Session

            session = Session(own, settings=settings, hide=hide)
            session.address = self.address
            return session

        self._open = opened
        threading.Thread(target=self._accept, name="reprun-endpoint", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._closed:
                    return
                time.sleep(_PAUSE)  # such as too many open files: it passes
                continue
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
                self._threads = [one for one in self._threads if one.is_alive()] + [thread]
                thread.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                from runner.tracking.server import Conversation

                Conversation(connection, self._opened(), self._token)
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _opened(self) -> Session:
        with self._lock:
            if self._session is None:
                assert self._open is not None
                self._session = self._open()
            return self._session

    def close(self) -> tuple[Session | None, tuple[str, ...]]:
        """Take no more calls, and record what was logged to other runs than the own one.

        Returns:
            the session, None where nobody has called; and warnings.
        """
        with self._lock:
            if self._closed:
                return self._session, ()
            self._closed = True
            connections, threads = tuple(self._connections), tuple(self._threads)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in connections:
            # What was sent is still answered; nothing more is read.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        end = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(timeout=max(0.0, end - time.monotonic()))
        if self._session is None:
            return None, ()
        return self._session, tuple(self._session.close())

    def variables(
        self,
        run_id: str,
        *,
        experiment: str | None,
        experiment_id: str | None,
        inherited: Mapping[str, str],
    ) -> dict[str, str]:
        """What makes the step's MLflow log here."""
        from runner.tracking.experiments import id_of

        told = {
            "MLFLOW_TRACKING_URI": self.address,
            TRACKING: self.address,
            "MLFLOW_RUN_ID": run_id,
            "MLFLOW_EXPERIMENT_ID": experiment_id or id_of(experiment),
            # The address is gone when the step is; nobody could follow it.
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        }
        return told | dict(_around_proxies(inherited))


def _port() -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, 0), backlog=_BACKLOG)
    except OSError as error:
        raise ExecutionError(
            f"no port for what the step logs: {error.strerror}", "pass `--no-tracking`"
        ) from error


def _around_proxies(inherited: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Loopback is reached without the proxy that somebody has set."""
    if any(inherited.get(name) for name in _PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            known = inherited.get(name) or inherited.get("no_proxy") or inherited.get("NO_PROXY")
            yield name, f"{known},{LOOPBACK}" if known else LOOPBACK
