"""What the real docker client asks of an engine: its `create` is recorded, and refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

API = "1.50"  # clients that are older speak their own
CLIENT = shutil.which("docker")


class Asked(NamedTuple):
    """A request of the client: query of the address, and the body."""

    query: str
    body: dict[str, Any]


class Refused(Exception):
    """The client itself finds something wrong, and asks for nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Engine

    def address_string(self) -> str:
        return "a unix socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is told."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Api-Version", API)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._answer(200)

    def do_GET(self) -> None:
        self._answer(200, b"OK" if "_ping" in self.path else b"{}")

    def do_POST(self) -> None:
        body = self._body()
        path, _, query = self.path.partition("?")
        if path.endswith("/containers/create"):
            self.server.asked.append(Asked(query, json.loads(body)))
        self._answer(409, b'{"message": "recorded"}')

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        parts = []
        while "chunked" in self.headers.get("Transfer-Encoding", ""):
            size = int(self.rfile.readline(), 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if not size:
                break
        return b"".join(parts)


class _Engine(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, socket: Path) -> None:
        self.asked: list[Asked] = []
        super().__init__(str(socket), _Handler)


class Client:
    """The docker client, speaking to an engine that records what it is asked to create."""

    def __init__(self, engine: _Engine, socket: Path) -> None:
        self._engine = engine
        self._socket = socket

    def create(
        self, flags: list[str], *, folder: Path, variables: Mapping[str, str] | None = None
    ) -> Asked:
        """What `docker create FLAGS… image` asks for, run in `folder`.

        Raises:
            Refused: the client says that the flags are wrong.
        """
        assert CLIENT
        self._engine.asked.clear()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOCKER_HOST": f"unix://{self._socket}",
            **(variables or {}),
        }
        done = subprocess.run(
            [CLIENT, "create", *flags, "image"],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if not self._engine.asked:
            raise Refused(done.stderr)
        return self._engine.asked[-1]


@contextmanager
def recording() -> Iterator[Client]:
    """A client, for as long as the engine behind it stands."""
    # A socket's path may have no more than 107 bytes: pytest's folders are too deep.
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "engine.sock"
        with _Engine(socket) as engine:
            threading.Thread(target=engine.serve_forever, daemon=True).start()
            try:
                yield Client(engine, socket)
            finally:
                engine.shutdown()


@cache
def known_flags(command: str = "create") -> frozenset[str]:
    """Names of the flags, long and short, that `docker COMMAND --help` tells of."""
    if not CLIENT:
        return frozenset()
    shown = subprocess.run(
        [CLIENT, command, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    found = re.findall(r"^ +(?:-(\w), )?--([\w-]+)", shown, re.MULTILINE)
    return frozenset(name for names in found for name in names if name)
