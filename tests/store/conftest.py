"""A checkout to work in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings


@pytest.fixture
def work(tmp_path: Path, settings: Settings) -> Work:
    return Work(tmp_path / "checkout", settings)
