"""Has py-rattler decide which packages of the channels an environment gets."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from runner.conda import failures, runtime, silence, unsolvable
from runner.conda.packages import full_disk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import rattler

    from runner.conda.model import Channel
    from runner.conda.silence import Watch
    from runner.progress import Progress


class Question(NamedTuple):
    """What is asked.

    Attributes:
        texts: specifications as written.
        specs: the same, as py-rattler's.
        channels: in the order of their rank.
        priority: `strict`, `flexible` or `disabled`, as conda's configuration has it.
        subdir: such as `linux-64`.
        as_of: RFC 3339 time: packages of later are not seen.
        origins: name → what the project calls it and where.
    """

    texts: Sequence[str]
    specs: Sequence[rattler.MatchSpec]
    channels: Sequence[Channel]
    priority: str
    subdir: str
    as_of: str | None
    origins: Mapping[str, str]


def solve(
    question: Question,
    gateway: rattler.Gateway,
    *,
    watch: Watch,
    progress: Progress,
) -> tuple[rattler.RepoDataRecord, ...]:
    """The packages, by name.

    Args:
        question: what is asked.
        gateway: asks the channels.
        watch: over it.
        progress: is told.

    Raises:
        NoSuchPackage: no channel has it, or none of that version.
        DependencyConflict: with the solver's explanation.
        EnvironmentFailure: a channel can't be reached.
        OSError: what it says can't be kept.
    """
    from rattler.exceptions import GatewayError, SolverError

    progress.update(f"solving with the channels {names(question.channels)}")
    try:
        work = _solved(question, gateway, progress)
        found = runtime.run(silence.within(work, watch.signs, watch.seconds))
    except SolverError as error:
        raise unsolvable.explained(str(error), question, gateway) from None
    except (GatewayError, OSError) as error:
        if (known := full_disk(error)) is not None:
            raise known from error
        raise failures.unreachable(error, question.channels) from error
    return tuple(sorted(found, key=lambda record: record.name.normalized))


def names(channels: Sequence[Channel]) -> str:
    """The channels, in words."""
    return ", ".join(f"`{channel.name}`" for channel in channels)


async def _solved(
    question: Question, gateway: rattler.Gateway, progress: Progress
) -> list[rattler.RepoDataRecord]:
    from rattler import ChannelPriority
    from rattler.exceptions import SolverError

    if question.priority == "disabled":
        return await _once(question, gateway, ChannelPriority.Disabled)
    try:
        return await _once(question, gateway, ChannelPriority.Strict)
    except SolverError:
        if question.priority != "flexible" or len(question.channels) == 1:
            raise
        # Flexible is conda's own default: a channel of lower rank is asked where the higher has
        # no answer. py-rattler knows all or nothing.
        found = await _once(question, gateway, ChannelPriority.Disabled)
        progress.line("no answer with strict channel priority: solved without")
        return found


async def _once(
    question: Question, gateway: rattler.Gateway, priority: rattler.ChannelPriority
) -> list[rattler.RepoDataRecord]:
    import rattler

    return await rattler.solve(
        sources=sources(question.channels),
        specs=list(question.specs),
        gateway=gateway,
        platforms=platforms(question.subdir),
        virtual_packages=virtual_packages(),
        channel_priority=priority,
        exclude_newer=_time(question.as_of),
        timestamp_policy="allow-missing",
    )


def platforms(subdir: str) -> list[rattler.Subdir]:
    """The folders of a channel that count."""
    import rattler

    return [rattler.Subdir(subdir), rattler.Subdir("noarch")]


def sources(channels: Sequence[Channel]) -> list[rattler.Channel | rattler.MultiSource]:
    """The channels as py-rattler's; those of one channel of channels share a rank."""
    import rattler

    return [
        rattler.Channel(channel.addresses[0])
        if len(channel.addresses) == 1
        else rattler.MultiSource(channel.name, [rattler.Channel(one) for one in channel.addresses])
        for channel in channels
    ]


def virtual_packages() -> list[rattler.VirtualPackage]:
    """What the machine itself has (`__glibc`, `__cuda`…); `CONDA_OVERRIDE_*` count."""
    from rattler import VirtualPackage, VirtualPackageOverrides

    return VirtualPackage.detect(VirtualPackageOverrides.from_env())


def _time(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
