"""Bodies of the engine's `POST /containers/create`, put together from parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

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


def placed(place: str, value: object) -> dict[str, object]:
    """A body that has only `value`, at a place such as `HostConfig.LogConfig.Type`."""
    first, _, rest = place.partition(".")
    return {first: placed(rest, value) if rest else value}
