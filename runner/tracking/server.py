"""Speaks HTTP with one client: reads its requests, has them answered, sends the answers.

Imported when the first client comes: most steps never call.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, unquote

import msgspec

from runner.tracking import (
    artifact_calls,
    experiment_calls,
    model_calls,
    registry_calls,
    run_calls,
)
from runner.tracking.call import Call, Routes, Sent
from runner.tracking.refusal import FORBIDDEN, MISSING, Refusal, wrong

if TYPE_CHECKING:
    from runner.tracking.session import Session

_ROUTES = (
    run_calls.routes,
    experiment_calls.routes,
    artifact_calls.routes,
    model_calls.routes,
    registry_calls.routes,
)
_VERSION = re.compile(r"/(?:ajax-)?api/[0-9.]+(?:/preview)?(?=/)")
_BY_NAME = "/mlflow/experiments/get-by-name"
_CLIENT = re.compile(r"mlflow-python-client/(\d+)\.(\d+)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,15}")
# Older clients go on with their parent's connection after a fork, and hear others' answers.
_SAFE_TO_FORK = (2, 9)
_BLOCK = 1 << 18
_LINGER = 10.0  # seconds
_SERVER_INFO = {
    "store_type": "RunStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": True,
    "multipart_downloads_enabled": False,
}
_encode = msgspec.json.Encoder().encode

common = Routes()


@common.on("GET", "/mlflow/server-info")
def server_info(session: Session, call: Call) -> dict[str, Any]:
    """What this server can do, for clients of MLflow 3."""
    del session, call
    return dict(_SERVER_INFO)


@common.on("GET", "/health")
def health(session: Session, call: Call) -> dict[str, Any]:
    """Whether anybody is there."""
    del session, call
    return {"status": "OK"}


class Conversation(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "reprun"
    sys_version = ""
    wbufsize = -1

    def __init__(self, connection: socket.socket, session: Session, token: str) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._session = session
        self._token = token
        self._etag = ""
        self._body: _Body | None = None
        self._asked: tuple[str, ...] = ()
        # The base class answers until the client has gone.
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer, whatever the method."""
        answer: bytes | Sent
        try:
            answer = self._encoded(self._answer())
        except Refusal as refusal:
            self._refuse(refusal)
        except OSError as error:
            # Such as a name that is too long for the file system; its path is nobody's business.
            self._refuse(wrong(f"that can't be done: {(error.strerror or '').lower()}"))
        except Exception as error:  # noqa: BLE001  a step must hear of it rather than wait
            # No status that clients try again: a defect does not go away by itself.
            self._refuse(Refusal("INTERNAL_ERROR", f"{type(error).__name__}: {error}"))
        else:
            self._send(answer)

    def _encoded(self, answer: dict[str, Any] | Sent) -> bytes | Sent:
        if isinstance(answer, Sent):
            return answer
        self._etag = str(answer.get("etag", ""))
        return _encode(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal is the step's."""

    def _answer(self) -> dict[str, Any] | Sent:
        path, _, query = self.path.partition("?")
        token, _, rest = path.removeprefix("/").partition("/")
        body = self._body = _Body(self)
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Refusal("PERMISSION_DENIED", "the address lacks the run's token", FORBIDDEN)
        plain = _VERSION.sub("", f"/{unquote(rest)}", count=1)
        client = self._client()
        if client is not None and client < _SAFE_TO_FORK:
            self.close_connection = True
        call = Call(self.command, plain, query, body, client)
        self._note_lookup(call)
        for routes in (*_ROUTES, common):
            if (handler := routes.find(call)) is not None:
                answer = handler(self._session, call)
                body.drain()
                return answer
        raise Refusal("ENDPOINT_NOT_FOUND", _not_served(call), MISSING)

    def _note_lookup(self, call: Call) -> None:
        """A search by names comes as look-ups of these names and then a search by ids."""
        if call.path == _BY_NAME:
            names = parse_qs(call.query).get("experiment_name", [])
            self._asked = (*self._asked, *names)
        else:
            call.asked, self._asked = self._asked, ()

    def _client(self) -> tuple[int, int] | None:
        agent = self.headers.get("User-Agent", "")
        if (client := _CLIENT.search(agent)) is not None:
            return int(client[1]), int(client[2])
        # Before 1.0 MLflow's client leaves it to the library that it uses.
        return (0, 0) if agent.startswith("python-requests/") else None

    def _refuse(self, refusal: Refusal) -> None:
        # What was not read of the body would be taken for the next request.
        self.close_connection = True
        self._etag = ""
        message = refusal.message.encode("utf-8", "replace").decode()
        self._send(_encode({"error_code": refusal.code, "message": message}), refusal.status)
        self._linger()

    def _linger(self) -> None:
        """Read what the client still sends: it would be told of a broken connection otherwise.

        Clients try that again, and never see the answer.
        """
        with contextlib.suppress(OSError, Refusal):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER)
            end = time.monotonic() + _LINGER
            while self._body is not None and time.monotonic() < end and self._body.skip():
                pass

    def _send(self, answer: bytes | Sent, status: int = 200) -> None:
        try:
            if isinstance(answer, Sent):
                self._send_file(answer)
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            if self._etag:
                self.send_header("ETag", self._etag)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # the client has gone

    def _send_file(self, answer: Sent) -> None:
        with os.fdopen(answer.handle, "rb") as file:
            self.send_response(200)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(answer.size))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.flush()
            # Nothing of it is no count that `sendfile` takes; a shorter file is a broken answer.
            if answer.size and self.connection.sendfile(file, 0, answer.size) != answer.size:
                self.close_connection = True


