"""Packages of several types in marks and fingerprints; those of Python alone stay as they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.cli import shown
from runner.environments import contents, markers
from runner.environments.base import Package
from runner.fingerprint import of_value
from tests.support.runs import make_run

if TYPE_CHECKING:
    from pathlib import Path

SIX = Package("six", "1.16.0", "git+https://git.example/six@1")
TZDATA = Package("tzdata", "2024a-0", type="deb")


def test_a_mark_keeps_types_and_is_unchanged_for_python_packages(tmp_path: Path) -> None:
    marker = markers.Marker("l" * 64, None, None, (SIX, TZDATA), "f" * 64, "s" * 64)
    markers.finish(tmp_path, marker)
    assert markers.read(tmp_path) == marker
    written = json.loads((tmp_path / contents.MARKER).read_bytes())["packages"]
    assert [one.get("type") for one in written] == [None, "deb"]


def test_a_fingerprint_tells_types_apart_and_older_ones_hold() -> None:
    before = of_value("environment-contents", [["3"], [[SIX.name, SIX.version, SIX.source]], {}])
    assert contents.fingerprint(["3"], None, [SIX]) == before
    one = contents.fingerprint([], None, [TZDATA])
    assert one != contents.fingerprint([], None, [Package("tzdata", "2024a-0")])


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ({"pypi": 12}, "12 packages"),
        ({"deb": 88, "pypi": 1}, "88 Debian packages, 1 Python package"),
        ({"apk": 15}, "15 Alpine packages"),
        ({"conda": 3, "rpm": 2}, "3 conda packages, 2 rpm packages"),
    ],
)
def test_a_run_shows_how_many_packages_of_each_type(types: dict[str, int], said: str) -> None:
    packages = tuple(
        Package(f"p{number}", "1", type=sort)
        for sort, count in types.items()
        for number in range(count)
    )
    run = make_run()
    environment = replace(run.environment, packages=packages)
    lines = list(shown.record_lines(make_run(environment=environment)))
    assert any(line.endswith(f"venv, Python 3.11.7, {said}") for line in lines), lines
