"""What `$NAME` stands for in a Dockerfile: ARG and ENV, as far as the text alone can tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runner.containers.building.lines import SHELL_WORD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.building.lines import Instruction

_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#]")
_MODIFIER = re.compile(r":?[-+?]")
# BuildKit gives these their values by itself once they are declared.
AUTOMATIC = frozenset(
    f"{of}{what}" for of in ("TARGET", "BUILD") for what in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
# Every build takes these without a declaration.
PROXIES = frozenset(
    spelt(f"{what}_proxy")
    for what in ("http", "https", "ftp", "no", "all")
    for spelt in (str.lower, str.upper)
)


class Value(NamedTuple):
    """A text after substitution.

    Attributes:
        unset: the variables in it that have no value here, in order; each stands for nothing.
    """

    text: str
    unset: tuple[str, ...] = ()


class Scope:
    """The variables of one stage, or of what stands before the first.

    Args:
        given: the build's arguments.
        outer: what was declared before the first FROM.
        inherited: the ENV of the stage that this one starts from.
    """

    def __init__(
        self,
        given: Mapping[str, str],
        *,
        escape: str,
        outer: Mapping[str, Value] | None = None,
        inherited: Mapping[str, Value] | None = None,
    ) -> None:
        self._given = given
        self._escape = escape
        self._outer = outer or {}
        self.arguments: dict[str, Value] = {}
        self.variables: dict[str, Value] = dict(inherited or {})

    def declare(self, instruction: Instruction) -> None:
        """Take in an ARG."""
        for name, default in pairs(instruction):
            if name in self._given:
                self.arguments[name] = Value(self._given[name])
            elif default is not None:
                self.arguments[name] = self.substitute(default)
            else:
                self.arguments[name] = self._outer.get(name, Value("", (name,)))

    def assign(self, instruction: Instruction) -> None:
        """Take in an ENV: all of one instruction see what was set before it."""
        values = {name: self.substitute(text or "") for name, text in pairs(instruction)}
        self.variables.update(values)

    def substitute(self, text: str) -> Value:
        """`text` with its variables' values, quotes removed."""
        unset: list[str] = []
        done, _ = self._until(None, text, 0, unset)
        return Value(done, tuple(dict.fromkeys(unset)))

    def _until(self, end: str | None, text: str, at: int, unset: list[str]) -> tuple[str, int]:
        parts, quoted = [], False
        while at < len(text) and text[at] != end:
            char = text[at]
            if char == self._escape and at + 1 < len(text):
                parts.append(text[at + 1])
                at += 2
            elif char == "'" and not quoted and (close := text.find("'", at + 1)) > 0:
                parts.append(text[at + 1 : close])
                at = close + 1
            elif char == "$":
                part, at = self._variable(text, at + 1, unset)
                parts.append(part)
            else:
                quoted ^= char == '"'
                parts.append("" if char == '"' else char)
                at += 1
        return "".join(parts), at + 1

    def _variable(self, text: str, at: int, unset: list[str]) -> tuple[str, int]:
        braces = text.startswith("{", at)
        name = _NAME.match(text, at + braces)
        if name is None:
            return "$", at
        value = self._value(name[0])
        at = name.end()
        if not braces or text.startswith("}", at):
            unset += value.unset
            return value.text, at + braces
        modifier = _MODIFIER.match(text, at)
        inner: list[str] = []
        other, at = self._until("}", text, modifier.end() if modifier else at, inner)
        is_there = not value.unset and (bool(value.text) or (modifier or ":")[0][0] != ":")
        if modifier is None or modifier[0].endswith("?"):
            # A cut or a replacement, which is not worked out here; or a value that must be there.
            unset += [name[0]] if modifier is None or not is_there else []
            return value.text, at
        if modifier[0].endswith("+") != is_there:
            # What a default is written for needs no value.
            return (value.text if is_there else ""), at
        unset += inner
        return other, at

    def _value(self, name: str) -> Value:
        return self.variables.get(name) or self.arguments.get(name) or Value("", (name,))


def pairs(instruction: Instruction) -> list[tuple[str, str | None]]:
    """The names and texts of an ARG or ENV, in every form; None where there is no text."""
    found = [word[0] for word in SHELL_WORD.finditer(instruction.body)]
    if instruction.name == "ENV" and found and "=" not in found[0]:
        name, *rest = instruction.body.split(None, 1)
        return [(name, rest[0] if rest else "")]
    split = [word.partition("=") for word in found]
    return [(name, text if assigned else None) for name, assigned, text in split]
