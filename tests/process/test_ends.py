"""Nothing of a step outlives it: whatever detached itself, whoever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import StepLost
from runner.executors.local import Local
from runner.locking import try_hold
from tests.support import stand_in
from tests.support.processes import children_of, processes_with, wait_until
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from pathlib import Path

# Two forks and two sessions away from bash, deaf to SIGTERM and SIGHUP.
DAEMON = """
(setsid bash -c 'trap "" TERM HUP INT; (setsid bash -c "
    trap \\"\\" TERM HUP INT; touch daemon; exec -a far-away sleep 600" &) ; exit' &)
until test -e daemon; do sleep 0.01; done
"""


def test_a_daemon_that_is_left_behind_is_ended_and_told(tmp_path: Path) -> None:
    execution = execution_in(tmp_path, DAEMON + "exit 7", grace=0.3)
    outcome = Local().execute(execution, show=None)
    assert (outcome.exit_code, outcome.ended_by) == (7, "exit")
    assert outcome.warnings == ("the step left 1 process that was ended: `sleep`",)
    assert outcome.resources.wall_s < 1  # the step's own time, not what its leftovers took
    assert processes_with(str(tmp_path)) == []


def test_what_ends_by_itself_soon_after_is_no_leftover(tmp_path: Path) -> None:
    execution = execution_in(tmp_path, "(sleep 0.3; echo late) & echo early")
    outcome = Local().execute(execution, show=None)
    assert outcome.warnings == ()
    assert execution.stdout.read_text() == "early\nlate\n"


def test_many_leftovers_are_counted(tmp_path: Path) -> None:
    execution = execution_in(tmp_path, "for i in {1..7}; do sleep 600 & done")
    outcome = Local().execute(execution, show=None)
    assert outcome.warnings == (
        "the step left 7 processes that were ended: " + "`sleep`, " * 5 + "…",
    )
    assert processes_with(str(tmp_path)) == []


def test_a_process_cant_forge_the_report_by_its_name(tmp_path: Path) -> None:
    name = "open('/proc/self/comm', 'wb').write(b'\\rfailed 2\\x1b[2J')"
    code = f"{name}; open('ready', 'w'); import time; time.sleep(600)"
    command = f'{sys.executable} -c "{code}" & until test -e ready; do sleep 0.01; done; exit 3'
    outcome = Local().execute(execution_in(tmp_path, command), show=None)
    assert outcome.exit_code == 3
    assert outcome.warnings == ("the step left 1 process that was ended: `?failed 2?[2J`",)


def test_a_stopped_process_hears_that_it_should_end(tmp_path: Path) -> None:
    command = "trap 'echo heard; exit' TERM; kill -STOP $$; while :; do sleep 0.01; done"
    execution = execution_in(tmp_path, command, timeout=0.5)
    assert Local().execute(execution, show=None).ended_by == "timeout"
    assert execution.stdout.read_text() == "heard\n"


def test_a_fork_storm_ends_at_time_out(tmp_path: Path) -> None:
    storm = """
    trap '' TERM
    spawn() { trap '' TERM; while :; do (setsid bash -c 'trap "" TERM; sleep 600' &) ; done; }
    for i in 1 2 3; do spawn & done
    wait
    """
    limited = "ulimit -u 100000; " + storm
    outcome = Local().execute(execution_in(tmp_path, limited, timeout=1.0, grace=0.2), show=None)
    assert (outcome.exit_code, outcome.ended_by, outcome.warnings) == (124, "timeout", ())
    assert processes_with(str(tmp_path)) == []


def test_a_step_that_signals_its_group_hits_only_itself(tmp_path: Path) -> None:
    outcome = Local().execute(execution_in(tmp_path, "kill -KILL 0"), show=None)
    assert (outcome.exit_code, outcome.ended_by) == (137, "signal")


def test_reprun_is_killed(tmp_path: Path) -> None:
    reprun = stand_in.start(tmp_path, DAEMON + "sleep 600", grace=0.5)
    wait_until((tmp_path / "project/daemon").exists)
    supervisor = children_of(reprun.pid)
    reprun.kill()
    reprun.wait()
    wait_until(lambda: processes_with(str(tmp_path)) == [])
    assert len(supervisor) == 1
    assert not (tmp_path / "outcome.json").exists()


def test_the_step_may_tidy_up_when_reprun_is_killed(tmp_path: Path) -> None:
    command = "trap 'touch saved; exit' TERM; touch ready; while :; do sleep 0.05; done"
    reprun = stand_in.start(tmp_path, command)
    wait_until((tmp_path / "project/ready").exists)
    reprun.kill()
    reprun.wait()
    wait_until((tmp_path / "project/saved").exists)
    wait_until(lambda: processes_with(str(tmp_path)) == [])


def test_locks_stay_held_until_the_step_of_a_killed_reprun_has_ended(tmp_path: Path) -> None:
    tidy = "trap 'echo tidying; sleep 1; touch saved; exit' TERM; "
    command = tidy + "touch ready; while :; do sleep 0.05; done"
    reprun = stand_in.start(tmp_path, command)
    wait_until((tmp_path / "project/ready").exists)
    reprun.kill()
    reprun.wait()
    assert try_hold(tmp_path / "lock") is None
    wait_until(lambda: try_hold(tmp_path / "lock") is not None)
    assert (tmp_path / "project/saved").exists()


def test_a_supervisor_without_an_order_ends_with_reprun(tmp_path: Path) -> None:
    code = "from runner.executors.local import Local; import time\n"
    code += "local = Local(); local.prepare(); print(flush=True); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=stand_in.ROOT,
        env={**os.environ, "MARK": str(tmp_path)},
        stdout=subprocess.PIPE,
    ) as reprun:
        assert reprun.stdout is not None
        reprun.stdout.readline()
        assert len(processes_with(str(tmp_path))) == 2
        reprun.kill()
    wait_until(lambda: processes_with(str(tmp_path)) == [])


def test_the_supervisor_is_killed(tmp_path: Path) -> None:
    command = "sleep 601 & touch ready; kill -KILL $PPID; sleep 600"
    with pytest.raises(
        StepLost, match=r"supervisor \(process \d+\) is gone \(was killed\)"
    ) as caught:
        Local().execute(execution_in(tmp_path, command), show=None)
    assert caught.value.exit_code == 125
    wait_until(lambda: processes_with(str(tmp_path)) == [])


def test_somebody_asks_the_supervisor_to_end(tmp_path: Path) -> None:
    outcome = Local().execute(execution_in(tmp_path, "kill -TERM $PPID; sleep 600"), show=None)
    assert (outcome.exit_code, outcome.ended_by, outcome.signal) == (143, "interrupt", 15)


def test_a_fault_while_the_step_runs_ends_it(tmp_path: Path) -> None:
    def fault(_number: int, _frame: object) -> None:
        raise RuntimeError("as a notebook's own handler may")

    before = signal.signal(signal.SIGALRM, fault)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    begun = time.monotonic()
    try:
        with pytest.raises(RuntimeError, match="own handler"):
            Local().execute(execution_in(tmp_path, DAEMON + "sleep 600", grace=0.2), show=None)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begun < 10
    assert processes_with(str(tmp_path)) == []
