"""In a terminal a person sees the stages, the step's output, and three closing lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.processes import wait_until
from tests.support.program import nothing_left
from tests.support.silence import listen
from tests.support.terminal import CTRL_C, CTRL_D, terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Served
    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def test_stages_then_output_then_three_lines(reprun: Program, served: Served, index: Index) -> None:
    index.wheel("six", "1.16.0")
    served.repository.write("requirements.txt", "six\n").commit()
    with terminal(reprun, "run", served.url) as seen:
        assert seen.end() == 0, seen.text
    lines = seen.text.splitlines()
    words = [line.split()[0] for line in lines]
    assert words[:4] == ["source", "lock", "environment", "step"]
    assert sorted(words[4:6]) == ["hello", "to"]  # its stdout and stderr are two pipes
    assert words[6:] == ["run", "outputs", "next"]
    record = reprun.records()[0]
    assert served.url in lines[0]
    assert "python main.py hello 1 plain" in lines[3]
    assert lines[-3].startswith(f"run         {record['id']} finished in ")
    assert "2 files" in lines[-2]
    assert "length=5" in lines[-2]
    assert f"reprun runs show {record['id'][:10]} " in lines[-1]


def test_who_keeps_the_checkout_is_told_where_it_is(reprun: Program) -> None:
    samples.lay(reprun.directory)
    with terminal(reprun, "run", ".", *LOCAL, "--keep") as seen:
        assert seen.end() == 0
    run_id = reprun.records()[0]["id"]
    assert f"cd {reprun.home}/runs/{run_id}/checkout" in seen.text.splitlines()[-1]


def test_outputs_that_take_a_while_to_keep_are_announced(reprun: Program) -> None:
    samples.lay(reprun.directory, "entry_points: {main: {command: 'truncate -s 600M big.bin'}}\n")
    with terminal(reprun, "run", ".", *LOCAL) as seen:
        assert seen.end() == 0
    assert "keep        1 output, 0.6 GiB" in seen.text.splitlines()


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 1), (b"y\n", 0)])
def test_deleting_asks_first(reprun: Program, answer: bytes, left: int) -> None:
    samples.lay(reprun.directory)
    reprun.record(".", *LOCAL)
    with terminal(reprun, "runs", "delete", "latest") as seen:
        seen.wait_for("[y/N]")
        seen.type(answer)
        assert seen.end() == 0
    assert seen.text.splitlines()[-1].startswith("nothing is" if left else "1 run")
    assert len(reprun.records()) == left


def test_a_step_that_fails_ends_with_what_to_type_next(reprun: Program) -> None:
    samples.lay(reprun.directory)
    with terminal(reprun, "run", ".", *LOCAL, "-e", "exit", "-P", "status=3") as seen:
        assert seen.end() == 3
    lines = seen.text.splitlines()
    assert "failed in" in lines[-3]
    assert "the command exited with 3" in lines[-3]
    assert lines[-2] == "outputs     none"
    assert "reprun shell " in lines[-1]


@pytest.mark.parametrize("arguments", [("-q",), ("-q", "-e", "shown")])
def test_quiet_shows_none_of_it(reprun: Program, arguments: tuple[str, ...]) -> None:
    samples.lay(reprun.directory)
    with terminal(reprun, "run", ".", *LOCAL, *arguments) as seen:
        assert seen.end() == 0
    assert "source " not in seen.text
    assert "finished" not in seen.text
    if len(arguments) == 1:
        assert sorted(seen.text.splitlines()) == ["hello", "to stderr"]


def test_piped_there_is_none_of_it(reprun: Program) -> None:
    samples.lay(reprun.directory)
    said = reprun("run", ".", *LOCAL)
    assert (said.out, said.err) == ("hello\n", "to stderr\n")


def test_an_error_has_a_line_of_its_own(reprun: Program) -> None:
    samples.lay(reprun.directory)
    for arguments in (("-P", "count=x"), ("-v", "main"), ("--dry-run", "-P", "count=x")):
        with terminal(reprun, "run", ".", *arguments) as seen:
            assert seen.end() == 2
        assert any(line.startswith("error: ") for line in seen.text.splitlines()), seen.text
    with terminal(reprun, "check", "nowhere") as seen:
        assert seen.end() == 125
    assert "\nerror: " in f"\n{seen.text}"


def test_ctrl_c_in_the_step(reprun: Program) -> None:
    samples.lay(reprun.directory)
    with terminal(reprun, "run", ".", *LOCAL, "-e", "wait") as seen:
        seen.wait_for("step ")
        wait_until(lambda: list(reprun.home.glob("cache/work/*/*/started")))
        seen.type(CTRL_C)
        assert seen.end() == 130
    lines = seen.text.splitlines()
    assert lines[-3].startswith("run ")
    assert "killed" in lines[-3]
    assert "interrupted" in lines[-3]
    nothing_left(reprun)


def test_ctrl_c_while_fetching(reprun: Program) -> None:
    with listen() as silence, terminal(reprun, "run", f"git://127.0.0.1:{silence.port}/x") as seen:
        seen.wait_for("source ")
        wait_until(lambda: silence.visitors)
        seen.type(CTRL_C)
        assert seen.end() == 130
    assert seen.text.splitlines()[-1] == "error: interrupted"
    nothing_left(reprun)


def test_a_shell_in_a_terminal(reprun: Program) -> None:
    samples.lay(reprun.directory)
    reprun.record(".", *LOCAL)
    with terminal(reprun, "shell") as seen:
        seen.wait_for("leave with Ctrl-D")
        seen.wait_for("(run ")
        seen.type(b"bash -c 'echo slee$(echo ping); exec sleep 30'\n")
        seen.wait_for("sleeping")
        seen.type(CTRL_C)
        seen.wait_for("(run ", times=2)
        seen.type(b"echo still $((40 + 2)); ls\n")
        seen.wait_for("still 42")
        seen.wait_for("MLproject")
        seen.wait_for("(run ", times=3)
        seen.type(CTRL_D)
        assert seen.end() == 0, seen.text
    assert reprun.leftovers() == []