def _not_served(call: Call) -> str:
    what = "traces" if "/traces" in call.path else f"{call.method} {call.path}"
    return (
        f"reprun does not keep {what}: it keeps runs, their metrics, parameters, tags, artifacts "
        "and models; for more have the step log to an MLflow server: pass `--no-tracking` with "
        "MLFLOW_TRACKING_URI set to its address"
    )


class _Body:
    """What follows a request's head: so many bytes, or chunks."""

    def __init__(self, conversation: Conversation) -> None:
        self._file = conversation.rfile
        headers = conversation.headers
        coding = headers.get("Transfer-Encoding", "").strip().lower()
        length = headers.get("Content-Length", "0").strip()
        if coding not in {"", "chunked"}:
            raise wrong(f"Transfer-Encoding must be `chunked`, not {coding!r:.50}")
        if not _LENGTH.fullmatch(length):
            raise wrong(f"Content-Length must be a number, not {length!r:.50}")
        self._chunked = coding == "chunked"
        self._left = 0 if self._chunked else int(length)

    def read(self, limit: int) -> bytes:
        """All of it; see `Body.read`."""
        if self._left > limit:
            raise wrong(f"a request of {self._left} bytes is too long: {limit} at most")
        blocks, size = [], 0
        while block := self._next():
            size += len(block)
            if size > limit:
                raise wrong(f"the request is too long: {limit} bytes at most")
            blocks.append(block)
        return b"".join(blocks)

    def copy_to(self, target: BinaryIO) -> None:
        """Write it to a file; see `Body.copy_to`."""
        while block := self._next():
            target.write(block)

    def drain(self) -> None:
        """Read what nobody wanted."""
        while self.skip():
            pass

    def skip(self) -> bool:
        """Read a bit that nobody wants; False at the end."""
        return bool(self._next())

    def _next(self) -> bytes:
        if self._left == 0 and self._chunked:
            self._next_chunk()
        if self._left == 0:
            return b""
        block = self._file.read(min(self._left, _BLOCK))
        if not block:
            raise wrong("the client broke off in the middle of its request")
        self._left -= len(block)
        if self._chunked and self._left == 0:
            self._file.readline()
        return block

    def _next_chunk(self) -> None:
        line = self._file.readline(100).partition(b";")[0].strip()
        if not _CHUNK.fullmatch(line):
            raise wrong("a chunk without its length")
        self._left = int(line, 16)
        if self._left == 0:
            self._chunked = False
            while self._file.readline(1000).strip():
                pass
