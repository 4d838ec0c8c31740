"""Canonical, versioned SHA-256 of values: equal digests mean equal content.

The bytes that are hashed are ours: each item is its type's letter, its length where it has one, and
its content, so that no two values share them. Changing any of it needs a new `VERSION`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = b"reprun.fingerprint.1"


def of_value(kind: str, value: object) -> str:
    """The hexadecimal digest of a JSON-like value.

    Args:
        kind: what the value is (`environment`, `spec`): equal values of two kinds differ.
        value: None, booleans, integers, floats, texts, bytes, and lists, tuples or mappings (with
            texts for keys, in any order) of these. 1, 1.0 and True differ; lists equal tuples.

    Raises:
        TypeError: something else is in it.
    """
    import hashlib

    parts = [VERSION, b"\0", *_encode(kind), *_encode(value)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def of_text(text: str) -> str:
    """The hexadecimal SHA-256 of a text in UTF-8, bytes that could not be decoded as they were."""
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _encode(value: object) -> Iterator[bytes]:
    match value:
        case None:
            yield b"n"
        case bool():
            yield b"t" if value else b"f"
        case int():
            yield b"i%d;" % value
        case float():
            yield b"d" + value.hex().encode() + b";"
        case str():
            text = value.encode(errors="surrogatepass")
            yield from (b"s%d:" % len(text), text)
        case bytes():
            yield from (b"b%d:" % len(value), value)
        case list() | tuple():
            yield b"l%d:" % len(value)
            for item in value:
                yield from _encode(item)
        case dict():
            yield from _encode_mapping(value)
        case _:
            raise TypeError(f"a fingerprint can't hold a {type(value).__name__}: {value!r}")


def _encode_mapping(value: Mapping[object, object]) -> Iterator[bytes]:
    keys = []
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"a fingerprint's keys are texts, not {key!r}")
        keys.append(key)
    yield b"m%d:" % len(keys)
    for key in sorted(keys, key=lambda text: text.encode(errors="surrogatepass")):
        yield from _encode(key)
        yield from _encode(value[key])
