"""The project that the tests of this folder run, and a site to fetch from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scenes import Scene
from tests.support.website import Site, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.settings import Settings


@pytest.fixture
def scene(tmp_path: Path, settings: Settings) -> Scene:
    return Scene(tmp_path, settings)


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site
