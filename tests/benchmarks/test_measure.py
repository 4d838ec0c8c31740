"""The measuring core measures what it says it does."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.figure import Figure, Limit, Memory, Ratio, render
from tests.benchmarks.measure import (
    MEBIBYTE,
    Contender,
    ContenderFailure,
    Measurement,
    Sample,
    race,
    sample,
)

if TYPE_CHECKING:
    from pathlib import Path


def _shell(name: str, script: str, directory: Path, *, expected: int = 0) -> Contender:
    variables = {"PATH": os.environ["PATH"]}
    return Contender(name, ("sh", "-c", script), directory, variables, expected)


def test_a_sample_holds_the_whole_wall_time(tmp_path: Path) -> None:
    assert sample(_shell("sleep", "sleep 0.2", tmp_path)).wall_s >= 0.2


def test_a_sample_holds_the_peak_of_a_grandchild(tmp_path: Path) -> None:
    script = f"{sys.executable} -c 'bytearray(300 << 20)'; true"
    peak = sample(_shell("large", script, tmp_path)).peak_bytes
    assert 300 * MEBIBYTE <= peak < 400 * MEBIBYTE


def test_another_exit_status_is_no_sample_and_says_what_was_printed(tmp_path: Path) -> None:
    with pytest.raises(ContenderFailure, match=r"ended with 3: no such thing$"):
        sample(_shell("wrong", "echo one; echo no such thing >&2; exit 3", tmp_path))


def test_an_expected_exit_status_is_a_sample(tmp_path: Path) -> None:
    assert sample(_shell("right", "exit 2", tmp_path, expected=2)).wall_s > 0


def test_contenders_take_turns_and_the_first_round_is_not_counted(tmp_path: Path) -> None:
    first, second = (_shell(name, f"echo {name} >> turns", tmp_path) for name in "ab")
    measured = race((first, second), rounds=2)
    assert [len(each.samples) for each in measured] == [2, 2]
    assert (tmp_path / "turns").read_text().split() == ["a", "b", "b", "a", "a", "b"]


def test_a_failing_contender_leaves_the_others_in_the_race(tmp_path: Path) -> None:
    broken, sound = _shell("broken", "exit 1", tmp_path), _shell("sound", "true", tmp_path)
    missing = Contender("missing", ("/nonexistent/program",), tmp_path, {})
    found = {each.name: each for each in race((broken, sound, missing), rounds=1)}
    assert found["broken"].failure == "ended with 1: it printed nothing"
    assert "No such file" in str(found["missing"].failure)
    assert found["sound"].failure is None
    assert len(found["sound"].samples) == 1


def _measured(name: str, *walls: float) -> Measurement:
    return Measurement(name, tuple(Sample(wall, 64 * MEBIBYTE) for wall in walls))


def test_the_table_shows_medians_ratios_and_what_became_of_the_goals() -> None:
    failed = Measurement("theirs", failure="ended with 1: no such command")
    figure = Figure(
        "a table",
        (_measured("raw", 0.1), _measured("ours", 0.15, 0.9, 0.14), failed),
        "raw",
        (
            Ratio("ours", "raw", 2.0),
            Ratio("ours", "theirs", 0.1),
            Limit("ours", 0.1),
            Memory("ours", 60 * MEBIBYTE),
            Limit("theirs", 1.0),
        ),
    )
    assert render(figure).splitlines() == [
        "a table",
        "           median ms    min ms   ratio   peak MiB",
        "  raw          100.0     100.0    1.00       64.0",
        "  ours         150.0     140.0    1.50       64.0",
        "  theirs   failed: ended with 1: no such command",
        "  goal met: ours 1.50 times raw, at most 2.00",
        "  goal: theirs was not measured",
        "  goal MISSED: ours 150 ms, at most 100 ms",
        "  goal MISSED: ours 64.0 MiB, at most 60.0 MiB",
        "  goal: theirs was not measured",
    ]
