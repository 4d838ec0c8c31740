"""Digests of values: the same for the same, different for anything that differs."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import fingerprint

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

LOOKALIKES: list[object] = [
    *(None, True, False, 0, 1, 1.0, -0.0, 0.0, 0.1, float("nan"), float("inf"), 10**30),
    *("", "1", "n", "a", "ä", "a\u0308", b"", b"a", [], [[]], [None], [1, 2], [12], ["a", "b"]),
    *(["ab"], ["a", ["b"]], {}, {"a": 1}, {"a": "1"}, {"a": {"b": 1}}, {"a": {}, "b": 1}, "\ud800"),
]


def test_lookalikes_differ() -> None:
    digests = [fingerprint.of_value("kind", value) for value in LOOKALIKES]
    assert len(set(digests)) == len(LOOKALIKES)


def test_the_digest_is_what_it_always_was() -> None:
    value = {"b": [1, 2.5, None], "a": "ä"}
    digest = fingerprint.of_value("lock", value)
    assert digest == "91fce36f76e8b536fbdf758d956ac383b252655f57006ed41ec463fdeaedf859"


@given(VALUES)
def test_order_of_keys_and_kind_of_list_dont_count(value: object) -> None:
    def turned(item: object) -> object:
        if isinstance(item, dict):
            return {key: turned(item[key]) for key in reversed(item)}
        return tuple(map(turned, item)) if isinstance(item, list) else item

    assert fingerprint.of_value("kind", turned(value)) == fingerprint.of_value("kind", value)


@given(VALUES, VALUES)
def test_different_values_differ(one: object, other: object) -> None:
    same = fingerprint.of_value("kind", one) == fingerprint.of_value("kind", other)
    assert same == (repr(_canonical(one)) == repr(_canonical(other)))


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    return [_canonical(item) for item in value] if isinstance(value, list) else value


def test_kinds_differ() -> None:
    assert fingerprint.of_value("a", "bc") != fingerprint.of_value("ab", "c")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: 2}, "a fingerprint's keys are texts, not 1"),
        ([{1, 2}], r"a fingerprint can't hold a set: \{1, 2\}"),
    ],
)
def test_what_isnt_json_like(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fingerprint.of_value("kind", value)


def test_a_text_has_the_digest_of_its_bytes() -> None:
    digest = hashlib.sha256(b"\xc3\xa4\xff").hexdigest()
    assert fingerprint.of_text("ä\udcff") == digest
