"""What a container prints arrives whole, whoever reads it, and whatever its command is made of."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecutionError, StepLost
from tests.support import stand_in
from tests.support.contained import LABEL, Containers, left_in
from tests.support.filesystems import fill, mounted
from tests.support.own_engine import own_engine
from tests.support.processes import resident_bytes, wait_until
from tests.support.steps import STEPS_IN, execution_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.executors.base import Outcome
    from tests.support.engine import Engine


@pytest.fixture
def containers(any_engine: Engine, tmp_path: Path) -> Iterator[Containers]:
    """Either engine's; in the end there is none of them left."""
    yield Containers(any_engine.address, tmp_path)
    assert left_in(any_engine.address, tmp_path) == []


def test_output_is_shown_while_the_step_runs(
    containers: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEPS_IN, containers.address)
    command = "printf '10%%\\r'; until test -e seen; do sleep 0.01; done; echo done"
    reprun = stand_in.start(tmp_path, command, stdout=subprocess.PIPE)
    assert reprun.stdout is not None
    assert reprun.stdout.read(4) == b"10%\r"
    assert (tmp_path / "stdout.log").read_bytes() == b"10%\r"
    (tmp_path / "project/seen").touch()
    assert reprun.stdout.read() == b"done\n"
    assert reprun.wait(20) == 0
    reprun.stdout.close()


def test_much_output_takes_little_memory(
    containers: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEPS_IN, containers.address)
    command = "head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2; touch ready; sleep 600"
    reprun = stand_in.start(tmp_path, command)
    wait_until((tmp_path / "project/ready").exists, seconds=60)
    wait_until(lambda: (tmp_path / "stderr.log").stat().st_size == 100_000_000)
    held = resident_bytes(reprun.pid)
    reprun.terminate()
    assert reprun.wait(20) == 143
    assert (tmp_path / "stdout.log").stat().st_size == 100_000_000
    assert held < 90 << 20  # of which the SDK is half


def test_many_lines_are_all_there_and_in_order(containers: Containers, tmp_path: Path) -> None:
    shown = io.BytesIO()
    containers.execute(execution_in(tmp_path, "seq 300000"), show=(shown, shown))
    expected = "".join(f"{number}\n" for number in range(1, 300_001)).encode()
    assert (tmp_path / "stdout.log").read_bytes() == expected
    assert shown.getvalue() == expected


def test_the_order_of_both_streams_is_kept(containers: Containers, tmp_path: Path) -> None:
    command = "for i in 1 2 3 4 5; do echo out $i; sleep 0.1; echo err $i >&2; sleep 0.1; done"
    shown = io.BytesIO()
    containers.execute(execution_in(tmp_path, command), show=(shown, shown))
    lines = shown.getvalue().decode().splitlines()
    assert lines == [f"{stream} {i}" for i in range(1, 6) for stream in ("out", "err")]


def test_secrets_that_two_frames_share(containers: Containers, tmp_path: Path) -> None:
    code = "import os, sys\nfor _ in range(40): os.write(1, b'x' * 9999 + b'hunter2')"
    execution = execution_in(tmp_path, f'python3 -c "{code}"', secrets=("hunter2",))
    containers.execute(execution, show=None)
    assert execution.stdout.read_bytes() == (b"x" * 9999 + b"***") * 40


def test_a_full_disk_cuts_the_log_off_but_not_the_step(
    containers: Containers, tmp_path: Path
) -> None:
    with mounted(tmp_path / "small", size="256k") as small:
        execution = execution_in(small, "seq 100000; exit 8")
        shown = io.BytesIO()
        ballast = fill(small)
        outcome = Containers(containers.address, small, own=tmp_path).execute(
            execution, show=(shown, shown)
        )
        ballast.unlink()
    assert outcome.exit_code == 8
    assert outcome.warnings == (f"{execution.stdout} is cut off: No space left on device",)
    assert shown.getvalue().endswith(b"\n100000\n")


