"""The executor for this machine keeps the contract."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.executors.local import Local
from tests.contract.executors import ExecutorContract
from tests.support.processes import children_of, wait_until
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestLocal(ExecutorContract):
    """As it is used from Python."""

    @pytest.fixture
    def executor(self) -> Local:
        return Local()


class TestPrepared(ExecutorContract):
    """The same with a supervisor that was started before the step was known."""

    @pytest.fixture
    def executor(self) -> Iterator[Local]:
        local = Local()
        local.prepare()
        yield local
        local.close()


def test_a_prepared_supervisor_is_used_once(tmp_path: Path) -> None:
    local = Local()
    local.prepare()
    for _ in range(2):
        assert local.execute(execution_in(tmp_path, "exit 5"), show=None).exit_code == 5
    local.close()


def test_a_prepared_supervisor_that_isnt_used_goes_away() -> None:
    before = set(children_of(os.getpid()))
    local = Local()
    local.prepare()
    assert set(children_of(os.getpid())) > before
    local.close()
    wait_until(lambda: set(children_of(os.getpid())) <= before)
