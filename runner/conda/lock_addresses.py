"""Addresses in locks: credentials taken off, and those that stand as `$VARIABLE` put in at use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

# As conda-lock writes them; conda and mamba mask a token as `<TOKEN>` or by asterisks.
_VARIABLE: Final = r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})"
_LOGIN: Final = re.compile(r"\b((?!ssh\b|git\+ssh\b)[A-Za-z][A-Za-z0-9+.-]*://)([^/\s'\"]+)@")
_ANY_LOGIN: Final = re.compile(r"://[^/\s'\"]*@")
_SSH: Final = re.compile(r"\b((?:git\+)?ssh://[^/\s'\"@:]+):[^/\s'\"]+@")
# Not of Python's archives: an index has its packages by letter, and one is `t`.
_TOKEN: Final = re.compile(
    r"(\bhttps?://(?![^\s'\"#?]+\.(?:whl|zip|tgz|tar\.gz)\b)[^\s'\"]*?)/t/([^/\s'\"]+)(?=/)"
)
_ARCHIVE: Final = re.compile(r"\bhttps?://[^\s'\"#]+(?:\.conda|\.tar\.bz2)\b")
_NAMED: Final = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


def public(text: str) -> str:
    """`text`, an address or a whole lock, with no user names, passwords and tokens in it.

    Credentials that stand as variables (`https://$USER:$PASSWORD@host`, `/t/${TOKEN}/`) are no
    secret, and stay.
    """
    if _ANY_LOGIN.search(text):  # every run passes here with a lock that may be long
        text = _SSH.sub(r"\1@", _LOGIN.sub(_login, text))
    return _TOKEN.sub(_token, text) if "/t/" in text else text


def variables(text: str) -> tuple[str, ...]:
    """The variables that addresses in `text` take their credentials from, sorted."""
    found = [match.group(2) for match in _LOGIN.finditer(text)]
    found += [match.group(2) for match in _TOKEN.finditer(text)]
    return tuple(sorted({name for part in found for name in _names(part)}))


def channels_with_logins(text: str) -> tuple[str, ...]:
    """The channels of the packages in `text` whose addresses hold a login, with that login."""
    found = [address.rsplit("/", 2)[0] for address in _ARCHIVE.findall(text)]
    return tuple(dict.fromkeys(one for one in found if public(one + "/") != one + "/"))


def expanded(address: str, environment: Mapping[str, str]) -> str:
    """`address` with its variables' values, for use: it may hold a secret now.

    Only where credentials stand: elsewhere a `$` is a part of the address.

    Raises:
        EnvironmentFailure: such a variable isn't set.
    """
    missing = [name for name in variables(address) if not environment.get(name)]
    if missing:
        raise EnvironmentFailure(
            f"the lock takes the credentials for {_host(address)} from ${missing[0]}, "
            "which isn't set",
            f"set {missing[0]}",
        )

    def value(match: re.Match[str]) -> str:
        return environment[match.group(1) or match.group(2)]

    def credentials(match: re.Match[str]) -> str:
        whole, part = match.group(0), match.group(2)
        return whole.replace(part, _NAMED.sub(value, part), 1) if _is_variable(part) else whole

    return _TOKEN.sub(credentials, _LOGIN.sub(credentials, address))


def _login(match: re.Match[str]) -> str:
    return match.group(0) if _is_variable(match.group(2)) else match.group(1)


def _token(match: re.Match[str]) -> str:
    return match.group(0) if _is_variable(match.group(2)) else match.group(1)


def _is_variable(text: str) -> bool:
    return re.fullmatch(rf"{_VARIABLE}(?::{_VARIABLE})?", text) is not None


def _names(part: str) -> list[str]:
    if not _is_variable(part):
        return []
    return [match.group(1) or match.group(2) for match in _NAMED.finditer(part)]


def _host(address: str) -> str:
    return address.partition("://")[2].partition("/")[0].rpartition("@")[2]