def test_a_reader_who_goes_away_does_not_stop_the_step(
    containers: Containers, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as show:
        outcome = containers.execute(
            execution_in(tmp_path, "seq 100000; exit 9"), show=(show, show)
        )
    assert outcome.exit_code == 9
    assert (tmp_path / "stdout.log").read_text().endswith("\n100000\n")


def test_a_step_that_closes_its_output_is_waited_for(any_engine: Engine, tmp_path: Path) -> None:
    image = "python:3.11-slim"
    entrypoint = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh"]
    body: dict[str, object] = {"HostConfig": {"Init": False}}
    silent = Containers(any_engine.address, tmp_path, image=image, body=body, entrypoint=entrypoint)
    execution = execution_in(tmp_path, "sleep 1; exit 6")
    assert silent.execute(execution, show=None).exit_code == 6
    execution = execution_in(tmp_path, "sleep 60", timeout=1.5, grace=1)
    outcome = silent.execute(execution, show=None)
    assert outcome.ended_by == "timeout"
    assert outcome.resources.wall_s < 10
    assert left_in(any_engine.address, tmp_path) == []


def test_two_at_once_in_threads(containers: Containers, tmp_path: Path) -> None:
    outcomes: dict[int, Outcome] = {}

    def run(number: int) -> None:
        command = f"for i in 1 2 3 4 5; do echo {number}; sleep 0.05; done; exit {number}"
        execution = execution_in(tmp_path / str(number), command)
        outcomes[number] = containers.execute(execution, show=None)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: outcome.exit_code for number, outcome in outcomes.items()} == {
        number: number for number in range(4)
    }
    for number in range(4):
        assert (tmp_path / str(number) / "stdout.log").read_text() == f"{number}\n" * 5


def test_thousands_of_variables_reach_the_step(containers: Containers, tmp_path: Path) -> None:
    variables = {f"MANY_{i}": "x" * 100 for i in range(5000)}
    execution = execution_in(tmp_path, "env | grep -c ^MANY_; echo ${#L}", variables=variables)
    execution.variables["L"] = "y" * 100_000  # type: ignore[index]
    containers.execute(execution, show=None)
    assert execution.stdout.read_text() == "5000\n100000\n"


def test_a_command_that_is_no_utf_8_is_run_as_it_is(containers: Containers, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\x81'; echo \xe9 $HOME `id` \"\\ '")
    command = f'printf %s {_quoted(odd)}; printf %s "$ODD" >&2'
    execution = execution_in(tmp_path, command, variables={"ODD": odd})
    containers.execute(execution, show=None)
    assert execution.stdout.read_bytes() == os.fsencode(odd)
    assert execution.stderr.read_bytes() == os.fsencode(odd)


def test_one_parameter_that_is_too_long(containers: Containers, tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="argument list too long") as caught:
        containers.execute(execution_in(tmp_path, "true " + "x" * 131_072), show=None)
    assert caught.value.hint == "shorten the parameters"
    fits = execution_in(tmp_path, "true " + "x" * 131_060)
    assert containers.execute(fits, show=None).exit_code == 0


def test_somebody_removes_the_container(any_engine: Engine, tmp_path: Path) -> None:
    def remove() -> None:
        wait_until((tmp_path / "project/ready").exists)
        [container] = any_engine.client.containers.list(filters={"label": f"{LABEL}={tmp_path}"})
        container.remove(force=True)

    thread = threading.Thread(target=remove)
    thread.start()
    execution = execution_in(tmp_path, "touch ready; sleep 60")
    # The engine first kills it: that may be seen, or nothing of it any more.
    with contextlib.suppress(StepLost):
        outcome = Containers(any_engine.address, tmp_path).execute(execution, show=None)
        assert (outcome.exit_code, outcome.ended_by) == (137, "signal")
    thread.join()
    wait_until(lambda: left_in(any_engine.address, tmp_path) == [])


def test_connections_to_the_engine_are_closed(containers: Containers, tmp_path: Path) -> None:
    containers.execute(execution_in(tmp_path, "true"), show=None)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        containers.execute(execution_in(tmp_path, "true"), show=None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# Asked in the very moment of the engine's end, the SDK leaves the socket that it could not connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
def test_the_engine_is_killed_while_the_step_runs(engine: Engine, tmp_path: Path) -> None:
    with own_engine(engine) as own:
        body: dict[str, object] = {"HostConfig": {"NetworkMode": "none"}}
        containers = Containers(own.engine.address, tmp_path, body=body)

        def kill() -> None:
            wait_until((tmp_path / "project/ready").exists)
            own.kill()

        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(StepLost, match="how the step ended is not known"):
            containers.execute(execution_in(tmp_path, "touch ready; sleep 600"), show=None)
        thread.join()
    gc.collect()


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
