"""`reprun runs`, `shell` and `doctor`, and results that one run hands to the next."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
CHAIN = """\
entry_points:
  train:
    command: "mkdir train; echo 42 > train/model.json"
    outputs: [train/model.json]
  evaluate:
    parameters: {model: path}
    command: "cat {model}"
"""


@pytest.fixture
def run(reprun: Program) -> str:
    """The id of a run of the sample."""
    samples.lay(reprun.directory)
    run_id: str = reprun.record(".", *LOCAL, "--run-name", "first")["id"]
    return run_id


def test_metrics_and_outputs_land_in_the_record(reprun: Program, run: str) -> None:
    (record,) = reprun.records()
    assert record["id"] == run
    assert record["metrics"] == {"length": 5}
    outputs = {each["path"]: each for each in record["outputs"]}
    assert set(outputs) == {"out.txt", "metrics.json"}
    assert outputs["out.txt"]["size"] == 5
    assert outputs["out.txt"]["origin"] == "declared"
    assert (reprun.home / "objects" / outputs["out.txt"]["sha256"]).read_text() == "hello"


@pytest.mark.parametrize("name", ["latest", "latest:main", "ID", "PREFIX"])
def test_a_run_is_named_in_many_ways(reprun: Program, run: str, name: str) -> None:
    given = name.replace("PREFIX", run[:12]).replace("ID", run)
    said = reprun("runs", "show", given)
    assert said.code == 0
    assert said.out.startswith(f"run         {run} finished")
    assert "metric      length = 5\n" in said.out


def test_a_run_that_is_not_there(reprun: Program, run: str) -> None:
    said = reprun("runs", "show", "zzzz")
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "`zzzz`" in said.err
    assert run in said.err
    said = reprun("runs", "show", "latest:other")
    assert said.err == "error: there is no run of `other` yet\nhint: there are runs of main\n"


def test_the_list_can_be_narrowed(reprun: Program, run: str) -> None:
    reprun("run", ".", *LOCAL, "-e", "exit", "-P", "status=1", "--tag", "a=b")
    assert run in reprun("runs", "list", "--status", "finished").out
    assert run not in reprun("runs", "list", "--status", "failed").out
    assert len(reprun("runs", "list", "--tag", "a=b", "--json").document) == 1
    assert len(reprun("runs", "list", "--tag", "a", "-e", "exit", "--json").document) == 1
    assert reprun("runs", "list", "--experiment", "none").out == "no such run\n"
    assert len(reprun("runs", "list", "-n", "1", "--json").document) == 1
    assert reprun("runs", "list", "-n", "0").code == 2


def test_logs_are_kept_apart(reprun: Program, run: str) -> None:
    assert reprun("runs", "logs", run).out == "hello\n"
    assert reprun("runs", "logs", run, "--stderr").out == "to stderr\n"


def test_outputs_are_listed_and_copied(reprun: Program, run: str, tmp_path: Path) -> None:
    assert "out.txt" in reprun("runs", "artifacts", run).out
    target = tmp_path / "got"
    said = reprun("runs", "get", run, "*.txt", "--to", str(target))
    assert said.out == f"1 file copied to {target}\n"
    assert (target / "out.txt").read_text() == "hello"
    (target / "out.txt").write_text("mine")
    said = reprun("runs", "get", run, "--to", str(target))
    assert said.code == 2
    assert "out.txt is there already" in said.err
    assert (target / "out.txt").read_text() == "mine"
    assert not (target / "metrics.json").exists()
    assert reprun("runs", "get", run, "--to", str(target), "--force").code == 0
    assert (target / "out.txt").read_text() == "hello"


def test_a_run_is_deleted(reprun: Program, run: str) -> None:
    (record,) = reprun.records()
    said = reprun("runs", "delete", run)
    assert said.code == 2
    assert "nobody is there to be asked; pass --yes" in said.err
    assert len(reprun.records()) == 1
    assert reprun("runs", "delete", run, "nothing", "--yes").code == 2
    assert len(reprun.records()) == 1
    said = reprun("runs", "delete", run, "-y")
    assert re.fullmatch(r"1 run deleted, \d+ B freed\n", said.out)
    assert reprun.records() == []
    assert not (reprun.home / "runs" / run).exists()
    left = {path.name for path in (reprun.home / "objects").iterdir()}
    assert not left & {output["sha256"] for output in record["outputs"]}


def test_a_run_is_deleted_beside_one_that_can_not_be_read(reprun: Program, run: str) -> None:
    damaged = reprun.record(".", *LOCAL)["id"]
    (reprun.home / "runs" / damaged / "record.json").write_text("{")
    said = reprun("runs", "delete", run, run, "-y")
    assert (said.code, said.out) == (0, "1 run deleted, 0 B freed\n")
    assert "warning: nothing is collected: " in said.err
    assert damaged in said.err
    assert not (reprun.home / "runs" / run).exists()


def test_a_shell_is_as_the_step_saw_it(reprun: Program, run: str) -> None:
    (reprun.directory / "main.py").write_text("changed since")
    said = reprun("shell", run, "-c", "cat main.py; echo $PYTHONHASHSEED")
    assert said.out == f"{samples.MAIN}0\n"
    assert reprun("shell", run, "-c", "exit 7").code == 7
    assert reprun("shell", run, "-c", "kill -9 $$").code == 137
    assert reprun("shell", "nothing").code == 2
    assert reprun.leftovers() == []


def test_an_earlier_runs_output_is_a_later_runs_input(reprun: Program) -> None:
    samples.lay(reprun.directory, CHAIN)
    trained = reprun.record(".", *LOCAL, "-e", "train")
    value = "model=run:latest:train/train/model.json"
    said = reprun("run", ".", *LOCAL, "-e", "evaluate", "-P", value)
    assert (said.code, said.out) == (0, "42\n")
    record = reprun.records()[-1]
    (read,) = record["inputs"]
    assert read["sha256"] == trained["outputs"][0]["sha256"]
    assert trained["id"] in json.dumps(record["inputs"])
    said = reprun("run", ".", *LOCAL, "-e", "evaluate", "-P", "model=run:latest:train/gone")
    assert said.code in {2, 125}
    assert "gone" in said.err


def test_doctor_says_what_is_there_and_what_is_missing(reprun: Program) -> None:
    said = reprun("doctor")
    assert said.code == 0
    for word in ("git", "bash", "python", "uv", "docker", "data home", "cache home"):
        assert word in said.out
    findings = reprun("doctor", "--json").document
    assert {"name", "state", "found", "hint", "needed", "size_bytes"} == set(findings[0])
    missing = reprun("doctor", PATH="/nonexistent")
    assert missing.code == 1
    assert "✗ git" in missing.out
    assert "install git" in missing.out
    assert not (reprun.home / "runs").exists()


def test_a_reader_who_goes_away_is_no_error(reprun: Program, run: str) -> None:
    process = reprun.start("runs", "show", run)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=20) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
