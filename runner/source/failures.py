"""What git says when it fails, in reprun's words; git's own last lines stay as details."""

from __future__ import annotations

import re

from runner.errors import (
    SourceDamaged,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
    UnknownVersion,
)

_CREDENTIALS = re.compile(r"(\w+://)[^/\s@']*@")
_QUERY = re.compile(r"(\w+://[^\s'?]*)\?[^\s']*")

_RULES: tuple[tuple[str, type[SourceError], str, str], ...] = (
    (
        r"[Nn]o space left on device|[Dd]isk quota exceeded",
        SourceError,
        "the disk is full, so there is no room for {where}",
        "make room in the cache home, or set REPRUN_CACHE to another disk",
    ),
    (
        r"unable to (?:write|create)|write error|failed to write|cannot (?:write|create)",
        SourceError,
        "there is no room, or no right, to write {where}",
        "make room in the cache home, or set REPRUN_CACHE to another disk",
    ),
    (
        r"dubious ownership",
        SourceRefused,
        "{where} belongs to somebody else, so git refuses to read it",
        "if you trust it: git config --global --add safe.directory PATH",
    ),
    (
        r"transport '[\w+-]+' not allowed",
        SourceRefused,
        "{where} is not fetched: its kind of address is not allowed here",
        "use an https, ssh or git URL",
    ),
    (
        r"Could not resolve host(?:name)?:? ([^\s;:]+)|unable to look up ([^\s:]+)",
        SourceUnreachable,
        "can't reach {where}: no such host",
        "check the spelling and the network",
    ),
    (
        r"Host key verification failed",
        SourceRefused,
        "{where} is a host that ssh does not know yet",
        "connect to it once by hand: ssh HOST",
    ),
    (
        (
            r"could not read (?:Username|Password)|Authentication failed|Permission denied \("
            r"|error: 40[13]|HTTP Basic: Access denied"
        ),
        SourceRefused,
        "{where} asks for a password, or is not there for you",
        "check the spelling; for a private repository set up an ssh key or a git credential helper",
    ),
    (
        (
            r"[Rr]epository '?[^\n]*not found|does not appear to be a git repository|error: 404"
            r"|access denied or repository not exported|not a git repository"
        ),
        SourceNotFound,
        "there is no git repository at {where}",
        "check the spelling; a private repository may look like one that is missing",
    ),
    (
        r"couldn't find remote ref|not our ref|no such remote ref",
        UnknownVersion,
        "{where} does not have the version that was asked for",
        "check the branch, tag or commit",
    ),
    (
        r"server certificate|SSL certificate|certificate verify",
        SourceUnreachable,
        "can't trust the certificate of {where}",
        "a company's own certificates belong into `git config http.sslCAInfo`",
    ),
    (
        (
            r"Connection refused|[Ff]ailed to connect|unable to connect|timed out|unreachable"
            r"|No route|early EOF|hung up unexpectedly|Connection reset|Recv failure|Empty reply"
            r"|error: 5\d\d|RPC failed"
        ),
        SourceUnreachable,
        "can't reach {where}",
        "check the network; a commit that was fetched before needs none",
    ),
    (
        (
            r"corrupt|bad object|(?:unable to|cannot) read|missing blob|missing tree|loose object"
            r"|is empty|invalid object|not a tree|mismatch|could not open|bad tree|unable to parse"
            r"|does not match index|failed to unpack tree|did not send all necessary objects"
        ),
        SourceDamaged,
        "the repository {where} is damaged",
        "if it lies in reprun's cache, delete it; it is fetched again",
    ),
)


def explain(said: str, *, where: str) -> SourceError:
    """The error that git's message `said` about `where` stands for."""
    for pattern, kind, message, hint in _RULES:
        found = re.search(pattern, said)
        if found is not None:
            name = next((group for group in found.groups() if group), None)
            text = message.format(where=where) + (f" `{name.rstrip('.')}`" if name else "")
            return kind(text, hint=hint, details=_last_lines(said))
    return SourceError(f"git failed on {where}", details=_last_lines(said))


def damaged(where: str, said: str) -> SourceDamaged:
    """A repository broke off while it was read."""
    return SourceDamaged(
        f"the repository {where} is damaged",
        hint="if it lies in reprun's cache, delete it; it is fetched again",
        details=_last_lines(said),
    )


def redact(text: str) -> str:
    """`text` without the credentials of any URL in it."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub(r"\1", text))


def _last_lines(said: str) -> tuple[str, ...]:
    lines = [line.rstrip() for line in redact(said).splitlines() if line.strip()]
    return tuple(f"git: {line}" for line in lines[-5:])
