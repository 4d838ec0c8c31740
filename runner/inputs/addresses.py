"""Addresses of inputs: which scheme, what may be shown of them, what a file of theirs is called."""

from __future__ import annotations

import re

from runner.errors import InputError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(runs?|file|mlflow-artifacts):", re.IGNORECASE)
_SECRET_KEY = re.compile(
    r"token|key|secret|sig|signature|password|passwd|auth|credential|session", re.IGNORECASE
)


def has_scheme(text: str) -> bool:
    """Whether `text` begins as a URI does."""
    return _SCHEME.match(text) is not None


def scheme_of(text: str) -> str | None:
    """The scheme of an address, in lower case; None for a local path."""
    found = _ADDRESS.match(text)
    return (found[1] or found[2]).lower() if found else None


def public(url: str) -> str:
    """`url` without user, password, fragment, and query values that look like credentials."""
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return re.sub(r"//[^/]*@", "//", url).partition("?")[0]
    query = [
        (key, "***" if _SECRET_KEY.search(key) else value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    shown = (
        urlencode(query, safe="*/:") if any(value == "***" for _, value in query) else parts.query
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, shown, ""))


def file_name(url: str) -> str:
    """The last name of an address's path, fit for a file; `download` where it has none.

    Raises:
        InputError: it is no address.
    """
    from urllib.parse import unquote, urlsplit

    try:
        path = urlsplit(url).path
    except ValueError as error:
        raise InputError(f"`{public(url)}` is no address: {str(error).lower()}") from None
    name = unquote(path.rstrip("/").rpartition("/")[2])
    name = name.replace("/", "_").replace("\0", "_")
    return name if name not in {"", ".", "..", ".git"} else "download"
