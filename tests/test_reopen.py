"""A recorded run laid out again: its checkout, its variables, its lock; and what can be amiss."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import pipeline, reopen
from runner.errors import StoreError
from runner.executors import step_tools
from runner.progress import Silent
from runner.request import Request
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from runner.settings import Settings
    from runner.store.records import Run

MANIFEST = "entry_points: {main: {command: 'env > env.txt; pwd > pwd.txt', env: {SEED: '7'}}}\n"
# bash's own and pytest's
PASSING = {"_", "SHLVL", "PWD", "OLDPWD", "PYTEST_CURRENT_TEST"}


@pytest.fixture
def run(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A finished run of a repository, with what is on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}", prepend=":")
    repository = Repository(tmp_path / "project").write("MLproject", MANIFEST)
    repository.commit()
    asked = Request(uri=str(repository.path), caller=tmp_path, env_manager="local")
    return pipeline.run(asked, settings=settings)


def test_a_run_is_seen_again_as_its_step_saw_it(run: Run, settings: Settings) -> None:
    assert run.directory is not None
    seen = (run.directory / "artifacts/env.txt").read_text().splitlines()
    then = dict(line.split("=", 1) for line in seen if line.partition("=")[0] not in PASSING)
    # What a reprun that the step starts needs to know, and where the run's endpoint was.
    then = step_tools.without(then, settings)
    then = {name: value for name, value in then.items() if not name.startswith("REPRUN_")}
    assert then.pop("PYTHONPATH") == ""
    assert then.pop("MLFLOW_RUN_ID") == run.id
    with reopen.reopened("latest", settings=settings, progress=Silent()) as opened:
        assert {name: opened.variables.get(name) for name in then} == then
        assert (run.directory / "artifacts/pwd.txt").read_text() == f"{opened.directory}\n"
        assert opened.start("test -f MLproject && exit 3") == 3
        assert opened.start("kill -TERM $$") == 128 + 15
        prefix = Path(opened.variables["PYTHONPYCACHEPREFIX"])
        # The standard library's bytecode is found again, or every start would compile it.
        assert list(prefix.rglob("python3*"))
    assert not prefix.exists()
    assert not opened.directory.exists()


def test_a_lock_that_is_gone_or_changed_is_not_used(run: Run) -> None:
    assert run.directory is not None
    lock = run.directory / "lock"
    lock.chmod(0o644)
    lock.write_text("six==1.0\n")
    with pytest.raises(StoreError, match="is not the lock that the run's record names"):
        reopen.recorded_lock(run)
    lock.unlink()
    with pytest.raises(StoreError, match="can't be read: no such file or directory"):
        reopen.recorded_lock(run)
