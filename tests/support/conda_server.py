"""Serves conda channels on loopback over http, as badly as a test wants."""

from __future__ import annotations

import base64
import contextlib
import threading
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

How = Literal[
    "unavailable",  # 503
    "missing",  # 404
    "forbidden",  # 403
    "short",  # the connection closes half-way, less came than was announced
    "chunked-short",  # the same, and nothing was announced
    "cut",  # half of it, announced as the whole
    "wrong",  # as long as the right content, the last byte is another
    "slow",  # in small pieces, a tenth of a second between them
    "stalled",  # half of it, and then nothing, until the server ends
    "silent",  # no answer at all, until the server ends
]


class Asked(NamedTuple):
    """One request."""

    path: str
    authorization: str | None
    method: str


class _Fault:
    def __init__(self, paths: str, how: How, times: int | None) -> None:
        self.paths, self.how, self.left = paths, how, times

    def strikes(self, path: str) -> bool:
        """Whether it does, now; one that is limited is used up by it."""
        if not fnmatch(path, self.paths) or self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class ChannelServer:
    """A running server.

    Attributes:
        folder: what is served; each folder in it is a channel.
        address: `http://127.0.0.1:PORT`.
        asked: every request, in order.
        login: `user:password` that it asks for, where set.
        token: that it asks for as conda's `/t/TOKEN/` before the channel's name, where set.
        cache_control: the header of that name; None leaves it out.
        pause_s: between two pieces of a `slow` answer.
        piece: bytes of one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.asked: list[Asked] = []
        self.login: str | None = None
        self.token: str | None = None
        self.cache_control: str | None = None
        self.pause_s = 0.1
        self.piece = 256
        self.ended = threading.Event()
        self._faults: list[_Fault] = []
        self._running: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def channel(self, name: str = "main") -> str:
        """The address of one of its channels."""
        return f"{self.address}/{name}"

    def fail(self, paths: str, how: How, *, times: int | None = None) -> None:
        """From now on answer so where `paths` (as of `fnmatch`) fits, `times` times if given."""
        self._faults.append(_Fault(paths, how, times))

    def mend(self) -> None:
        """All is well from now on; what hangs is let go."""
        self._faults.clear()
        self.ended.set()
        self.ended = threading.Event()

    def paths(self, pattern: str = "*") -> list[str]:
        """The paths that were asked for by GET."""
        return [
            one.path for one in self.asked if one.method == "GET" and fnmatch(one.path, pattern)
        ]

    def start(self, port: int = 0) -> None:
        """Listen; a server that was stopped can listen again where it did."""
        handler = type("Handler", (_Handler,), {"site": self})
        self._running = _Listener(("127.0.0.1", port), handler)
        self.address = f"http://127.0.0.1:{self._running.server_port}"
        poll = {"poll_interval": 0.02}
        threading.Thread(target=self._running.serve_forever, kwargs=poll, daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more: who asks is refused the connection."""
        if self._running is not None:
            self.ended.set()
            self._running.shutdown()
            self._running.server_close()
            self._running = None

    def again(self) -> None:
        """Listen at the same address after `stop`."""
        self.ended = threading.Event()
        self.start(int(self.address.rpartition(":")[2]))

    def fault(self, path: str) -> How | None:
        """What is to go wrong with a request."""
        with self._lock:
            return next((one.how for one in self._faults if one.strikes(path)), None)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[ChannelServer]:
    """Serve the channels in `folder` while the body runs."""
    server = ChannelServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who is served badly goes away."""


class _Handler(BaseHTTPRequestHandler):
    site: ChannelServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        site, path = self.site, self.path.partition("?")[0]
        given = self.headers.get("Authorization")
        site.asked.append(Asked(path, given, self.command))
        how = site.fault(path)
        if how == "silent":
            site.ended.wait(120)
            self.close_connection = True
        elif how in _STATUSES:
            self._head(_STATUSES[how], 0)
        elif (path := self._allowed(path, given)) == "":
            self._head(401, 0)
        else:
            self._file(path, how)

    def _allowed(self, path: str, given: str | None) -> str:
        """The path without its token; empty for who may not come in."""
        site = self.site
        if site.login is not None:
            wanted = "Basic " + base64.b64encode(site.login.encode()).decode()
            return path if given == wanted else ""
        if site.token is not None:
            before, _, after = path.partition(f"/t/{site.token}/")
            return f"/{after}" if after and not before else ""
        return path

    def _file(self, path: str, how: How | None) -> None:
        file = (self.site.folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self.site.folder.resolve()) or not file.is_file():
            self._head(404, 0)
            return
        stat = file.stat()
        etag = f'"{stat.st_mtime_ns}-{stat.st_size}"'
        if self.headers.get("If-None-Match") == etag and how is None:
            self._head(304, 0, etag)
            return
        content = file.read_bytes()
        if how == "cut":
            content = content[: len(content) // 2]
        elif how == "wrong":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if how == "chunked-short":
            self._head(200, None, etag)
            self._body(b"%x\r\n%s" % (len(content), content), how)
        else:
            self._head(200, len(content), etag)
            self._body(content, how)

    def _head(self, status: int, size: int | None, etag: str | None = None) -> None:
        self.send_response(status)
        if size is None:
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 304:
            self.send_header("Content-Length", str(size))
        if etag is not None:
            self.send_header("ETag", etag)
        if self.site.cache_control is not None:
            self.send_header("Cache-Control", self.site.cache_control)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="channel"')
        self.end_headers()

    def _body(self, content: bytes, how: How | None) -> None:
        if self.command == "HEAD":
            return
        if how == "slow":
            for start in range(0, len(content), self.site.piece):
                self.wfile.write(content[start : start + self.site.piece])
                if self.site.ended.wait(self.site.pause_s):
                    break
        elif how in {"short", "chunked-short", "stalled"}:
            self.wfile.write(content[: len(content) // 2])
            if how == "stalled":
                self.site.ended.wait(120)
            self.close_connection = True
        else:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        """Say nothing."""


_STATUSES: dict[How | None, int] = {"unavailable": 503, "missing": 404, "forbidden": 403}
