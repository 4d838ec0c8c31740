"""Takes logins off the addresses of channels, and keeps them where no record looks."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct

_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,11}://")
_TOKEN: Final = re.compile(r"/t/[^/?#\s'\"`)]*")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s'\"`]*@")
_IMPOSSIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_ADDRESS: Final = re.compile(r"(?!file:)\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"`]+")


class Login(Struct, frozen=True):
    """Who may read what lies below an address.

    Attributes:
        address: without credentials, with a slash at its end.
        user, password: for HTTP's basic authentication; None where a token is all.
        actual: the address that is really asked, its `/t/TOKEN` included; None where it is
            `address`.
    """

    address: str
    user: str | None = None
    password: str | None = None
    actual: str | None = None

    def __repr__(self) -> str:
        """Without the secrets, for tracebacks and logs."""
        return f"Login({self.address!r})"


def has_scheme(text: str) -> bool:
    """Whether `text` is an address rather than a name or a path."""
    return _SCHEME.match(text) is not None


def split(address: str) -> tuple[str, Login | None]:
    """`address` without credentials and without a slash at its end, and the login in it.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(address.strip())
    no_host = parts.scheme != "file" and not parts.hostname
    # `port` raises by itself for one that is no number.
    if no_host or parts.port == 0 or _IMPOSSIBLE.search(address.strip()):
        raise ValueError
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    path = parts.path.rstrip("/")
    if parts.scheme == "file":
        return _joined("file", host, path), None
    bare = _joined(parts.scheme, host, _TOKEN.sub("", path, count=1))
    actual = _joined(parts.scheme, host, path)
    if not login and actual == bare:
        return bare, None
    return bare, Login(
        bare + "/",
        user=unquote(user) if login else None,
        password=unquote(password) if login else None,
        actual=actual + "/" if actual != bare else None,
    )


def _joined(scheme: str, host: str, path: str) -> str:
    return urlunsplit((scheme.lower(), host.lower(), path, "", ""))


def without_logins(text: str) -> str:
    """`text` with `user:password@` and `/t/TOKEN` taken out of every address in it."""
    return _ADDRESS.sub(lambda found: _TOKEN.sub("", _CREDENTIALS.sub("", found[0])), text)
