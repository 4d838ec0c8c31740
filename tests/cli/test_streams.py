"""Closed streams, a folder that is gone, control characters: nothing of it breaks reprun."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
HOSTILE = r"""
"title\e]0;pwned\a": 1
entry_points:
  main:
    parameters: {"p": {type: int, default: "\e[2Jcleared"}}
    command: "printf 'the step may: \\033[2J'"
"""


def _in_shell(reprun: Program, command: str) -> subprocess.CompletedProcess[str]:
    program = f"{shlex.quote(sys.executable)} -m runner"
    return subprocess.run(
        ["bash", "-c", command.replace("reprun", program)],
        cwd=reprun.directory,
        env=reprun.variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("redirection", "out", "err"),
    [
        (">&-", "", "to stderr\n"),
        ("2>&-", "hello\n", ""),
        ("<&-", "hello\n", "to stderr\n"),
        ("<&- >&- 2>&-", "", ""),
    ],
)
def test_closed_streams(reprun: Program, redirection: str, out: str, err: str) -> None:
    samples.lay(reprun.directory)
    done = _in_shell(reprun, f"reprun run . --env-manager local {redirection}")
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)
    (record,) = reprun.records()
    assert {output["path"] for output in record["outputs"]} == {"out.txt", "metrics.json"}
    assert reprun("runs", "logs").out == "hello\n"
    assert reprun("runs", "logs", "--stderr").out == "to stderr\n"
    done = _in_shell(reprun, f"reprun run . -P count=x {redirection}")
    assert done.returncode == 2


def test_a_reader_of_the_steps_output_who_goes_away(reprun: Program) -> None:
    command = "for i in $(seq 30000); do echo line $i; done; echo end > end.txt"
    samples.lay(reprun.directory, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    done = _in_shell(reprun, "reprun run . --env-manager local | head -1; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stdout) == (0, "line 1\n")
    assert len(reprun("runs", "logs").out.splitlines()) == 30000
    assert reprun.records()[0]["outputs"][0]["path"] == "end.txt"


def test_standing_in_a_directory_that_is_gone(reprun: Program) -> None:
    samples.lay(reprun.directory)
    for command in ("run .", "check", "lock"):
        done = _in_shell(reprun, f"mkdir gone; cd gone; rmdir ../gone; reprun {command}")
        assert done.returncode == 2
        assert done.stderr.startswith("error: the directory that you stand in is gone\nhint: ")
    done = _in_shell(reprun, "mkdir gone; cd gone; rmdir ../gone; reprun runs list")
    assert done.returncode == 0


def test_a_hostile_manifest_does_not_steer_the_terminal(reprun: Program) -> None:
    samples.lay(reprun.directory, HOSTILE)
    for arguments in (("check",), ("run", ".", *LOCAL, "-e", "x"), ("run", ".", "--dry-run")):
        with terminal(reprun, *arguments) as seen:
            seen.end()
        assert "pwned" in seen.seen or "main" in seen.seen
        for bad in ("\x1b]", "\x1b[2J", "\a"):
            assert bad not in seen.seen
    name = "\x1b]0;pwned\a\u202e"
    reprun.record(".", *LOCAL, "--run-name", name, "--tag", f"a={name}")
    for verb in ("list", "show"):
        with terminal(reprun, "runs", verb) as seen:
            assert seen.end() == 0
        assert "\x1b]" not in seen.seen
        assert "\u202e" not in seen.seen
        assert "pwned" in seen.seen
    assert reprun("runs", "list", "--json").document[0]["name"] == name


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_names_that_are_no_text(reprun: Program, encoding: str) -> None:
    samples.lay(reprun.directory)
    odd = b"\xff.csv".decode(errors="surrogateescape")
    (reprun.directory / odd).write_text("1")
    values = ("-P", "alpha=1", "-P", f"data={odd}")
    said = reprun("run", ".", *LOCAL, "-e", "need", *values, PYTHONIOENCODING=encoding)
    assert said.code == 0, said.err
    for verb in ("show", "list", "artifacts"):
        assert reprun("runs", verb, PYTHONIOENCODING=encoding).code == 0
    said = reprun("runs", "show", "--json", PYTHONIOENCODING=encoding)
    assert said.document["parameters"]["data"]["text"] == odd
    values = ("-P", "alpha=1", "-P", f"data=gone-{odd}")
    said = reprun("run", ".", *LOCAL, "-e", "need", *values, PYTHONIOENCODING=encoding)
    assert said.code == 2
    assert "something broke inside" not in said.err


def test_a_locale_that_lacks_characters(reprun: Program) -> None:
    parameters = "parameters: {text: string}"
    samples.lay(
        reprun.directory, f"entry_points: {{main: {{{parameters}, command: ': {{text}}'}}}}"
    )
    reprun.variables["PYTHONIOENCODING"] = "latin-1"
    reprun.record(".", *LOCAL, "-P", "text=€")
    for arguments in (("runs", "show"), ("run", ".", "-P", "text=€", "--dry-run"), ("doctor",)):
        said = reprun(*arguments)
        assert said.code == 0, said.err


@pytest.mark.parametrize("kind", ["directory", "repository"])
def test_a_home_inside_the_project_is_no_part_of_it(reprun: Program, kind: str) -> None:
    reprun.home = reprun.directory / ".home"
    reprun.variables["REPRUN_HOME"] = str(reprun.home)
    make = samples.commit if kind == "repository" else samples.lay
    make(reprun.directory)
    (reprun.directory / "new.txt").write_text("new")
    trees = set()
    for _ in range(2):
        record = reprun.record(".", *LOCAL)
        trees.add(record["source"]["tree"])
        assert "new.txt" in record["source"]["changes"]["added"]
        assert not [path for path in record["source"]["changes"]["added"] if ".home" in path]
        looked = reprun("run", ".", *LOCAL, "--dry-run", "--json").document
        assert looked["source"]["changes"]["added"] == record["source"]["changes"]["added"]
    assert len(trees) == 1


def test_a_home_inside_the_project_that_is_named_by_a_link(reprun: Program) -> None:
    samples.lay(reprun.directory)
    (reprun.home.parent / "link").symlink_to(reprun.directory)
    reprun.variables["REPRUN_HOME"] = str(reprun.home.parent / "link" / ".home")
    record = reprun.record(".", *LOCAL, "--in-place")
    assert {output["path"] for output in record["outputs"]} == {"out.txt", "metrics.json"}


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("reprun runs list", 125, "error: stdout can't be written: no space left on device\n"),
        ("reprun run . --json -q -P count=x", 2, "must be an integer, not `x`"),
        ("reprun run . --env-manager local --json", 125, "error: stdout can't be written"),
        ("reprun run . --env-manager local", 0, "warning: not all that the step printed could be"),
        ("reprun run . 2>/dev/full -P count=x", 2, ""),
    ],
)
def test_a_full_disk_behind_stdout(reprun: Program, command: str, code: int, said: str) -> None:
    samples.lay(reprun.directory)
    done = _in_shell(reprun, f"{command} >/dev/full")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if " --env-manager" in command:
        assert reprun.records()[0]["status"] == "finished"
        assert reprun("runs", "logs").out == "hello\n"


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2> >(exit)"])
@pytest.mark.parametrize(("ending", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_nobody_hears_of_a_run(reprun: Program, redirection: str, ending: str, code: int) -> None:
    """Neither a full disk behind stderr nor a reader who went away makes a run fail."""
    command = f"echo 1 > out.txt; sleep 0.2; mkfifo pipe; echo lost >&2; {ending}"
    samples.lay(reprun.directory, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    done = _in_shell(reprun, f"reprun run . --env-manager local {redirection}")
    assert done.returncode == code
    (record,) = reprun.records()
    assert [output["path"] for output in record["outputs"]] == ["out.txt"]
    assert "`pipe` is a named pipe and is not kept" in record["warnings"]
    assert reprun("runs", "logs", "--stderr").out == "lost\n"


def test_a_log_that_a_full_disk_does_not_take(reprun: Program) -> None:
    samples.lay(reprun.directory)
    reprun.record(".", *LOCAL)
    done = _in_shell(reprun, "reprun runs logs >/dev/full")
    assert done.returncode == 125
    assert done.stderr == "error: stdout can't be written: no space left on device\n"
