"""The journal of what was logged: written whole, read whatever was done to it."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from runner.store import journal
from tests.support import disks

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *lines: bytes) -> None:
    (folder / "logged.jsonl").write_bytes(b"".join(lines))


def test_nothing_was_logged(tmp_path: Path) -> None:
    assert journal.state_of(tmp_path).empty
    assert list(journal.history(tmp_path, "a")) == []


@pytest.mark.parametrize(
    "damage",
    [
        b"\n", b"{\n", b"[1]\n", b"null\n", b'{"parameters": 5}\n', b'{"tags": {"a": 1}}\n',
        b'{"metrics": [["a"]]}\n', b'{"metrics": [["a", "big", 1, 1]]}\n', b"\xff\xfe\n",
        b'{"model": 3}\n', b'{"model": {"name": "no id"}}\n', b'{"inputs": ["x"]}\n',
        b'{"status": 7}\n', b'{"model": {"id": ' + b"[" * 100_000 + b"\n", b'{"new": "key"}\n',
    ],
)  # fmt: skip
def test_a_damaged_line_costs_nothing_but_itself(tmp_path: Path, damage: bytes) -> None:
    before, after = b'{"tags": {"a": "1"}}\n', b'{"tags": {"b": "2"}}\n'
    write(tmp_path, before, damage, after, b'{"tags": {"torn": "o')
    state = journal.state_of(tmp_path)
    assert state.tags == {"a": "1", "b": "2"}
    assert (state.models, state.metrics, state.inputs, state.status) == ({}, {}, [], None)


def test_a_copy_does_not_change(tmp_path: Path) -> None:
    write(
        tmp_path,
        b'{"metrics": [["a", 1, 0, 0]], "model": "m-1"}\n',
        b'{"model": {"id": "m-1", "name": "n", "tags": {"x": "1"}}}\n',
    )
    state = journal.state_of(tmp_path)
    copied = state.copy()
    journal.fold(state, {"metrics": [("a", 2.0, 1, 1)], "model": "m-1", "tags": {"t": "u"}})
    journal.fold(state, {"model": {"id": "m-1", "tags": {"x": None}}})
    assert copied.metrics["a"].last == 1.0
    assert copied.models["m-1"] == {
        "id": "m-1", "metrics": {"a": 1.0}, "name": "n", "tags": {"x": "1"},
    }  # fmt: skip
    assert state.models["m-1"]["tags"] == {}
    assert copied.tags == {}


def test_series_leave_nan_aside(tmp_path: Path) -> None:
    points = [("a", value, 0, time) for time, value in enumerate((math.nan, 2.0, math.nan, 1.0))]
    line = journal.line_of({"metrics": [journal.written(point) for point in points]})
    write(tmp_path, line)
    series = journal.state_of(tmp_path).metrics["a"]
    assert (series.last, series.count, series.smallest, series.largest) == (1.0, 4, 1.0, 2.0)
    values = [value for _, value, _, _ in journal.history(tmp_path, "a")]
    assert [math.isnan(value) for value in values] == [True, False, True, False]


def test_what_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path / "disk") as folder:
        handle = journal.opened(folder)
        journal.append(handle, journal.line_of({"tags": {"a": "1"}}))
        with pytest.raises(OSError, match="No space left"):
            journal.append(handle, journal.line_of({"tags": {"b": "x" * (2 << 20)}}))
        journal.append(handle, journal.line_of({"tags": {"c": "3"}}))
        os.close(handle)
        assert journal.state_of(folder).tags == {"a": "1", "c": "3"}
        assert (folder / "logged.jsonl").read_bytes().count(b"\n") == 2


def test_a_link_in_the_journals_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("")
    (tmp_path / "logged.jsonl").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic links"):
        journal.opened(tmp_path)
