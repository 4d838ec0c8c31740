"""What every executor does; an executor's own test module subclasses the suite."""

from __future__ import annotations

import io
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecutionError
from tests.support.processes import processes_with
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from pathlib import Path

    from runner.executors.base import Executor, Outcome

PYTHON = sys.executable


class ExecutorContract:
    """Subclasses have a fixture `executor`.

    Attributes:
        python: runs Python code where the step runs.
        tells_signals: whether a step that died of signal N and one that exited with 128+N are
            told from each other.
        own_variables: what a step sees there beside what it is given.
    """

    python = PYTHON
    tells_signals = True
    own_variables: frozenset[bytes] = frozenset()

    @pytest.mark.parametrize(
        ("command", "exit_code", "ended_by"),
        [
            ("true", 0, "exit"),
            ("exit 3", 3, "exit"),
            ("no-such-command-anywhere", 127, "exit"),
            ("exit 255", 255, "exit"),
            ("bash -c 'kill -KILL $$'; exit $?", 137, "exit"),
            ("kill -KILL $$", 137, "signal"),
            ("kill -SEGV $$", 139, "signal"),
        ],
    )
    def test_exit_status_is_the_commands(
        self, executor: Executor, tmp_path: Path, command: str, exit_code: int, ended_by: str
    ) -> None:
        outcome = executor.execute(execution_in(tmp_path, command), show=None)
        if exit_code == 137 and not self.tells_signals:
            ended_by = "signal"
        assert (outcome.exit_code, outcome.ended_by) == (exit_code, ended_by)
        assert outcome.signal == (exit_code - 128 if ended_by == "signal" else None)
        assert outcome.warnings == ()

    def test_output_is_kept_and_shown_byte_for_byte(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        code = (
            "import os; os.write(1, bytes(range(256)) + b'10%\\r20%\\r'); os.write(2, b'\\xff no')"
        )
        execution = execution_in(tmp_path, f'exec {self.python} -c "{code}"')
        shown = io.BytesIO(), io.BytesIO()
        executor.execute(execution, show=shown)
        expected = (bytes(range(256)) + b"10%\r20%\r", b"\xff no")
        assert (shown[0].getvalue(), shown[1].getvalue()) == expected
        assert (execution.stdout.read_bytes(), execution.stderr.read_bytes()) == expected

    def test_an_earlier_log_is_replaced(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "echo new")
        execution.stdout.write_text("something longer from before")
        executor.execute(execution, show=None)
        assert execution.stdout.read_text() == "new\n"

    def test_the_step_sees_its_variables_and_directory_and_no_others(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        variables = {"GIVEN": "ä\nb=c", "BYTES": b"\xff".decode(errors="surrogateescape")}
        execution = execution_in(tmp_path, "env -0; pwd", variables=variables)
        executor.execute(execution, show=None)
        *pairs, directory = execution.stdout.read_bytes().split(b"\0")
        seen = dict(pair.split(b"=", 1) for pair in pairs)
        assert seen[b"GIVEN"] == "ä\nb=c".encode()
        assert seen[b"BYTES"] == b"\xff"
        made_by_bash = {b"PWD", b"SHLVL", b"_", b"OLDPWD"}
        given = {name.encode() for name in execution.variables}
        assert given <= set(seen)
        assert set(seen) - made_by_bash - given <= self.own_variables
        assert directory.decode().strip() == str(execution.directory)

    def test_input_is_empty(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "cat; readlink /proc/self/fd/0")
        executor.execute(execution, show=None)
        assert execution.stdout.read_text() == "/dev/null\n"

    def test_nothing_of_ours_is_left_open_in_the_step(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        execution = execution_in(tmp_path, "exec ls /proc/self/fd")
        with (tmp_path / "held").open("w"):
            executor.execute(execution, show=None)
        assert execution.stdout.read_text().split() == ["0", "1", "2", "3"]  # 3 is of ls itself

    @pytest.mark.parametrize("command", ["sleep 60", "trap '' TERM INT HUP; while :; do :; done"])
    def test_time_out(self, executor: Executor, tmp_path: Path, command: str) -> None:
        begun = time.monotonic()
        execution = execution_in(tmp_path, command, timeout=0.3, grace=0.3)
        outcome = executor.execute(execution, show=None)
        assert (outcome.exit_code, outcome.ended_by) == (124, "timeout")
        assert 0.3 <= outcome.resources.wall_s < 10
        assert time.monotonic() - begun < 10
        assert processes_with(str(tmp_path)) == []

    def test_a_step_may_tidy_up_at_time_out(self, executor: Executor, tmp_path: Path) -> None:
        command = "trap 'echo saved; exit 0' TERM; while :; do sleep 0.05; done"
        execution = execution_in(tmp_path, command, timeout=0.5)
        outcome = executor.execute(execution, show=None)
        assert (outcome.exit_code, outcome.ended_by) == (124, "timeout")
        assert execution.stdout.read_text() == "saved\n"

    def test_secrets_are_replaced_wherever_a_read_splits_them(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        command = "printf 'a hunt'; sleep 0.2; printf 'er2 b hunter22 hunt'; echo hunter2 >&2"
        execution = execution_in(tmp_path, command, secrets=("hunter2", "hunter22", ""))
        shown = io.BytesIO(), io.BytesIO()
        executor.execute(execution, show=shown)
        assert execution.stdout.read_bytes() == b"a *** b *** hunt"
        assert execution.stderr.read_bytes() == b"***\n"
        assert shown[0].getvalue() == b"a *** b *** hunt"

    def test_times_and_resources_cover_every_process(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        burn = f"{self.python} -c 'x = bytearray(80 << 20); sum(range(9_000_000))'"
        before = datetime.now(UTC)
        outcome = executor.execute(execution_in(tmp_path, f"({burn}; true); true"), show=None)
        assert before <= outcome.started <= outcome.ended <= datetime.now(UTC)
        used = outcome.resources
        assert 80 << 20 < used.peak_memory_bytes < 400 << 20
        assert used.cpu_user_s + used.cpu_system_s > 0.05
        assert used.wall_s >= 0.05

    def test_a_step_runs_in_another_thread(self, executor: Executor, tmp_path: Path) -> None:
        before = signal.getsignal(signal.SIGINT)
        outcomes: list[Outcome] = []
        execution = execution_in(tmp_path, "exit 4")
        thread = threading.Thread(
            target=lambda: outcomes.append(executor.execute(execution, show=None))
        )
        thread.start()
        thread.join()
        assert outcomes[0].exit_code == 4
        assert signal.getsignal(signal.SIGINT) is before

    def test_no_such_directory(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "true")
        execution.directory.rmdir()
        with pytest.raises(ExecutionError, match=r"^no directory .*/project to run the step in$"):
            executor.execute(execution, show=None)
        assert not execution.stdout.exists()

    def test_no_bash(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "true", variables={"PATH": "/nowhere"})
        with pytest.raises(ExecutionError, match="no `bash` on the step's PATH") as caught:
            executor.execute(execution, show=None)
        assert caught.value.hint == "install bash"
        assert caught.value.exit_code == 125
        assert not execution.stdout.exists()

    def test_a_command_too_long_for_the_system(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "true " + "x" * (4 << 20))
        with pytest.raises(ExecutionError, match="argument list too long") as caught:
            executor.execute(execution, show=None)
        assert caught.value.hint == "shorten the parameters"

    def test_a_command_with_a_nul(self, executor: Executor, tmp_path: Path) -> None:
        with pytest.raises(ExecutionError, match="a NUL character in the command: 'a"):
            executor.execute(execution_in(tmp_path, "a\0b"), show=None)

    @pytest.mark.parametrize("name", ["", "A=B", "A\0"])
    def test_a_variable_no_process_can_have(
        self, executor: Executor, tmp_path: Path, name: str
    ) -> None:
        execution = execution_in(tmp_path, "true", variables={name: "x"})
        with pytest.raises(ExecutionError, match="no process can have the variable"):
            executor.execute(execution, show=None)

    def test_a_log_that_cant_be_made(self, executor: Executor, tmp_path: Path) -> None:
        execution = execution_in(tmp_path, "touch started")
        execution.stdout.mkdir()
        with pytest.raises(ExecutionError, match=r"can't keep the step's output in .*stdout\.log"):
            executor.execute(execution, show=None)
        assert not (execution.directory / "started").exists()
