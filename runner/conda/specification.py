"""Conda's section of an environment file as conda-lock reads it, made into py-rattler's terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.conda.channels import channel
from runner.conda.logins import without_logins
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import rattler
    from conda_lock.models.lock_spec import VersionedDependency

    from runner.conda.configuration import Configuration
    from runner.conda.model import Channel
    from runner.environments.conda_file import CondaFile

_NAME: Final = re.compile(r"(?:(?P<channel>[^\s\[\]=<>!~]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*)")
_ARCHIVE: Final = re.compile(
    r"(?P<channel>[a-z0-9+]+://\S+)/[^/\s]+/(?P<name>[^/\s]+)-[^-/\s]+-[^-/\s]+\.(?:conda|tar\.bz2)"
)
_KEY: Final = re.compile(r"\[(?:[^\]]*,)?\s*channel\s*=\s*['\"]?([^'\",\]\s]+)")
# Of pip: options, folders, repositories, `name @ address`.
_FOR_PIP: Final = re.compile(
    r"-|\.{1,2}(?:[/\[]|$)|(?:git|hg|svn|bzr)\+|[\w.-]+(?:\[[^\]]*\])?\s+@\s"
)
_REVERSED: Final = re.compile(r"=([<>])")
_ABOVE: Final = re.compile(r">(?!=)\s*([^,|*]+?)\.?\*")
_HINT: Final = "write `name`, `name=1.2`, `name>=1.2,<2` or `channel::name=1.2=build`"


def name_of(text: str) -> str:
    """The package that the specification `text` is about, in lower case; "" where it is none."""
    match = _ARCHIVE.match(text.strip()) or _NAME.match(text.strip())
    return match["name"].lower() if match else ""


def python_of(wanted: str) -> str:
    """The specification for a Python, as other kinds are asked for one: `3.10`, `>=3.9, <4`."""
    wanted = wanted.replace(" ", "")
    return f"python{wanted}" if wanted[:1] in {"<", ">", "=", "!", "~"} else f"python={wanted}"


def channel_of(text: str) -> str | None:
    """The channel that the specification `text` names, None where it leaves that open."""
    if (key := _KEY.search(text)) is not None:
        return key[1]
    match = _ARCHIVE.match(text.strip()) or _NAME.match(text.strip())
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
        _refuse_what_only_seems_one(text, origins)
        try:
            found.append(understood(text, "main"))
        except Exception as error:  # noqa: BLE001  it raises whatever its parts do
            raise _not_understood(text, error.__cause__ or error, origins) from None
    return tuple(found)


def match_specs(
    texts: Sequence[str],
    origins: Mapping[str, str],
    *,
    channels: Sequence[Channel],
    configuration: Configuration,
) -> list[rattler.MatchSpec]:
    """What py-rattler is asked for.

    Args:
        texts: specifications, read by conda-lock.
        origins: name → what the project calls it and where, for messages.
        channels: those of the project.
        configuration: says what a channel's name stands for.

    Raises:
        EnvironmentFailure: a specification, or a channel in it, is none.
    """
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    found = []
    for one, text in zip(read(texts, origins), texts, strict=True):
        named = channel_of(text)
        place = None if named is None else _place(channel(named, configuration), channels)
        try:
            found.append(MatchSpec(_text(one, place)))
        except InvalidMatchSpecError as error:
            raise _not_understood(text, error, origins) from None
    return found


def _refuse_what_only_seems_one(text: str, origins: Mapping[str, str]) -> None:
    """What conda-lock makes a package of that nobody meant."""
    where = origins.get(name_of(text)) or f"the conda package `{without_logins(text)}`"
    if _FOR_PIP.match(text):
        raise EnvironmentFailure(f"{where} is a line of pip's", "put it below `- pip:`")
    if (match := _REVERSED.search(text)) is not None:
        raise EnvironmentFailure(
            f"{where} can't be understood: `={match[1]}` is no comparison", f"write `{match[1]}=`"
        )


def _not_understood(
    text: str, error: BaseException, origins: Mapping[str, str]
) -> EnvironmentFailure:
    reason = next(iter(str(error).splitlines()), "").strip() or type(error).__name__
    where = origins.get(name_of(text)) or f"the conda package `{text}`"
    return EnvironmentFailure(f"{where} can't be understood: {without_logins(reason)}", _HINT)


def _place(found: Channel, channels: Sequence[Channel]) -> str:
    """py-rattler knows a channel of channels by its name, others by their address."""
    addresses = next((one.addresses for one in channels if one.name == found.name), found.addresses)
    return addresses[0] if len(addresses) == 1 else found.name


def _text(one: VersionedDependency, place: str | None) -> str:
    # To conda, `>1.2.*` is `>1.2`; to py-rattler, it lets 1.2 itself in.
    version = _ABOVE.sub(r">\1", one.version or "")
    keys = [
        f"{key}='{value}'"
        for key, value in (("version", version), ("build", one.build))
        if value and value != "*"
    ]
    name = str(one.name) + (f"[{', '.join(keys)}]" if keys else "")
    return name if place is None else f"{place}::{name}"
