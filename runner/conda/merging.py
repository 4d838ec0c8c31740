"""Merges what several sources of conda's configuration say under one key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.conda.logins import without_logins
from runner.errors import CondaConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.conda.condarc import Value

_TRUE: Final = ("true", "yes", "on", "y")
_FALSE: Final = ("false", "off", "n", "no", "non", "none", "")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")


class Merged:
    """What all sources say under a key, merged; of a key's two names the first counts."""

    def __init__(self, sources: list[dict[str, Value]], environ: Mapping[str, str]) -> None:
        self._sources = sources
        self._environ = environ

    def given(self, key: str) -> Value | None:
        """The most important one, whatever it is; None where nothing stands there."""
        matches = [value for value in self._matches(key) if value.content]
        return matches[-1] if matches else None

    def _matches(self, *keys: str) -> list[Value]:
        """From the least important source on, up to the first that says it is final."""
        found = []
        for source in self._sources:
            value = next((source[key] for key in keys if key in source), None)
            if value is None:
                continue
            found.append(value)
            if value.flag == "final":
                break
        return found

    def scalar(self, *keys: str) -> Value | None:
        """The most important one, expanded; None where there is none or nothing stands there."""
        matches = self._matches(*keys)
        if not matches or matches[-1].content is None:
            return None
        last = matches[-1]
        if not isinstance(last.content, str):
            raise CondaConfigurationInvalid(
                f"{last.where}: `{keys[0]}` must be one value, not {last.words()}",
                f"write `{keys[0]}: VALUE` on one line",
            )
        return last._replace(content=self._expanded(last.content))

    def boolean(self, *keys: str, otherwise: bool) -> bool:
        """As conda understands them."""
        value = self.scalar(*keys)
        if value is None:
            return otherwise
        found = truth(value)
        if found is None:
            raise CondaConfigurationInvalid(
                f"{value.where}: `{keys[0]}` must be true or false, not `{shown(value)}`",
                f"write `{keys[0]}: true` or `{keys[0]}: false`",
            )
        return found

    def sequence(self, *keys: str) -> tuple[Value, ...] | None:
        """Every source's items, the most important first; None where no source has the key."""
        matches = [value for value in self._matches(*keys) if value.content is not None]
        if not matches:
            return None
        lists = [self._items(value, keys[0]) for value in matches]
        top = [one for items in lists for one in items if one.flag == "top"]
        bottom = [one for items in reversed(lists) for one in items if one.flag == "bottom"]
        lines = _once([*top, *(one for items in reversed(lists) for one in items)])
        return tuple(_once([*bottom[::-1], *lines[::-1]])[::-1])

    def _items(self, value: Value, key: str) -> list[Value]:
        if not isinstance(value.content, tuple):
            raise CondaConfigurationInvalid(
                f"{value.where}: `{key}` must be a list, not {value.words()}",
                f"begin each line below `{key}:` with `- `",
            )
        return [self._text(one, key) for one in value.content]

    def _text(self, value: Value, key: str) -> Value:
        if not isinstance(value.content, str):
            raise CondaConfigurationInvalid(
                f"{value.where}: `{key}` must hold texts, not {value.words()}"
            )
        return value._replace(content=self._expanded(value.content))

    def mapping(self, key: str) -> dict[str, Value]:
        """Every source's entries, the most important source's where several have one."""
        found: dict[str, Value] = {}
        final: set[str] = set()
        for value in self._matches(key):
            if value.content is None:
                continue
            if not isinstance(value.content, dict):
                raise CondaConfigurationInvalid(
                    f"{value.where}: `{key}` must be a mapping, not {value.words()}",
                    f"write `NAME: VALUE` on each line below `{key}:`",
                )
            found |= {name: one for name, one in value.content.items() if name not in final}
            final |= {name for name, one in value.content.items() if one.flag == "final"}
        return found

    def texts(self, key: str) -> dict[str, Value]:
        """A mapping of texts, expanded; entries without a value are left out."""
        found = {name: one for name, one in self.mapping(key).items() if one.content is not None}
        return {name: self._text(one, key) for name, one in found.items()}

    def lists(self, key: str) -> dict[str, tuple[Value, ...]]:
        """A mapping of lists of texts."""
        return {name: tuple(self._items(one, key)) for name, one in self.mapping(key).items()}

    def _expanded(self, text: str) -> str:
        """`$NAME` and `${NAME}` as `os.path.expandvars` has them."""
        return _VARIABLE.sub(lambda found: self._environ.get(found[1] or found[2], found[0]), text)


def _once(values: Iterable[Value]) -> list[Value]:
    """Each text where it stands first."""
    found: dict[object, Value] = {}
    for one in values:
        found.setdefault(one.content, one)
    return list(found.values())


def truth(value: Value) -> bool | None:
    """True or false as conda understands it; None of what is neither."""
    text = str(value.content).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    try:
        return bool(float(text))
    except ValueError:
        return None


def shown(value: Value) -> str:
    """The value for a message, without logins."""
    return without_logins(str(value.content))
