"""What nobody expects of a conda environment: its files written into, unusual words on a screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import conda_channel
from tests.support.conda_channel import Package
from tests.support.conda_projects import lay
from tests.support.terminal import terminal

from tests.cli.test_conda_runs import got  # isort: skip

if TYPE_CHECKING:
    from tests.support.conda_shelf import Channel
    from tests.support.program import Program


def test_what_a_step_wrote_into_a_package_is_in_no_other_environment(
    reprun: Program, channel: Channel
) -> None:
    # Linked files are the cache's own, so whoever writes into one writes into the cache.
    lay(reprun.directory / "one", channel, "python", "alpha")
    lay(reprun.directory / "two", channel, "python", "alpha", "tool")
    prefix, _ = got(reprun("run", "one"))
    short = conda_channel.python_version().rpartition(".")[0]
    module = f"lib/python{short}/site-packages/alpha.py"
    with Path(prefix, module).open("r+b") as file:
        file.write(b"__version__ = '6.6'\n")  # as long as it was
    said = reprun("run", "two")
    other, _ = got(said)
    assert Path(other, module).read_text() == "__version__ = '2.0'\n"
    assert "the package cache holds changed files of alpha: fetched again" in said.err
    channel.server.stop()
    assert got(reprun("run", "two"))[0] == other
    assert reprun.leftovers() == []


def test_a_warning_stands_above_the_line_of_the_stage(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "scripted")
    with terminal(reprun, "run", ".") as seen:
        assert seen.end() == 0, seen.text
    words = [line.split()[0] for line in seen.text.splitlines()[:6]]
    assert words == ["source", "lock", "warning:", "hint:", "environment", "step"], seen.text
    assert "linking packages" not in seen.text


def test_a_build_that_is_gone_is_told_from_a_version_that_is(
    reprun: Program, channel: Channel
) -> None:
    lay(reprun.directory, channel, "python", "beta=2.0=py37h_1")
    said = reprun("run", ".")
    assert said.code == 125
    assert f"`beta=2.0=py37h_1`: no such build in `{channel.url}`" in said.err
    assert "hint: there are 2.0=py_0\n" in said.err
    lay(reprun.directory, channel, "python", "beta=7.0=py37h_1")
    said = reprun("run", ".")
    assert "`beta=7.0=py37h_1`: no such version in" in said.err
    assert "hint: there are 2.0, 1.0\n" in said.err


def test_a_python_that_was_asked_for_by_flag_is_called_so(
    reprun: Program, channel: Channel
) -> None:
    lay(reprun.directory, channel, "python", "alpha")
    said = reprun("run", ".", "--python", "3.8")
    assert said.code == 125
    assert said.err.startswith(f"error: `--python 3.8`: no such version in `{channel.url}`"), said


def test_two_packages_with_a_file_of_one_name_are_warned_of(
    reprun: Program, channel: Channel
) -> None:
    names = ("clash-a", "clash-b")
    files = {name: {"share/same.txt": name.encode()} for name in names}
    channel.add(*(Package(name, "1.0", files=files[name], noarch="generic") for name in names))
    lay(reprun.directory, channel, *names)
    said = reprun("run", ".", "-e", "shown")
    assert said.code == 0, said
    (kept,) = reprun.home.glob("cache/envs/conda/*/share/same.txt")
    (lost,) = {*names} - {kept.read_text()}
    assert f"files of the same names as {lost}, and theirs count: share/same.txt" in said.err
    assert reprun.records()[0]["warnings"] == [said.err.strip().removeprefix("warning: ")]


def test_a_module_without_a_python_to_be_in_is_told_what_is_missing(
    reprun: Program, channel: Channel
) -> None:
    channel.add(conda_channel.module("alone", "1.0", depends=()))
    lay(reprun.directory, channel, "alone")
    said = reprun("run", ".", "-e", "shown")
    assert said.code == 125
    assert "hint: write `- python` below `dependencies:`" in said.err
    assert reprun.records() == []


def test_the_machines_python_is_not_taken_for_the_environments(
    reprun: Program, channel: Channel
) -> None:
    channel.add(Package("plain", "1.0", files={"share/plain": b"plain"}, noarch="generic"))
    lay(reprun.directory, channel, "plain")
    said = reprun("run", ".")
    assert said.code == 0, said
    warning = "the environment has no `python`: the command gets what this machine has on PATH"
    assert f"warning: {warning}\nhint: write `- python` below `dependencies:`\n" in said.err
    assert reprun.records()[0]["warnings"] == [warning]
    assert warning in reprun("run", ".").err, "of a warm run too"
    assert "no `python`" not in reprun("run", ".", "-e", "shown").err
    lay(reprun.directory, channel, "python", "plain")
    assert reprun("run", ".").err == ""


def test_an_environment_of_nothing_is_said_to_be_empty(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel)
    said = reprun("run", ".", "-e", "shown")
    assert said.code == 0, said
    assert "conda.yaml: asks for no package, and so the environment is empty" in said.err
