"""Says in words why a channel can't be read, of what py-rattler raised."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from runner.conda.client import OFFLINE
from runner.conda.logins import without_logins
from runner.errors import (
    ChannelRefused,
    EnvironmentFailure,
    IndexUnreachable,
    NoSuchChannel,
    NoSuchPackage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.conda.model import Channel

POPULAR: Final = (
    "conda-forge", "bioconda", "defaults", "pytorch", "nvidia", "anaconda", "main", "r", "intel",
    "fastai", "huggingface", "rapidsai", "plotly", "esri", "microsoft", "pyviz", "h2oai",
)  # fmt: skip
_VENV: Final = "`--env-manager venv` takes the packages from the Python index instead"
_LOGIN: Final = (
    "put the login into `~/.condarc`, as `channel_alias` or `custom_channels` with "
    "`https://USER:PASSWORD@…` or `https://…/t/TOKEN`, or into `~/.netrc`"
)
_ADDRESS: Final = re.compile(r"\b(?:https?|file|oci|s3|gcs)://[^\s'\"`)]+")


class _Cause(NamedTuple):
    """What py-rattler's text holds, and what that means."""

    sign: str
    kind: type[EnvironmentFailure]
    words: str
    hint: str


_ONLINE: Final = "set `offline: false` in `~/.condarc`, or run once with the network"
_CAUSES: Final = (
    _Cause(OFFLINE, IndexUnreachable, f"is wanted, but {OFFLINE}", _ONLINE),
    _Cause(
        "no usable repodata cache|is not in the cache",
        IndexUnreachable,
        f"was never read before, and {OFFLINE}",
        _ONLINE,
    ),
    _Cause(
        r"\(407\b|proxy authentication",
        IndexUnreachable,
        "can't be reached: the proxy wants a login",
        "write it into `proxy_servers:` of `~/.condarc`: `http://USER:PASSWORD@HOST:PORT`",
    ),
    _Cause(r"\(401\b", ChannelRefused, "wants a login (401)", _LOGIN),
    _Cause(r"\(403\b", ChannelRefused, "does not let us in (403)", _LOGIN),
    _Cause(r"could not find subdir|\(404\b|\(410\b", NoSuchChannel, "is not there", ""),
    _Cause(r"\(429\b", IndexUnreachable, "has had too many questions (429)", "wait a while"),
    _Cause(
        r"HTTP status server error \((?P<status>\d+)",
        IndexUnreachable,
        "can't be read: its server has a fault",
        _VENV,
    ),
    _Cause(
        "invalid peer certificate",
        IndexUnreachable,
        "can't be reached: its certificate is none that this machine believes",
        "set `ssl_verify:` in `~/.condarc` to the file with your authority's certificate",
    ),
    _Cause("dns error|lookup address", IndexUnreachable, "can't be reached: no such host", _VENV),
    _Cause("Connection refused", IndexUnreachable, "can't be reached: connection refused", _VENV),
    _Cause("timed out", IndexUnreachable, "can't be reached: no answer in time", _VENV),
    _Cause("unreachable|No route", IndexUnreachable, "can't be reached: no way leads to it", _VENV),
    _Cause(
        "message length|decoding response body|reading a body|reset by peer|closed before",
        IndexUnreachable,
        "can't be read: its answer breaks off",
        "try again",
    ),
    _Cause(
        "failed to (parse|decode)|frame descriptor|bz2 header|did not finish|invalid (type|length)",
        IndexUnreachable,
        "can't be read: its answer is no index of packages",
        "look at its address, and whether a page to log in at stands before it",
    ),
    _Cause("error sending request|client error", IndexUnreachable, "can't be reached", _VENV),
)


def unreachable(error: BaseException, channels: Iterable[Channel]) -> EnvironmentFailure:
    """What to raise instead of `error`, which came while `channels` were read.

    Works on the text of py-rattler's exceptions (0.28), which have no other facts.
    """
    text = without_logins(str(error))
    found = _ADDRESS.search(text)
    address = found[0] if found else ""
    name = _shown(address, tuple(channels))
    if address.endswith((".conda", ".tar.bz2")) and re.search(r"\((?:404|410)\b", text):
        file = address.rpartition("/")[2]
        return NoSuchPackage(f"{name} has no `{file}` any more", "lock anew with `--relock`")
    for cause in _CAUSES:
        if match := re.search(cause.sign, text, re.IGNORECASE):
            status = match.groupdict().get("status")
            words = f"{cause.words} ({status})" if status else cause.words
            return cause.kind(f"{name} {words}", cause.hint or _meant(name))
    return IndexUnreachable(f"{name} can't be read: {text.partition(chr(10))[0]}", _VENV)


def _shown(address: str, channels: tuple[Channel, ...]) -> str:
    """The channel that lies at `address`, by its name and its host."""
    fitting = [
        (len(known), one)
        for one in channels
        for known in one.addresses
        if f"{address}/".startswith(f"{known}/")
    ]
    if not fitting and len(channels) == 1:
        fitting = [(0, channels[0])]
    if not fitting:
        return f"a channel ({_host(address)})" if address else "a channel"
    channel = max(fitting, key=lambda pair: pair[0])[1]
    host = _host(address or channel.addresses[0])
    inside = "://" in channel.name or not host
    return f"the channel `{channel.name}`" + ("" if inside else f" ({host})")


def _host(address: str) -> str:
    return urlsplit(address).netloc


def _meant(name: str) -> str:
    from runner.nearest import nearest

    written = name.partition("`")[2].partition("`")[0]
    near = nearest(written, POPULAR)
    if near:
        return f"did you mean `{near}`?"
    return "look at `channels:` of the project, and at `channel_alias` of your `~/.condarc`"
