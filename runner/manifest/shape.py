"""Reads simple shapes out of nodes: known keys, booleans, numbers, text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from runner.manifest.document import Entry, ListNode, MappingNode, ScalarNode, kind_of, shorten
from runner.nearest import nearest

if TYPE_CHECKING:
    from runner.manifest.complaints import Complaints
    from runner.manifest.document import Node

# PyYAML reads `1e-4` as text, so a text that looks like a number is one.
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
SYNONYMS = {
    "params": "parameters",
    "args": "parameters",
    "arguments": "parameters",
    "cmd": "command",
    "run": "command",
    "script": "command",
    "steps": "entry_points",
    "stages": "entry_points",
    "env": "python_env",
    "environment": "python_env",
    "requirements": "python_env",
    "uv_env": "python_env",
    "conda": "conda_env",
    "docker": "docker_env",
    "desc": "description",
    "help": "description",
    "value": "default",
    "values": "choices",
    "enum": "choices",
    "minimum": "min",
    "maximum": "max",
    "regex": "pattern",
    "required": "optional",
}


class Scope(NamedTuple):
    """Where in the manifest a shape stands, and to whom its faults are told.

    Attributes:
        owner: in words, for messages: `the manifest`, `parameter `alpha` of `train``.
        entry_point: the only entry point that a fault concerns, None for the whole manifest.
    """

    complaints: Complaints
    owner: str
    entry_point: str | None = None

    def error(self, at: Node, code: str, message: str, hint: str | None = None) -> None:
        """Something wrong."""
        self.complaints.error(at, code, message, hint, entry_point=self.entry_point)

    def warning(self, at: Node, code: str, message: str, hint: str | None = None) -> None:
        """Something doubtful."""
        self.complaints.warning(at, code, message, hint, entry_point=self.entry_point)

    def wrong(self, entry: Entry, wanted: str, hint: str) -> None:
        """The entry's value isn't what is wanted there."""
        message = f"`{entry.name}` of {self.owner} must be {wanted}, not {kind_of(entry.value)}"
        self.error(entry.value, "wrong-shape", message, hint)


def known_keys(
    mapping: MappingNode, known: tuple[str, ...], scope: Scope, *, refused: str | None = None
) -> None:
    """Warn of keys that nobody reads, each with the one that is probably meant, and of repeats."""
    repeated_keys(mapping, scope)
    for entry in mapping.entries:
        if entry.name not in known and entry.name != refused:
            message = f"unknown key `{shorten(entry.name)}` in {scope.owner}"
            scope.warning(entry.key, "unknown-key", message, _unknown(entry.name, known))


def repeated_keys(mapping: MappingNode, scope: Scope) -> None:
    """Warn of keys that are given twice: the last one counts, silently."""
    for key, first in mapping.duplicates:
        message = f"`{shorten(key.text)}` stands twice in {scope.owner}; line {first} is ignored"
        scope.warning(key, "duplicate-key", message, "remove one of the two")


def named_keys(mapping: MappingNode, scope: Scope) -> None:
    """Warn of repeats, and of names that YAML reads as something else than text."""
    repeated_keys(mapping, scope)
    for entry in mapping.entries:
        if not isinstance(entry.key.value, str):
            message = f"YAML reads the name `{shorten(entry.key.text)}` as `{entry.name}`, no text"
            hint = f"quote it: `'{shorten(entry.key.text)}':`"
            scope.warning(entry.key, "name-type", message, hint)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    for part in (":", " "):
        key, found, rest = name.partition(part)
        if found and rest.strip() and key.strip() in known:
            lacks = "a space after the colon" if part == ":" else "a colon"
            return f"it lacks {lacks}: write `{key.strip()}: {shorten(rest.strip(), 30)}`"
    synonym = SYNONYMS.get(name.lower())
    meant = synonym if synonym in known else nearest(name, known)
    return f"did you mean `{meant}`?" if meant else f"known here: {', '.join(known)}"


def value_of(mapping: MappingNode, name: str) -> Entry | None:
    """The entry of that name if it holds anything; an empty one counts as left out."""
    entry = mapping.get(name)
    if entry is None or (isinstance(entry.value, ScalarNode) and entry.value.value is None):
        return None
    return entry


def boolean(mapping: MappingNode, name: str, scope: Scope, *, fallback: bool) -> bool:
    """`true` or `false`; `fallback` where it is neither, after an error."""
    entry = value_of(mapping, name)
    if entry is None:
        return False
    if isinstance(entry.value, ScalarNode) and isinstance(entry.value.value, bool):
        return entry.value.value
    scope.wrong(entry, "true or false", f"write `{name}: true`")
    return fallback


def number(mapping: MappingNode, name: str, scope: Scope) -> float | None:
    """A number, `1e-4` included."""
    entry = value_of(mapping, name)
    if entry is None:
        return None
    found = as_number(entry.value)
    if found is None:
        scope.wrong(entry, "a number", f"write `{name}: 1`")
    return found


def as_number(node: Node) -> float | None:
    """The node as a number, None where it is none."""
    if not isinstance(node, ScalarNode) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, str):
        return float(node.value) if re.match(NUMBER, node.value) else None
    if isinstance(node.value, int | float):
        try:
            return float(node.value)
        except OverflowError:
            return math.copysign(math.inf, node.value)
    return None


def text(mapping: MappingNode, name: str, scope: Scope) -> str | None:
    """One value as text, such as a description."""
    entry = value_of(mapping, name)
    if entry is None:
        return None
    if isinstance(entry.value, ScalarNode):
        return str(entry.value.value)
    scope.wrong(entry, "text", f"write `{name}: some words`")
    return None


def listed(node: Node) -> tuple[Node, ...]:
    """The items of a list; anything else is a list of one."""
    return node.items if isinstance(node, ListNode) else (node,)
