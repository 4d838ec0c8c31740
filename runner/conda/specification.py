"""Conda's section of an environment file as conda-lock reads it, made into py-rattler's terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import rattler
    from conda_lock.models.lock_spec import VersionedDependency

    from runner.conda.model import Channel
    from runner.environments.conda_file import CondaFile

_NAME: Final = re.compile(r"(?:(?P<channel>[^\s\[\]=<>!~]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*)")
_HINT: Final = "write `name`, `name=1.2`, `name>=1.2,<2` or `channel::name=1.2=build`"


def name_of(text: str) -> str:
    """The package that the specification `text` is about, in lower case; "" where it is none."""
    match = _NAME.match(text.strip())
    return match["name"].lower() if match else ""


def channel_of(text: str) -> str | None:
    """The channel that the specification `text` names, None where it leaves that open."""
    match = _NAME.match(text.strip())
    return match["channel"] if match else None


def channels_of(content: CondaFile) -> tuple[str, ...]:
    """The channels of a conda file, then those that single packages of it name."""
    single = filter(None, (channel_of(one.text) for one in content.packages))
    return tuple(dict.fromkeys((*content.channels, *single)))


def read(texts: Iterable[str], origins: Mapping[str, str]) -> tuple[VersionedDependency, ...]:
    """Each specification, as conda-lock understands it.

    Args:
        origins: name → what the project calls it and where, for messages.

    Raises:
        EnvironmentFailure: one is none.
    """
    from runner.conda import library

    understood = library.part("conda_lock.src_parser.conda_common").conda_spec_to_versioned_dep
    found = []
    for text in texts:
        try:
            found.append(understood(text, "main"))
        except Exception as error:  # noqa: BLE001  it raises whatever its parts do
            reason = str(error.__cause__ or error).splitlines()[0].strip()
            where = origins.get(name_of(text)) or f"the conda package `{text}`"
            raise EnvironmentFailure(f"{where} can't be understood: {reason}", _HINT) from None
    return tuple(found)


def match_specs(
    asked: Sequence[VersionedDependency], texts: Sequence[str], channels: Sequence[Channel]
) -> list[rattler.MatchSpec]:
    """What py-rattler is asked for: `asked` is what was read of `texts`."""
    from rattler import MatchSpec

    return [
        MatchSpec(_text(one, channel_of(text), channels))
        for one, text in zip(asked, texts, strict=True)
    ]


def _text(one: VersionedDependency, named: str | None, channels: Sequence[Channel]) -> str:
    """`named` is the channel as written: conda-lock makes `other` of `https://host/other`."""
    keys = [
        f"{key}='{value}'"
        for key, value in (("version", one.version), ("build", one.build))
        if value and value != "*"
    ]
    name = str(one.name) + (f"[{', '.join(keys)}]" if keys else "")
    if named is None:
        return name
    known = {
        # py-rattler knows a channel of channels by its name, others by their address.
        channel.name: channel.addresses[0] if len(channel.addresses) == 1 else channel.name
        for channel in channels
    }
    return f"{known.get(named, named)}::{name}"
