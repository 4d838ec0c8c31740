"""A YAML document as nodes that know where they stand; nothing here knows what a manifest is.

Named tuples, here and elsewhere inside this room: a frozen dataclass costs half a millisecond of
every start to define, a named tuple a sixth of that.
"""

from __future__ import annotations

from typing import NamedTuple


class Spot(NamedTuple):
    """A place in a file: 1-based line and column, in characters."""

    line: int
    column: int

    @classmethod
    def at(cls, text: str, position: int) -> Spot:
        """The spot of the character at `position`."""
        before = text.rfind("\n", 0, position)
        return cls(text.count("\n", 0, position) + 1, position - before)


class ScalarNode(NamedTuple):
    """One value.

    Attributes:
        value: as YAML 1.1 reads it: text, integer, float, boolean, None, date.
        text: as written, quotes and escapes resolved.
        plain: written without quotes, so that YAML guessed its type.
        line, column: 1-based, in characters.
        start, end: where it stands in the file's text, in characters.
    """

    value: object
    text: str
    plain: bool
    line: int
    column: int
    start: int = 0
    end: int = 0


class ListNode(NamedTuple):
    """A sequence."""

    items: tuple[Node, ...]
    line: int
    column: int


class Entry(NamedTuple):
    """One key of a mapping with its value."""

    key: ScalarNode
    value: Node

    @property
    def name(self) -> str:
        """The key as MLflow reads it: `str` of what YAML made of it."""
        return str(self.key.value)


class MappingNode(NamedTuple):
    """A mapping, merge keys resolved.

    Attributes:
        entries: each key once, in the order in which a Python dict would hold them.
        duplicates: (the key again, the line where it stood first) for keys given twice.
    """

    entries: tuple[Entry, ...]
    duplicates: tuple[tuple[ScalarNode, int], ...]
    line: int
    column: int

    def get(self, name: str) -> Entry | None:
        """The entry of that name, None where there is none."""
        return next((entry for entry in self.entries if entry.key.value == name), None)


Node = ScalarNode | ListNode | MappingNode


def as_value(node: Node) -> object:
    """What `yaml.safe_load` would have made of the node."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [as_value(item) for item in node.items]
    return {entry.key.value: as_value(entry.value) for entry in node.entries}


def is_null(node: Node) -> bool:
    """Whether nothing, `~` or `null` is written there."""
    return isinstance(node, ScalarNode) and node.value is None


def text_of(node: Node) -> str | None:
    """The node's text if YAML reads it as text (or as a date), else None."""
    if not isinstance(node, ScalarNode) or isinstance(node.value, bool | int | float | None):
        return None
    return node.text


def kind_of(node: Node) -> str:
    """What stands there, in words for a message."""
    if isinstance(node, ListNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    return "nothing" if node.value is None else f"`{shorten(node.text)}`"


def shorten(text: str, limit: int = 60) -> str:
    """`text` on one line, cut where it is long; for messages."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
