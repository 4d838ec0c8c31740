"""What a project's address means: a git URL, a place on this machine, or a zip archive."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from runner.errors import RequestError, SourceNotFound

if TYPE_CHECKING:
    from runner.source.model import Source

SCHEMES = ("https", "http", "ssh", "git", "file")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_SCP = re.compile(r"(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(.+)")
_FORGES = ("github.com/", "gitlab.com/", "bitbucket.org/", "codeberg.org/", "huggingface.co/")
_READABLE = 40


class Address(Struct, frozen=True):
    """An address, understood.

    Attributes:
        kind: `git` (a repository behind a URL), `local` (a path), `zip`.
        url: what is fetched; it may hold credentials and is never shown.
        public: the same without them; for a path its `file://` form.
        path: the place on this machine, None for a URL.
    """

    kind: Literal["git", "local", "zip"]
    url: str
    public: str
    path: Path | None = None

    @property
    def key(self) -> str:
        """A name for folders: readable, and the same only for the same public address."""
        return key_of(self.public)


def split_uri(text: str) -> tuple[str, str]:
    """Part `URI#subdirectory` into its two halves.

    Raises:
        RequestError: there is none, or its subdirectory is absolute or leaves the source.
    """
    if not text:
        raise RequestError(
            "the project's address is empty", hint="give a directory, such as `.`, or a URL"
        )
    uri, _, subdirectory = text.partition("#")
    parts = [part for part in subdirectory.split("/") if part not in {"", "."}]
    if subdirectory.startswith("/") or ".." in parts or "\0" in subdirectory:
        raise RequestError(
            f"the subdirectory `{subdirectory}` leaves the project's source",
            hint="give a path that starts at the source's top, such as `URL#models/first`",
        )
    return uri, "/".join(parts)


def public_url(uri: str) -> str:
    """`uri` without user name, password, query and fragment where it is a URL."""
    match = _URL.fullmatch(uri)
    if match is None:
        return _without_scp_password(uri)
    scheme, authority, rest = match.groups()
    user, _, host = authority.rpartition("@")
    # An ssh user is part of the address (`git@`), its password is not.
    kept = f"{user.partition(':')[0]}@" if scheme.lower() == "ssh" and user else ""
    return f"{scheme}://{kept}{host}{re.split(r'[?#]', rest, maxsplit=1)[0]}"


def _without_scp_password(uri: str) -> str:
    user, at, rest = uri.partition("@")
    return f"{user.partition(':')[0]}@{rest}" if at and ":" in user else uri


def key_of(public: str) -> str:
    """`<readable>-<digest>` for an address that holds no credentials."""
    last = public.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:_READABLE] or "source"
    digest = hashlib.sha256(public.rstrip("/").encode("utf-8", "surrogateescape")).hexdigest()
    return f"{readable}-{digest[:16]}"


def classify(uri: str, caller: Path) -> Address:
    """What `uri` is; relative paths start from `caller`.

    Raises:
        RequestError: it is none of the forms that reprun knows, or one that it refuses.
        SourceNotFound: it is a path, and nothing is there.
    """
    _refuse(uri)
    match = _URL.fullmatch(uri)
    if match is not None:
        return _classify_url(uri, match.group(1).lower(), match.group(2), match.group(3))
    path = (caller / Path(uri).expanduser()) if uri else caller
    scp = _SCP.fullmatch(uri)
    if not path.exists() and scp is not None and "/" not in uri.partition(":")[0]:
        _refuse_drive(uri)
        return Address("git", uri, public_url(uri))
    return _classify_path(uri, path)


def _refuse(uri: str) -> None:
    shown = public_url(uri)
    if not uri.isprintable():
        raise RequestError(f"the address {shown!r} holds characters that can't be printed")
    if uri.startswith("-"):
        raise RequestError(
            f"the address `{shown}` looks like an option",
            hint=f"if it is a directory, write `./{shown}`",
        )
    if re.match(r"[A-Za-z0-9+.-]+::", uri):
        raise RequestError(
            f"the address `{shown}` asks git to start a program",
            hint="use an https, ssh or git URL",
        )


def _refuse_drive(uri: str) -> None:
    if re.match(r"[A-Za-z]:[\\/]", uri):
        raise RequestError(
            f"`{uri}` is a Windows path, which means nothing here", hint="give a path or a URL"
        )


def _classify_url(uri: str, scheme: str, authority: str, rest: str) -> Address:
    uri = f"{scheme}://{uri.partition('://')[2]}"  # git knows schemes in small letters only
    if scheme == "file":
        return _classify_path(uri, _file_path(uri, authority, rest))
    public = public_url(uri)
    if scheme not in SCHEMES:
        raise RequestError(
            f"the scheme `{scheme}` of `{public}` is not one that reprun fetches from",
            hint=_near_scheme(scheme, public),
        )
    host = authority.rpartition("@")[2]
    if not host or host.startswith("-") or not re.split(r"[?#]", rest)[0].strip("/"):
        raise RequestError(
            f"`{public}` names no repository", hint="a URL looks like https://HOST/OWNER/NAME"
        )
    zipped = scheme in {"http", "https"} and public.lower().endswith(".zip")
    return Address("zip" if zipped else "git", uri, public)


def _near_scheme(scheme: str, public: str) -> str:
    from runner.nearest import nearest

    if near := nearest(scheme, SCHEMES):
        return f"did you mean `{near}{public[len(scheme) :]}`?"
    return f"use one of {', '.join(SCHEMES)}"


def _file_path(uri: str, authority: str, rest: str) -> Path:
    if authority not in {"", "localhost"}:
        host = authority.rpartition("@")[2]
        raise RequestError(
            f"`{public_url(uri)}` names the host `{host}`, a file URL must not",
            hint="write file:///PATH, with three slashes",
        )
    import urllib.parse

    return Path(urllib.parse.unquote(rest, errors="surrogateescape"))


def file_url(path: Path) -> str:
    """The `file://` address of a place on this machine, as a person reads it."""
    return f"file://{path}"


def work_tree_of(source: Source) -> Path | None:
    """The top of the directory that a person works in, None for a source from elsewhere."""
    if not source.url.startswith("file:") or source.kind == "archive":
        return None
    top = path_of(source.url)
    if source.kind == "git" and not (top / ".git").exists():
        return None  # a bare repository
    return top


def path_of(url: str) -> Path:
    """The place that an address made by `file_url` names."""
    return Path(url.removeprefix("file://"))


def _classify_path(uri: str, path: Path) -> Address:
    if not path.exists():
        raise SourceNotFound(f"there is nothing at `{public_url(uri)}`", hint=_near_path(uri, path))
    path = path.resolve()
    if path.is_file():
        if path.suffix.lower() != ".zip":
            raise RequestError(
                f"`{uri}` is a file, not a project",
                hint="give the directory that it lies in, a .zip archive or a URL",
            )
        return Address("zip", uri, file_url(path), path)
    return Address("local", uri, file_url(path), path)


def _near_path(uri: str, path: Path) -> str:
    if uri.startswith(_FORGES):
        return f"did you mean `https://{uri}`?"
    from runner.nearest import nearest

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    if near := nearest(path.name, names):
        return f"did you mean `{path.with_name(near)}`?"
    return "give a directory, a .zip archive, or a URL such as https://HOST/OWNER/NAME"
