"""A step that does not find its run in a store of its own choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.running import other_stores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        "mlflow.exceptions.MlflowException: Run 'abc' not found",
        "mlflow.exceptions.MlflowException: Run with id=abc not found",
        "RESOURCE_DOES_NOT_EXIST: Run with id=abc not found\nmore",
    ],
)
def test_the_words_of_mlflows_stores(tmp_path: Path, text: str) -> None:
    (tmp_path / "stderr.log").write_text("x" * 100_000 + text)
    found = other_stores.explain(tmp_path / "stderr.log", "abc")
    assert found is not None
    assert "--no-tracking" in found.hint


def test_other_words(tmp_path: Path) -> None:
    (tmp_path / "stderr.log").write_text("Run 'abcd' not found; Run with id=xabc not found")
    assert other_stores.explain(tmp_path / "stderr.log", "abc") is None
    assert other_stores.explain(tmp_path / "gone.log", "abc") is None
