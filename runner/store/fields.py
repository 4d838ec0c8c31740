"""Reads a JSON object field by field, and says where and what is wrong with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Fields:
    """One JSON object of a record; keys that nobody asks for are tolerated.

    Args:
        data: what the JSON holds at this place.
        where: the file, for messages.
        path: the place inside the file, `` for its top.
    """

    __slots__ = ("_data", "_path", "_where")

    def __init__(self, data: object, where: str, path: str = "") -> None:
        self._where = where
        self._path = path
        if not isinstance(data, dict):
            raise self.wrong("", "an object", data)
        self._data: dict[str, Any] = data

    def wrong(self, key: str, expected: str, value: object) -> StoreError:
        """The error for a value that is not what it has to be."""
        name = f"{self._path}.{key}".strip(".") or "the whole"
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}…"  # noqa: PLR2004  one line
        return StoreError(
            f"{self._where}: `{name}` must be {expected}, not {shown}",
            "the record was changed by hand or damaged; restore it, or delete the run",
        )

    def _get(self, key: str, expected: str) -> object:
        if key not in self._data:
            name = f"{self._path}.{key}".strip(".")
            raise StoreError(
                f"{self._where}: `{name}` is missing; it must be {expected}",
                "the record was changed by hand or damaged; restore it, or delete the run",
            )
        return self._data[key]

    def has(self, key: str) -> bool:
        """Whether `key` is there and isn't null."""
        return self._data.get(key) is not None

    def names(self) -> list[str]:
        """The keys of the object."""
        return list(self._data)

    def all(self) -> dict[str, object]:
        """The object itself."""
        return self._data

    def raw(self, key: str) -> object:
        """Whatever is there, None where nothing is."""
        return self._data.get(key)

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self._get(key, "text")
        if not isinstance(value, str):
            raise self.wrong(key, "text", value)
        return value

    def optional(self, key: str) -> str | None:
        """A text, None where there is none."""
        return self.text(key) if self.has(key) else None

    def integer(self, key: str) -> int:
        """An integer that must be there."""
        value = self._get(key, "an integer")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(key, "an integer", value)
        return value

    def number(self, key: str) -> float:
        """A number that must be there; `NaN`, `Infinity` and `-Infinity` come as texts."""
        value = self._get(key, "a number")
        if isinstance(value, str) and value in NOT_FINITE:
            return NOT_FINITE[value]
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(key, "a number", value)
        try:
            return float(value)
        except OverflowError:
            raise self.wrong(key, "a smaller number", "a huge one") from None

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false; `default` where there is none."""
        value = self._data.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false", value)
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of `choices`."""
        value = default if default is not None and not self.has(key) else self.text(key)
        if value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}", value)
        return value

    def fields(self, key: str) -> Fields:
        """An object that must be there."""
        return Fields(self._get(key, "an object"), self._where, f"{self._path}.{key}".strip("."))

    def members(self, key: str) -> Iterator[tuple[str, Fields]]:
        """The members of an object of objects, none where there is none."""
        if self.has(key):
            inner = self.fields(key)
            for name in inner.names():
                yield name, inner.fields(name)

    def texts(self, key: str) -> dict[str, str]:
        """An object of texts, empty where there is none."""
        if not self.has(key):
            return {}
        inner = self.fields(key)
        return {name: inner.text(name) for name in inner.names()}

    def numbers(self, key: str) -> dict[str, float]:
        """An object of numbers, empty where there is none."""
        if not self.has(key):
            return {}
        inner = self.fields(key)
        return {name: inner.number(name) for name in inner.names()}

    def sequence(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty where there is none."""
        values = self._items(key)
        for value in values:
            if not isinstance(value, str):
                raise self.wrong(key, "a list of texts", value)
        return tuple(values)

    def each(self, key: str) -> Iterator[Fields]:
        """The objects of a list, none where there is none."""
        for number, item in enumerate(self._items(key)):
            yield Fields(item, self._where, f"{self._path}.{key}[{number}]".strip("."))

    def _items(self, key: str) -> list[Any]:
        values = self._data.get(key)
        if values is None:
            return []
        if not isinstance(values, list):
            raise self.wrong(key, "a list", values)
        return values
