"""reprun is killed, or two of it run at once: nothing is left running, nothing is built twice."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.support import samples
from tests.support.processes import processes_with, wait_until
from tests.support.silence import listen
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Served
    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def test_kill_9_in_the_step_ends_the_step_and_settles_the_run_as_lost(reprun: Program) -> None:
    samples.lay(reprun.directory)
    process = reprun.start("run", ".", *LOCAL, "-e", "wait")
    wait_until(lambda: list(reprun.home.glob("cache/work/*/*/started")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    wait_until(lambda: not processes_with(str(reprun.home)))
    (listed,) = reprun("runs", "list", "--json").document
    assert listed["status"] == "lost"
    assert "which looked after it, is gone" in reprun("runs", "show").out
    assert reprun.records()[0]["status"] == "lost"
    assert reprun.record(".", *LOCAL)["status"] == "finished"
    assert reprun.leftovers() == []


def test_kill_9_while_fetching_leaves_a_mirror_that_works(reprun: Program, served: Served) -> None:
    with listen() as silence:
        process = reprun.start("run", f"git://127.0.0.1:{silence.port}/sample")
        wait_until(lambda: silence.visitors)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    assert reprun.record(served.url, *LOCAL)["status"] == "finished"
    assert reprun.leftovers() == []


def test_two_first_runs_at_once_build_one_environment_once(
    reprun: Program, served: Served, index: Index
) -> None:
    index.wheel("six", "1.16.0")
    served.repository.write("requirements.txt", "six\n").commit()
    with terminal(reprun, "run", served.url) as one, terminal(reprun, "run", served.url) as other:
        assert [one.end(), other.end()] == [0, 0], one.text + other.text
    assert (one.seen + other.seen).count("making a virtual environment") == 1
    first, second = reprun.records()
    assert first["environment"]["hash"] == second["environment"]["hash"]
    assert first["environment"]["lock"]["sha256"] == second["environment"]["lock"]["sha256"]
    environments = [path for path in reprun.home.glob("cache/envs/venv/*") if path.is_dir()]
    assert len(environments) == 1
    assert len(list(reprun.home.glob("cache/mirrors/*.git"))) == 1
    assert reprun.leftovers() == []


def test_two_runs_at_once_have_a_checkout_each(reprun: Program) -> None:
    samples.lay(reprun.directory, "entry_points: {main: {command: 'pwd; sleep 0.7'}}\n")
    both = [reprun.start("run", ".", *LOCAL) for _ in range(2)]
    places = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(places) == 2
    assert reprun.leftovers() == []
