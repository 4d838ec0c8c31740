"""Settles what several configuration files and variables say together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runner.conda import anaconda_tokens, condarc
from runner.conda.condarc import Value
from runner.conda.configuration import (
    ALIAS,
    CUSTOM_CHANNELS,
    DEFAULT_CHANNELS,
    PATIENCE,
    RETRIES,
    Configuration,
)
from runner.conda.logins import Login, has_scheme, split
from runner.conda.merging import Merged, shown, truth
from runner.errors import CondaConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from runner.conda.configuration import Priority

_PROXIES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PRIORITIES: Final[dict[str, Priority]] = {
    "strict": "strict",
    "flexible": "flexible",
    "disabled": "disabled",
}


def settle(files: Iterable[Path], environ: Mapping[str, str], home: Path) -> Configuration:
    """The configuration that `files`, the least important first, and variables make together.

    Raises:
        CondaConfigurationInvalid: one of them can't be read or understood.
    """
    files = list(files)
    sources = [condarc.read_file(path) for path in files]
    sources.append(condarc.of_variables(environ))
    said = Merged(sources, environ)
    places = _Places(said)
    warnings = tuple(_without_effect(said))
    logins = places.logins
    if said.boolean("add_anaconda_token", "add_binstar_token", otherwise=True):
        logins = [*logins, *anaconda_tokens.read(environ, home)]
    return Configuration(
        home=str(home),
        **places.found,
        priority=_priority(said.scalar("channel_priority")),
        offline=said.boolean("offline", otherwise=False),
        verify=_verify(said, environ, home),
        proxies=dict(_proxies(said)),
        retries=int(_number(said, "remote_max_retries", RETRIES)),
        patience=_number(said, "remote_read_timeout_secs", 0) or PATIENCE,
        compressed=said.boolean("repodata_use_zst", otherwise=True),
        sharded=said.boolean("repodata_use_shards", otherwise=True),
        logins=tuple(logins),
        files=tuple(map(str, files)),
        warnings=warnings,
    )


class _Places:
    """Where channels are, the logins taken off their addresses."""

    def __init__(self, said: Merged) -> None:
        self.logins: list[Login] = []
        defaults = said.sequence("default_channels")
        self.found: dict[str, Any] = {
            "alias": self._alias(said.scalar("channel_alias")),
            "custom_channels": CUSTOM_CHANNELS
            | {
                name.strip("/"): self._channel(one, below=name)
                for name, one in said.texts("custom_channels").items()
            },
            "channels": self._several(said.sequence("channels", "channel")),
            "default_channels": DEFAULT_CHANNELS if defaults is None else self._several(defaults),
            "multichannels": self._lists(said, "custom_multichannels"),
            "mirrors": self._lists(said, "mirrored_channels"),
            "allowed": self._several(said.sequence("allowlist_channels", "whitelist_channels")),
            "denied": self._several(said.sequence("denylist_channels")),
        }

    def _alias(self, value: Value | None) -> str:
        if value is None or not value.content:
            return ALIAS
        if not has_scheme(str(value.content)):
            raise CondaConfigurationInvalid(
                f"{value.where}: `channel_alias` must be an address, not `{shown(value)}`",
                "write it with its scheme, such as `https://`",
            )
        return self._bare(value)

    def _channel(self, value: Value, *, below: str) -> str:
        """A custom channel's address: its location, and below that its name."""
        text = str(value.content).rstrip("/")
        if not has_scheme(text):
            raise CondaConfigurationInvalid(
                f"{value.where}: the location of `{below}` must be an address, "
                f"not `{shown(value)}`",
                "write it with its scheme, such as `https://`",
            )
        return self._bare(value._replace(content=f"{text}/{below.strip('/')}"))

    def _lists(self, said: Merged, key: str) -> dict[str, tuple[str, ...]]:
        return {
            self._bare(Value(items[0].where, name)): self._several(items)
            for name, items in said.lists(key).items()
            if items
        }

    def _several(self, values: tuple[Value, ...] | None) -> tuple[str, ...]:
        return tuple(filter(None, map(self._bare, values or ())))

    def _bare(self, value: Value) -> str:
        text = str(value.content).strip()
        if not has_scheme(text):
            return text
        try:
            address, login = split(text)
        except ValueError:
            # Not shown: who can't say where its host begins can't say where its password ends.
            raise CondaConfigurationInvalid(
                f"{value.where}: the address of a channel can't be understood",
                "write what is special in a password as `%` and its code, such as `%40` for `@`",
            ) from None
        if login:
            self.logins.append(login)
        return address


def _priority(value: Value | None) -> Priority:
    if value is None:
        return "flexible"
    named = _PRIORITIES.get(str(value.content).strip().lower())
    if named is not None:
        return named
    if (on := truth(value)) is None:
        raise CondaConfigurationInvalid(
            f"{value.where}: `channel_priority` must be strict, flexible or disabled, "
            f"not `{shown(value)}`",
            "write `channel_priority: strict`",
        )
    return "flexible" if on else "disabled"


def _verify(said: Merged, environ: Mapping[str, str], home: Path) -> bool | str:
    value = said.scalar("ssl_verify", "verify_ssl")
    on = True if value is None or value.content == "truststore" else truth(value)
    if on is True:
        # requests, which conda goes to the network with, has it so.
        bundle = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
        return bundle or True
    if on is False:
        return False
    assert value is not None
    text = str(value.content)
    path = home / text[2:] if text.startswith("~/") else home / text
    if not path.exists():
        raise CondaConfigurationInvalid(
            f"{value.where}: `ssl_verify` names `{text}`, which isn't there",
            "write `true`, or the path of a file with the certificates to believe",
        )
    return str(path)


def _number(said: Merged, key: str, otherwise: float) -> float:
    value = said.scalar(key)
    if value is None:
        return otherwise
    try:
        number = float(str(value.content))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CondaConfigurationInvalid(
            f"{value.where}: `{key}` must be a number, not `{shown(value)}`"
        )
    return max(0.0, number)


def _proxies(said: Merged) -> Iterator[tuple[str, str]]:
    for scheme, value in said.texts("proxy_servers").items():
        if scheme in {"http", "https", "all"} and value.content:
            if not _is_proxy(str(value.content)):
                # Passed on, it would be looked past, and everything go out without a proxy.
                raise CondaConfigurationInvalid(
                    f"{value.where}: the proxy for {scheme} must be the address of one",
                    "write `http://HOST:PORT`",
                )
            yield scheme, str(value.content)


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text if has_scheme(text) else f"http://{text}")
        return bool(parts.hostname) and parts.scheme in _PROXIES and parts.port != 0
    except ValueError:
        return False


def _without_effect(said: Merged) -> Iterator[str]:
    if value := said.scalar("client_ssl_cert", "client_cert"):
        yield f"{value.where}: `client_ssl_cert` has no effect: channels get no certificate of ours"
    if value := said.given("channel_settings"):
        yield f"{value.where}: `channel_settings` has no effect: conda's plugins are not run"
    for scheme, value in said.texts("proxy_servers").items():
        if scheme not in {"http", "https", "all"}:
            host = urlsplit(scheme).hostname or scheme
            yield f"{value.where}: the proxy for `{host}` alone has no effect"
