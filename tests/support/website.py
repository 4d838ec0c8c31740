"""An HTTP server on loopback that answers as a test wants, badly too."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Site:
    """What the server has, and what it was asked.

    Attributes:
        files: path → content.
        login: `user:password` in base64 that it asks for.
        redirects: path → location.
        short: paths whose answers break off half-way.
        stalled: paths whose answers stop half-way and never go on.
        asked: (path, Authorization header) of every request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.short: set[str] = set()
        self.chunked_short: set[str] = set()
        self.stalled: set[str] = set()
        self.login: str | None = None
        self.asked: list[tuple[str, str | None]] = []
        self.address = ""
        self.end = threading.Event()


@contextlib.contextmanager
def serve() -> Iterator[Site]:
    """A site while the body runs."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, site)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.end.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    path = handler.path
    given = handler.headers.get("Authorization")
    site.asked.append((path, given))
    if path in site.redirects:
        handler.send_response(302)
        handler.send_header("Location", site.redirects[path])
        handler.end_headers()
    elif site.login is not None and given != f"Basic {site.login}":
        handler.send_error(401)
    elif (content := site.files.get(path.partition("?")[0])) is None:
        handler.send_error(404)
    else:
        _send(handler, site, content)


def _send(handler: BaseHTTPRequestHandler, site: Site, content: bytes) -> None:
    path, half = handler.path, len(content) // 2
    handler.send_response(200)
    if path in site.chunked_short:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s" % (len(content), content[:half]))
        return
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    broken = path in site.short | site.stalled
    handler.wfile.write(content[:half] if broken else content)
    if path in site.stalled:
        site.end.wait(10)
