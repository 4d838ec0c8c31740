"""The executor for a container keeps the contract, on Docker's engine and on Podman's service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.executors import ExecutorContract
from tests.support.contained import OWN_VARIABLES, Containers, left_in
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.executors.base import Executor
    from tests.support.engine import Engine


class TestContained(ExecutorContract):
    """Its own statements stand where a container differs by nature."""

    python = "python3"
    tells_signals = False
    own_variables = OWN_VARIABLES

    @pytest.fixture
    def executor(self, any_engine: Engine, tmp_path: Path) -> Iterator[Containers]:
        yield Containers(any_engine.address, tmp_path)
        assert left_in(any_engine.address, tmp_path) == []

    def test_no_bash(self, executor: Executor, tmp_path: Path) -> None:
        """Which shell an image has was seen when it was examined; here it says so itself."""
        assert isinstance(executor, Containers)
        execution = execution_in(tmp_path, "true", variables={"PATH": "/bin"})
        bare = Containers(executor.address, tmp_path, image="alpine:3.20")
        assert bare.execute(execution, show=None).exit_code == 127
        assert "bash: not found" in execution.stderr.read_text()
