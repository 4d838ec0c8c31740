"""Opens http and https addresses: a login stays with its host, and redirects stay on the web."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector, Request

TIMEOUT_S = 30.0  # without a byte


def open_url(url: str) -> HTTPResponse:
    """The answer to a GET of `url`, which may hold a user and a password.

    Raises:
        urllib.error.HTTPError: the server refuses; it holds an open answer.
        OSError: the server can't be reached (`urllib.error.URLError`), or falls silent.
        ValueError, http.client.HTTPException: no address, or no answer in HTTP.
    """
    return cast("HTTPResponse", _opener().open(_request(url), timeout=TIMEOUT_S))


def reason_of(error: OSError) -> str:
    """Why a server could not be reached or read, in words."""
    import socket

    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT_S:.0f} seconds"
    if isinstance(error, socket.gaierror):
        return "its name can't be resolved"
    return (error.strerror or str(error)).lower()


def _opener() -> OpenerDirector:
    """What opens http and https and nothing else: no redirect may lead to a file or to ftp."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _request(url: str) -> Request:
    import base64
    from urllib.parse import unquote, urlsplit, urlunsplit
    from urllib.request import Request

    from runner.version import __version__

    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = Request(  # noqa: S310  the opener knows http and https only
        urlunsplit((parts.scheme, host, parts.path, parts.query, "")),
        headers={"User-Agent": f"reprun/{__version__}"},
    )
    if user:
        login = base64.b64encode(unquote(user).encode()).decode()
        # Unredirected: another host that this one points to gets no password.
        request.add_unredirected_header("Authorization", f"Basic {login}")
    return request
