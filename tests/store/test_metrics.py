"""Metrics: the numbers of the JSON files that a step wrote."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.manifest.model import Output
from runner.store import metrics
from tests.support.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.metrics import Metrics


def read(tmp_path: Path, settings: Settings, *globs: str, **files: str | bytes) -> Metrics:
    work = Work(tmp_path / "checkout", settings)
    for name, content in files.items():
        work.write(name.replace("__", "/") + ".json", content)
    declared = tuple(Output(glob) for glob in globs)
    return metrics.read(declared, work.capture(), project=work.project)


def test_nested_numbers(tmp_path: Path, settings: Settings) -> None:
    text = '{"a": 1, "b": {"c": 0.5, "d": {"e": -2e-3}}, "t": "x", "y": true, "n": null, "l": [1]}'
    found = read(tmp_path, settings, "m.json", m=text)
    assert found.values == {"a": 1.0, "b.c": 0.5, "b.d.e": -0.002}
    assert found.warnings == ()


def test_several_files_and_a_lone_number(tmp_path: Path, settings: Settings) -> None:
    found = read(
        tmp_path, settings, "**/*.json", "f1/*.json",
        f1__m='{"acc": 1, "only": 3}', f2__m='{"acc": 2}', score="\ufeff0.75",
    )  # fmt: skip
    assert found.values == {"f1/m.acc": 1.0, "only": 3.0, "f2/m.acc": 2.0, "score": 0.75}
    assert found.warnings == ()


def test_numbers_beyond_json(tmp_path: Path, settings: Settings) -> None:
    huge = "1" + "0" * 400
    found = read(tmp_path, settings, "m.json", m=f'{{"a": NaN, "b": -Infinity, "c": {huge}}}')
    assert math.isnan(found.values["a"])
    assert found.values["b"] == -math.inf
    assert found.warnings == ("m.json: `c` is too large for a metric",)


def test_what_is_no_metrics_file_is_named(tmp_path: Path, settings: Settings) -> None:
    found = read(
        tmp_path, settings, "*.json", "other/*.json",
        broken='{"a": 1,\n "b" 2}', latin=b'{"\xe9": 1}', text='"hello"', deep="[" * 100_000,
    )  # fmt: skip
    assert found.values == {}
    broken, deep, latin, text, other = found.warnings
    assert broken == "broken.json:2:6: not JSON: expecting ':' delimiter"
    assert deep.startswith("deep.json: can't be read for metrics: maximum recursion depth")
    assert latin.startswith("latin.json: can't be read for metrics: 'utf-8' codec")
    assert text == "text.json: holds no numbers"
    assert other == "metrics `other/*.json` name no file that the step wrote"


def test_links_are_not_followed(tmp_path: Path, settings: Settings) -> None:
    work = Work(tmp_path / "checkout", settings)
    (tmp_path / "outside.json").write_text('{"stolen": 1}')
    (work.root / "m.json").symlink_to(tmp_path / "outside.json")
    found = metrics.read((Output("m.json"),), work.capture(), project=work.project)
    assert found.values == {}
    assert found.warnings == ("m.json: a link, or more than 64 MiB, is not read for metrics",)
