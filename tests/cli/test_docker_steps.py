"""A step in a container is what a step on the machine is: status, output, time limit, files."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.docked import (
    PYTHON,
    containers,
    last,
    lay,
    manifest,
    nothing_is_left,
    started,
)
from tests.support.program import end

if TYPE_CHECKING:
    from tests.support.engine import Engine
    from tests.support.program import Program

MEGABYTES = 100


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("nosuch", 127)],
)
def test_the_exit_status_is_the_steps(docked: Program, command: str, code: int) -> None:
    lay(docked.directory, manifest(command))
    assert docked("run", ".").code == code
    record = last(docked)
    assert record["exit_code"] == code
    by_signal = "killed" if code == 137 else "failed"
    assert record["status"] == (by_signal if code else "finished")
    assert record["ended"] >= record["started"]


def test_stdout_and_stderr_stay_apart_and_the_shell_inside_adds_nothing(docked: Program) -> None:
    lay(docked.directory, manifest("echo out; echo err >&2; kill -KILL $$"))
    said = docked("run", ".")
    record = last(docked)
    assert said.out == "out\n"
    assert (docked.home / "runs" / record["id"] / "stdout.log").read_text() == "out\n"
    assert (docked.home / "runs" / record["id"] / "stderr.log").read_text() == "err\n"
    assert "ended by SIGKILL" in said.err


def test_what_the_step_prints_is_seen_at_once(docked: Program) -> None:
    lay(docked.directory, manifest("echo first; sleep 30"))
    process = docked.start("run", ".", "-q")
    assert process.stdout is not None
    begun = time.monotonic()
    assert process.stdout.readline() == b"first\n"
    assert time.monotonic() - begun < 25
    process.terminate()
    process.communicate(timeout=60)


def test_a_large_output_is_kept_whole_in_little_memory(docked: Program) -> None:
    lay(docked.directory, manifest(f"yes 0123456789abcde | head -c {MEGABYTES << 20}"))
    begun = time.monotonic()
    with docked.start("run", ".", "-q") as process:
        assert process.stdout is not None
        stream, size, peaks = process.stdout, 0, [0]
        while block := stream.read(1 << 20):
            size += len(block)
            peaks.append(_peak(process.pid))
    assert process.returncode == 0
    assert time.monotonic() - begun < 30
    assert size == MEGABYTES << 20
    log = docked.home / "runs" / last(docked)["id"] / "stdout.log"
    assert log.stat().st_size == size
    log.unlink()
    assert 0 < max(peaks) < 150 << 20


def _peak(pid: int) -> int:
    """The largest resident set so far, in bytes; `wait4` would tell of its parent's, too."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return 0 if found is None else int(found[1]) << 10


def test_out_of_memory_is_said(docked: Program) -> None:
    lay(docked.directory, manifest("python -c 'x = bytearray(200 << 20)'", PYTHON))
    said = docked("run", ".", "-A", "memory=40m")
    assert said.code == 137
    assert "warning: the step needed more than its memory limit" in said.err
    assert any("memory limit" in text for text in last(docked)["warnings"])


def test_a_time_limit_ends_the_step_first_gently(docked: Program, engine: Engine) -> None:
    lay(docked.directory, manifest("trap 'echo tidy > out; exit 5' TERM; sleep 60 & wait"))
    said = docked("run", ".", "--timeout", "1s")
    assert said.code == 124
    assert "longer than its time limit of 1 s" in said.err
    record = last(docked)
    assert [output["path"] for output in record["outputs"]] == ["out"]
    assert (record["status"], record["exit_code"]) == ("killed", 124)
    nothing_is_left(engine.client, docked)


@pytest.mark.parametrize("image", ["alpine:3.20", PYTHON])
def test_a_step_that_ignores_the_time_limit_is_killed(
    docked: Program, engine: Engine, image: str
) -> None:
    lay(docked.directory, manifest("trap '' TERM; while :; do sleep 1; done", image))
    begun = time.monotonic()
    assert docked("run", ".", "--timeout", "1s").code == 124
    assert 10 < time.monotonic() - begun < 40
    resources = last(docked)["resources"]
    assert resources["wall_s"] > 10
    assert resources["peak_memory_bytes"] > 0
    nothing_is_left(engine.client, docked)


