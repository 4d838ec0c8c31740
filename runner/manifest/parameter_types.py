"""The types of parameters: which there are, and how a text is read as each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

ALIASES = {
    "string": "string",
    "str": "string",
    "int": "integer",
    "integer": "integer",
    "float": "float",
    "double": "float",
    "number": "float",
    "bool": "boolean",
    "boolean": "boolean",
    "path": "path",
    "uri": "uri",
}
LIST = r"list\[\s*(\w+)\s*\]"
# What people write for a type that has another name.
OTHER_NAMES = {
    "text": "string",
    "url": "uri",
    "file": "path",
    "dir": "path",
    "directory": "path",
    "folder": "path",
    "list": "list[string]",
    "array": "list[string]",
    "real": "float",
    "decimal": "float",
    "long": "int",
}
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})
URI = r"[A-Za-z][A-Za-z0-9+.-]*:.*"
ITEM = r"""\s*(?:"([^"]*)"|'([^']*)'|([^,]*?))\s*(?:,|$)"""

ARTICLES = {"integer": "an integer", "uri": "a URI with a scheme"}
EXAMPLES = {
    "integer": "10",
    "float": "0.5",
    "boolean": "true",
    "uri": "https://example.org/data.csv",
    "path": "data.csv",
    "list[integer]": "1,2,3",
    "list[float]": "0.1,0.5",
    "list[boolean]": "true,false",
    "list[uri]": "https://example.org/a.csv,https://example.org/b.csv",
}


def canonical(declared: str) -> str | None:
    """The type's one name, None for a type that nobody knows."""
    name = declared.strip()
    if name in ALIASES:
        return ALIASES[name]
    found = re.fullmatch(LIST, name)
    item = ALIASES.get(found.group(1)) if found else None
    return f"list[{item}]" if item else None


def suggest(declared: str) -> str | None:
    """The type that an unknown one is most likely meant to be, None where none is near."""
    bare = declared.strip().lower()
    known = [*ALIASES, "list[int]", "list[float]", "list[str]"]
    if canonical(bare):
        return bare
    return OTHER_NAMES.get(bare) or nearest(bare, known)


def described(kind: str) -> str:
    """The type with its article, for messages."""
    if kind.startswith("list["):
        item = kind[5:-1]
        return f"a list of {item}s, such as `{example(kind)}`"
    return ARTICLES.get(kind, f"a {kind}")


def example(kind: str) -> str:
    """A value of the type, for hints."""
    return EXAMPLES.get(kind, "a,b" if kind.startswith("list[") else "text")


def read(text: str, kind: str) -> object:
    """`text` read as the canonical type `kind`; unknown types are text.

    Raises:
        ValueError: it isn't one.
    """
    if kind.startswith("list[") and kind.endswith("]"):
        return [read(item, kind[5:-1]) for item in items(text)]
    reader = READERS.get(kind)
    return reader(text) if reader else text


def items(text: str) -> list[str]:
    """The items of a list as it is written: `1,2`, `1 2`, `[1, 2]`, `["a", 'b']`, or just `1`."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1].strip()
    elif "," not in bare:
        return bare.split()
    found, position, item = [], 0, re.compile(ITEM)
    while position < len(bare):
        match = item.match(bare, position)
        if match is None:
            raise ValueError(text)
        position = match.end()
        found.append(next((group for group in match.groups() if group is not None), ""))
    return found


def _number(text: str) -> str:
    # Python reads ` 1`, `1_0` and digits of other scripts; other languages' parsers do not.
    if not text.isascii() or "_" in text or text.strip() != text:
        raise ValueError(text)
    return text


def _integer(text: str) -> int:
    return int(_number(text))


def _float(text: str) -> float:
    return float(_number(text))


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in TRUE | FALSE:
        raise ValueError(text)
    return word in TRUE


def _uri(text: str) -> str:
    if not re.fullmatch(URI, text, re.DOTALL):
        raise ValueError(text)
    return text


READERS: dict[str, Callable[[str], object]] = {
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "uri": _uri,
}
