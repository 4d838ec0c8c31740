"""Fixtures that every test may use: a home of its own for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data home and a cache home below the test's own folder."""
    return Settings(data=tmp_path / "home", cache=tmp_path / "cache")