def test_files_of_the_step_are_the_callers_and_what_it_used_is_recorded(docked: Program) -> None:
    command = "python -c 'sum(range(10_000_000))'; echo x > out.txt; mkdir d; echo y > d/e"
    lay(docked.directory, manifest(command, PYTHON))
    record = docked.record(".")
    paths = [output["path"] for output in record["outputs"]]
    assert paths == ["d/e", "out.txt"]
    kept = docked.home / "runs" / record["id"] / "artifacts"
    assert {(kept / path).stat().st_uid for path in paths} == {os.getuid()}
    resources = record["resources"]
    assert resources["wall_s"] > 0.05
    assert resources["cpu_user_s"] > 0.05
    assert 1 << 20 < resources["peak_memory_bytes"] < 1 << 30


def test_the_step_has_no_input_and_known_variables(docked: Program) -> None:
    lay(docked.directory, manifest("cat; env"))
    seen = docked("run", ".", "-q", SECRET="s3cret", SHOWN="shown").out.splitlines()
    assert "PYTHONHASHSEED=0" in seen
    assert not any(line.startswith(("SECRET=", "SHOWN=", "UV_", "REPRUN_HOME=")) for line in seen)
    passed = docked("run", ".", "-q", "--pass-env", "SHOWN", "--clean-env", SHOWN="shown").out
    assert "SHOWN=shown" in passed.splitlines()


def test_what_the_engine_is_told_of_every_step(docked: Program, engine: Engine) -> None:
    """One host name for all, no log of the engine's, and nobody else looks into what is handed."""
    lay(docked.directory, manifest("hostname; echo hush; touch started; sleep 60"))
    process = docked.start("run", ".", "-q")
    started(docked)
    (one,) = containers(engine.client, docked)
    known = engine.client.api.inspect_container(one["Id"])
    assert (known["HostConfig"]["LogConfig"]["Type"], known["LogPath"]) == ("none", "")
    run = last(docked)["id"]
    assert known["Config"]["Labels"].items() >= {"reprun": "step", "reprun.run": run}.items()
    assert (docked.home / "cache" / "containers" / run).stat().st_mode & 0o777 == 0o700
    assert end(process).out == "reprun\nhush\n"


def test_secrets_are_in_no_file(docked: Program) -> None:
    text = manifest("echo {token}; echo {token} >&2", entry={
        "parameters": {"token": {"type": "string", "secret": True}}
    })  # fmt: skip
    lay(docked.directory, text)
    flags = ("e=TOKEN=hush-flag", "log-driver=json-file", "log-opt=labels=hush-log")
    given = [word for flag in flags for word in ("-A", flag)]
    said = docked("run", ".", "-P", "token=hush-parameter-secret", *given)
    assert said.code == 0, said
    assert "hush" not in said.out + said.err
    assert last(docked)["request"]["docker_args"] == ["env=TOKEN", flags[1], "log-opt=labels=***"]
    run = docked.home / "runs" / last(docked)["id"]
    for path in filter(lambda one: one.is_file(), run.rglob("*")):
        assert b"hush" not in path.read_bytes(), path
    for path in docked.home.glob("index.sqlite*"):
        assert b"hush" not in path.read_bytes(), path


def test_a_kept_checkout_and_one_in_place(docked: Program, engine: Engine) -> None:
    lay(docked.directory, manifest("echo made > made; pwd"))
    record = docked.record(".", "--keep")
    assert (docked.home / "runs" / record["id"] / "checkout" / "made").read_text() == "made\n"
    assert not (docked.directory / "made").exists()
    said = docked("run", ".", "--in-place")
    assert (said.code, said.out) == (0, "/mlflow/projects/code\n")
    assert (docked.directory / "made").stat().st_uid == os.getuid()
    nothing_is_left(engine.client, docked)


def test_it_started(docked: Program, engine: Engine) -> None:
    """A program in the background doesn't keep the step alive."""
    lay(docked.directory, manifest("touch started; sleep 100 & echo end"))
    process = docked.start("run", ".", "-q")
    started(docked)
    assert process.communicate(timeout=40)[0] == b"end\n"
    assert process.returncode == 0
    nothing_is_left(engine.client, docked)
