"""A web server on loopback for the files of a channel: with a login, a token, a certificate."""

from __future__ import annotations

import base64
import contextlib
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Site:
    """A running server.

    Attributes:
        address: of its root, without credentials.
        login: `user:password` that it asks for.
        token: it has its files below `/t/TOKEN` only.
        elsewhere: address that every request is led on to.
        status: of every answer, where it is to be a bad one.
        page: what every answer has instead of the file.
        broken: ends of the paths whose answers break off half-way.
        asked: (path, headers in small letters) of every request.
    """

    address: str = ""
    login: str | None = None
    token: str | None = None
    elsewhere: str | None = None
    status: int | None = None
    page: bytes | None = None
    broken: tuple[str, ...] = ()
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def port(self) -> str:
        """The port that it listens on."""
        return self.address.rpartition(":")[2]

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return self.address.partition("://")[2]

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for path, _ in self.asked]

    @property
    def logins(self) -> set[str | None]:
        """Every `Authorization` that came."""
        return {headers.get("authorization") for _, headers in self.asked}


def basic(login: str) -> str:
    """The header for `user:password`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


@contextlib.contextmanager
def serve(base: Path, *, certificate: tuple[Path, Path] | None = None) -> Iterator[Site]:
    """Serve the files below `base`, over https where there is a certificate with its key."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, site, base)

        def do_HEAD(self) -> None:
            _answer(self, site, base)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: who does not believe the certificate hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    site.address = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, site: Site, base: Path) -> None:
    path = handler.path
    site.asked.append((path, {name.lower(): one for name, one in handler.headers.items()}))
    if site.elsewhere is not None:
        handler.send_response(302)
        handler.send_header("Location", site.elsewhere + path)
        _end(handler, b"")
    elif site.status is not None:
        handler.send_response(site.status)
        _end(handler, b"")
    elif site.login and handler.headers.get("Authorization") != basic(site.login):
        handler.send_response(401)
        _end(handler, b"")
    else:
        _file(handler, site, base)


def _file(handler: BaseHTTPRequestHandler, site: Site, base: Path) -> None:
    # A request to a proxy has the whole address.
    path = "/" + handler.path.partition("://")[2].partition("/")[2] if "://" in handler.path else ""
    path = path or handler.path
    if site.token:
        begin = f"/t/{site.token}/"
        path = "/" + path.removeprefix(begin) if path.startswith(begin) else "/nothing"
    file = base / path.lstrip("/")
    content = site.page if site.page is not None else file.read_bytes() if file.is_file() else None
    handler.send_response(404 if content is None else 200)
    _end(handler, content or b"", half=path.endswith(site.broken) if site.broken else False)


def _end(handler: BaseHTTPRequestHandler, content: bytes, *, half: bool = False) -> None:
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content[: len(content) // 2] if half else content)


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority's certificate, and a certificate of its for `127.0.0.1` with the key."""

    def openssl(*arguments: str) -> None:
        command = ["openssl", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority")
    openssl("req", *key, "-keyout", "site.key", "-out", "site.csr", "-subj", "/CN=127.0.0.1")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    files = ("-in", "site.csr", "-out", "site.pem", "-extfile", "extensions")
    openssl("x509", "-req", *signing, *files)
    return folder / "ca.pem", folder / "site.pem", folder / "site.key"
