"""What steps of public projects expect of the place that they run in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import samples
from tests.support.nobody import NOBODY  # noqa: F401
from tests.support.repositories import run_git

if TYPE_CHECKING:
    from tests.cli.conftest import Served
    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
