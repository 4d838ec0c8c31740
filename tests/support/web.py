"""A real web server on loopback: smart-HTTP git with or without a password, and plain files."""

from __future__ import annotations

import base64
import contextlib
import http.server
import os
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class WebServer:
    """A running server; `url` has no credentials, `with_password` has them."""

    url: str
    user: str | None = None
    password: str | None = None
    requests: list[str] = field(default_factory=list)

    @property
    def with_password(self) -> str:
        """The server's address with the right user and password in it."""
        return self.url.replace("//", f"//{self.user}:{self.password}@")

    @property
    def login(self) -> str | None:
        """The `Authorization` that it asks for, None where anybody may read."""
        if self.user is None:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Files by themselves, everything else through git's own backend."""

    base: Path
    site: WebServer

    def do_GET(self) -> None:
        """Answer a file or the first request of a fetch."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a fetch."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        self.site.requests.append(self.path)
        if self.site.login not in {None, self.headers.get("Authorization")}:
            self._refuse()
            return
        path, _, query = self.path.partition("?")
        file = self.base / path.lstrip("/")
        if self.command == "GET" and file.is_file():
            self._send(200, "application/octet-stream", file.read_bytes())
        else:
            self._git(path, query, body)

    def _refuse(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _git(self, path: str, query: str, body: bytes) -> None:
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.base),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        backend = ["git", "http-backend"]
        done = subprocess.run(backend, input=body, capture_output=True, check=False, env=variables)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(fields.get("Status", "200").split()[0])
        self._send(status, fields.get("Content-Type", "text/plain"), content)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        """Say nothing."""


@contextlib.contextmanager
def serve_http(
    base: Path, *, user: str | None = None, password: str | None = None
) -> Iterator[WebServer]:
    """Serve the repositories and files below `base`; with a password to whoever gives it only."""
    server = WebServer("", user, password)
    handler = type("Handler", (_Handler,), {"base": base, "site": server})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        server.url = f"http://127.0.0.1:{running.server_address[1]}"
        poll = {"poll_interval": 0.02}
        thread = threading.Thread(target=running.serve_forever, kwargs=poll, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
