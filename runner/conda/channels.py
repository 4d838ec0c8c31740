"""Says where packages come from: a project's channels and the person's, as conda has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.conda.logins import Login, has_scheme, split, without_logins
from runner.conda.model import Channel
from runner.errors import ChannelRefused, EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.conda.configuration import Configuration

NODEFAULTS: Final = "nodefaults"
DEFAULTS: Final = "defaults"
LOCAL: Final = "local"
_UNKNOWN: Final = ("", "<unknown>", "None", "None:///<unknown>")
_SCHEMES: Final = ("http", "https", "file", "oci", "s3", "gcs")
_PLATFORM: Final = re.compile(
    r"/(noarch|emscripten-wasm32|wasi-wasm32|freebsd-64|zos-z"
    r"|linux-(?:32|64|aarch64|armv6l|armv7l|ppc64|ppc64le|riscv64|s390x)"
    r"|osx-(?:64|arm64)|win-(?:32|64|arm64))(?=/|$)",
    re.IGNORECASE,
)
_ARCHIVE: Final = (".conda", ".tar.bz2")


def effective(asked: tuple[str, ...], configuration: Configuration) -> tuple[Channel, ...]:
    """The channels for a project that names `asked`, the first the most important.

    As `conda env create` has it (conda's documentation, "Managing environments", on `nodefaults`,
    and "Managing channels"): after those of the file come the person's own, unless `nodefaults` is
    among them. Since conda 25.9 that adds nothing where the person has configured no channels;
    only who names none at all gets `defaults`, as conda had it before. What the person may not
    use is an error. A platform at a channel's end (`conda-forge/linux-64`) is left away: packages
    are always those of this machine.

    Raises:
        ChannelRefused: the person's configuration does not let a channel be used.
        EnvironmentFailure: a channel can't be understood.
    """
    named = [text.strip() for text in asked]
    if NODEFAULTS not in named:
        named += configuration.channels
    if not [name for name in named if name not in _UNKNOWN] and NODEFAULTS not in named:
        named = [DEFAULTS]
    named = [name for name in dict.fromkeys(named) if name not in {*_UNKNOWN, NODEFAULTS}]
    found = tuple(_once(channel(name, configuration) for name in named))
    _check(found, configuration)
    return found


def logins(asked: tuple[str, ...], configuration: Configuration) -> tuple[Login, ...]:
    """Every login for the channels of a project that names `asked`; its own come first."""
    return (
        *filter(None, (_split(text)[1] for text in map(str.strip, asked))),
        *configuration.logins,
    )


def channel(text: str, configuration: Configuration) -> Channel:
    """What a name, an address or an absolute path stands for.

    Raises:
        EnvironmentFailure: it can't be understood.
    """
    text = text.strip()
    if has_scheme(text):
        address = _address(text)
        return Channel(_name(address, configuration), (address,))
    if text.startswith(("/", "~", "./", "..")) or text == ".":
        return _folder(text, configuration)
    return _named(_without_platform(text).strip("/"), configuration)


def _split(text: str) -> tuple[str, Login | None]:
    if not has_scheme(text):
        return text, None
    try:
        return split(_without_platform(text))
    except ValueError:
        raise EnvironmentFailure(
            "the address of a channel can't be understood",
            "write what is special in a password as `%` and its code, such as `%40` for `@`",
        ) from None


def _address(text: str) -> str:
    address, _ = _split(text)
    scheme = address.partition(":")[0]
    if scheme not in _SCHEMES:
        raise EnvironmentFailure(
            f"the channel `{address}` can't be reached by `{scheme}`",
            "name a channel with http, https or file",
        )
    return address


def _without_platform(text: str) -> str:
    head, slash, last = text.rstrip("/").rpartition("/")
    if slash and last.endswith(_ARCHIVE):
        text = head
    return _PLATFORM.sub("", text, count=1).rstrip("/")


def _folder(text: str, configuration: Configuration) -> Channel:
    path = configuration.home + text[1:] if text == "~" or text.startswith("~/") else text
    if not path.startswith("/"):
        raise EnvironmentFailure(
            f"the channel `{text}` is a relative path, which means another folder in each run",
            "name it by its whole path: `file:///…`",
        )
    return Channel(text, (Path(_without_platform(path) or "/").as_uri(),))


def _named(name: str, configuration: Configuration) -> Channel:
    if re.search(r"[\s,;|<>\"'\\]", name):
        raise EnvironmentFailure(
            f"`{without_logins(name)}` is no name of a channel", "write one channel a line"
        )
    if name in configuration.mirrors:
        return Channel(name, configuration.mirrors[name][:1])
    members = _members(name, configuration)
    if members is not None:
        return Channel(name, tuple(_simple(one, configuration) for one in members))
    return Channel(name, (_by_name(name, configuration),))


def _members(name: str, configuration: Configuration) -> tuple[str, ...] | None:
    """What a channel of channels is made of; None of one that is not."""
    if name == LOCAL:
        # conda-build's own folder for who has no conda.
        return (Path(configuration.home, "conda-bld").as_uri(),)
    if name in configuration.multichannels:
        return configuration.multichannels[name]
    return configuration.default_channels if name == DEFAULTS else None


def _by_name(name: str, configuration: Configuration) -> str:
    """The longest custom channel that `name` begins with, `/` for `/`, else below the alias."""
    known = dict(_known(configuration))
    head, rest = name, ""
    while head:
        if head in known:
            return known[head] + rest
        head, slash, last = head.rpartition("/")
        rest = slash + last + rest
    return f"{configuration.alias}/{name}"


def _known(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """(name, address): of what channels of channels are made of, then of custom channels."""
    for members in (configuration.default_channels, *configuration.multichannels.values()):
        for one in members:
            address = _simple(one, configuration)
            yield _below(address, configuration.alias) or _path(address), address
    yield from configuration.custom_channels.items()


def _simple(text: str, configuration: Configuration) -> str:
    if has_scheme(text):
        return _address(text)
    return f"{configuration.alias}/{_without_platform(text).strip('/')}"


def _name(address: str, configuration: Configuration) -> str:
    """The name that a person would have written for `address`, which it is if there is none."""
    for name, known in (*_known(configuration), *_mirrored(configuration)):
        if address == known:
            return name
    return _below(address, configuration.alias) or address


def _mirrored(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, addresses in configuration.mirrors.items():
        if not has_scheme(name):
            yield name, addresses[0]


def _below(address: str, alias: str) -> str | None:
    return address.removeprefix(f"{alias}/") if address.startswith(f"{alias}/") else None


def _path(address: str) -> str:
    return address.partition("://")[2].partition("/")[2]


def _once(channels: Iterable[Channel]) -> Iterator[Channel]:
    """Without the addresses that an earlier channel has, and channels that have no other."""
    seen: set[str] = set()
    for one in channels:
        addresses = tuple(dict.fromkeys(a for a in one.addresses if a not in seen))
        seen.update(addresses)
        if addresses:
            yield Channel(one.name, addresses)


def _check(channels: tuple[Channel, ...], configuration: Configuration) -> None:
    denied = _addresses(configuration.denied, configuration)
    allowed = _addresses(configuration.allowed, configuration)
    for one in channels:
        for address in one.addresses:
            if address in denied or (allowed and address not in allowed):
                key = "denylist_channels" if address in denied else "allowlist_channels"
                verb = "lists" if address in denied else "does not list"
                raise ChannelRefused(
                    f"the channel `{one.name}` may not be used: "
                    f"`{key}` of your conda configuration {verb} it",
                    "take it out of the project's `channels:`, and add `nodefaults` there if it "
                    "comes from your own",
                )


def _addresses(names: tuple[str, ...], configuration: Configuration) -> set[str]:
    return {address for name in names for address in channel(name, configuration).addresses}
