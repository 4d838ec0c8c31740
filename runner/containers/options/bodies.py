"""Bodies of the engine's `POST /containers/create`, put together from parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

HIDDEN = "***"
Body: TypeAlias = Mapping[str, object]


def merge(one: Body, two: Body) -> dict[str, object]:
    """A body with what both say: mappings merged, lists appended, other values of `two` win."""
    merged = dict(one)
    for name, value in two.items():
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = merge(before, value)
        elif isinstance(before, list | tuple) and isinstance(value, list | tuple):
            merged[name] = [*before, *value]
        else:
            merged[name] = value
    return merged


def public(body: Body) -> Body:
    """What a record may have of a body: a log driver's options may be a token for its server."""
    config = body.get("HostConfig")
    log = config.get("LogConfig") if isinstance(config, Mapping) else None
    options = log.get("Config") if isinstance(log, Mapping) else None
    if not isinstance(options, Mapping):
        return body
    return merge(body, placed("HostConfig.LogConfig.Config", dict.fromkeys(options, HIDDEN)))


def placed(place: str, value: object) -> dict[str, object]:
    """A body that has only `value`, at a place such as `HostConfig.LogConfig.Type`."""
    first, _, rest = place.partition(".")
    return {first: placed(rest, value) if rest else value}
