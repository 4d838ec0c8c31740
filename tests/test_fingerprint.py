"""Digests of values and trees: the same for the same, different for anything that differs."""

from __future__ import annotations

import itertools
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files, a program, a link and a folder."""
    root = tmp_path / "tree"
    (root / "sub/empty").mkdir(parents=True)
    (root / "a").write_text("a")
    (root / "sub/b").write_text("b")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("./a")
    return root


def test_a_copy_has_the_same_digest(tree: Path) -> None:
    copy = tree.with_name("copy")
    shutil.copytree(tree, copy, symlinks=True)
    (copy / "a").chmod(0o600)
    os.utime(copy / "a", (1, 1))
    (copy / "sub/empty").rmdir()
    os.mkfifo(copy / "pipe")
    assert fingerprint.of_tree(copy) == fingerprint.of_tree(tree)


@pytest.mark.parametrize(
    "change",
    [
        "echo more >> a",
        "mv a c",
        "chmod +x a",
        "chmod -x run",
        "ln -sfn a link",
        "rm link; cp a link",
        "mv sub/b b",
        "touch sub/new",
        "rm sub/b",
        "touch $'\\xff'",
    ],
)
def test_what_counts(tree: Path, change: str) -> None:
    import subprocess

    before = fingerprint.of_tree(tree)
    subprocess.run(["bash", "-c", change], cwd=tree, check=True)
    assert fingerprint.of_tree(tree) != before


def test_what_is_ignored_doesnt_count(tree: Path) -> None:
    def ignored(path: str) -> bool:
        return path in {".git", "sub/cache"}

    before = fingerprint.of_tree(tree, ignore=ignored)
    for folder in (".git", "sub/cache"):
        (tree / folder).mkdir()
        (tree / folder / "x").write_text("x")
    assert fingerprint.of_tree(tree, ignore=ignored) == before
    assert fingerprint.of_tree(tree) != before


def test_links_arent_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_text("x")
    (tree / "out").symlink_to(tmp_path / "outside")
    before = fingerprint.of_tree(tree)
    (tmp_path / "outside/x").write_text("y")
    assert fingerprint.of_tree(tree) == before


def test_many_large_files_are_digested_in_their_order(tmp_path: Path) -> None:
    import hashlib

    paths = [tmp_path / str(number) for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (4 << 20))
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert fingerprint.of_files(paths) == expected
    assert fingerprint.of_files(paths[:1]) == expected[:1]
    assert [*itertools.chain(fingerprint.of_files([]))] == []
