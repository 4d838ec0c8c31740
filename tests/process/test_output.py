"""Output arrives as it comes, in bounded memory, and nobody who reads it can stop the step."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from runner.executors.local import Local
from runner.process.redaction import Redaction
from tests.support import stand_in
from tests.support.filesystems import fill, mounted
from tests.support.processes import children_of, resident_bytes, wait_until
from tests.support.steps import execution_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_output_is_shown_while_the_step_runs(tmp_path: Path) -> None:
    command = "printf '10%%\\r'; until test -e seen; do sleep 0.01; done; echo done"
    reprun = stand_in.start(tmp_path, command, stdout=subprocess.PIPE)
    assert reprun.stdout is not None
    assert reprun.stdout.read(4) == b"10%\r"
    assert (tmp_path / "stdout.log").read_bytes() == b"10%\r"
    (tmp_path / "project/seen").touch()
    assert reprun.stdout.read() == b"done\n"
    assert reprun.wait(20) == 0
    reprun.stdout.close()


def test_much_output_takes_little_memory(tmp_path: Path) -> None:
    command = "head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2; touch ready; sleep 600"
    reprun = stand_in.start(tmp_path, command)
    wait_until((tmp_path / "project/ready").exists)
    [supervisor] = children_of(reprun.pid)
    held = resident_bytes(reprun.pid) + resident_bytes(supervisor)
    reprun.terminate()
    reprun.wait(20)
    for name in ("stdout.log", "stderr.log"):
        assert (tmp_path / name).stat().st_size == 100_000_000
    assert held < 45 << 20


def test_a_reader_who_goes_away_doesnt_stop_the_step(tmp_path: Path) -> None:
    command = "echo first; until test -e gone; do sleep 0.01; done; seq 100000; exit 9"
    reprun = stand_in.start(tmp_path, command, stdout=subprocess.PIPE)
    assert reprun.stdout is not None
    reprun.stdout.read(6)
    reprun.stdout.close()
    (tmp_path / "project/gone").touch()
    assert reprun.wait(20) == 9
    assert (tmp_path / "stdout.log").read_text().endswith("\n100000\n")


def test_a_closed_file_of_a_notebook_doesnt_either(tmp_path: Path) -> None:
    closed = io.BytesIO()
    closed.close()
    outcome = Local().execute(execution_in(tmp_path, "seq 10"), show=(closed, closed))
    assert outcome.exit_code == 0


def test_a_slow_reader_gets_everything(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # as whoever shares the terminal may have done
    seen = bytearray()

    def read_slowly() -> None:
        while block := os.read(reading, 30_000):
            seen.extend(block)
            time.sleep(0.01)

    thread = threading.Thread(target=read_slowly)
    thread.start()
    with os.fdopen(writing, "wb", buffering=0) as show:
        Local().execute(execution_in(tmp_path, "seq 100000"), show=(show, show))
    thread.join()
    os.close(reading)
    assert bytes(seen) == (tmp_path / "stdout.log").read_bytes()
    assert seen.endswith(b"\n100000\n")


def test_a_full_disk_cuts_the_log_off_but_not_the_step(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", size="256k") as small:
        execution = execution_in(small, "seq 100000; exit 8")
        shown = io.BytesIO()
        ballast = fill(small)
        outcome = Local().execute(execution, show=(shown, shown))
        ballast.unlink()
    assert outcome.exit_code == 8
    assert outcome.warnings == (f"{execution.stdout} is cut off: No space left on device",)
    assert shown.getvalue().endswith(b"\n100000\n")


def test_the_order_of_both_streams_is_kept(tmp_path: Path) -> None:
    command = "for i in 1 2 3 4 5; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; done"
    shown = io.BytesIO()
    Local().execute(execution_in(tmp_path, command), show=(shown, shown))
    lines = shown.getvalue().decode().splitlines()
    assert lines == [f"{stream} {i}" for i in range(1, 6) for stream in ("out", "err")]


def test_large_variables_reach_the_step(tmp_path: Path) -> None:
    variables = {f"LARGE_{i}": "x" * 100_000 for i in range(8)}
    execution = execution_in(tmp_path, "echo ${#LARGE_7}", variables=variables)
    Local().execute(execution, show=None)
    assert execution.stdout.read_text() == "100000\n"


def test_the_supervisor_costs_no_more_than_20_ms(tmp_path: Path) -> None:
    def cost(work: Callable[[], object]) -> float:
        """CPU seconds, ours and our children's: the wall's depend on who else is busy here."""
        begun = os.times()
        work()
        return sum(os.times()[:4]) - sum(begun[:4])

    local, execution = Local(), execution_in(tmp_path, "true")
    turns = 30
    plain = cost(lambda: [subprocess.run(execution.argv, check=True) for _ in range(turns)])
    ours = cost(lambda: [local.execute(execution, show=None) for _ in range(turns)])
    assert (ours - plain) / turns < 0.020


def test_the_supervisor_imports_nothing_slow() -> None:
    folder = stand_in.ROOT / "runner/process"
    code = f"import sys; sys.path.append({str(folder)!r}); import supervisor; print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", code]
    modules = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    assert not {"typing", "enum", "re", "signal", "subprocess", "dataclasses"} & set(modules)
    assert len(modules) < 50


@given(
    secrets=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    text=st.text("abc", max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_redaction_doesnt_depend_on_where_reads_split(
    secrets: list[str], text: str, cuts: list[int]
) -> None:
    whole = Redaction(secrets)
    expected = whole.feed(text.encode()) + whole.flush()
    pieces = Redaction(secrets)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    blocks = [text[a:b].encode() for a, b in itertools.pairwise(edges)]
    assert b"".join([pieces.feed(block) for block in blocks] + [pieces.flush()]) == expected
    for secret in secrets:
        assert secret.encode() not in expected
