"""Completion: scripts that the shells accept, and what they offer."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid(reprun: Program, tmp_path: Path, shell: str) -> None:
    said = reprun("completion", shell)
    assert said.code == 0
    assert said.out.startswith("# put this into")
    assert "_REPRUN_COMPLETE" in said.out
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here to try it with")
    script = tmp_path / "script"
    script.write_text(said.out)
    subprocess.run([shell, "-n", str(script)], check=True)


def _offered(reprun: Program, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(("reprun", *words))
    variables = {
        "_REPRUN_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    said = reprun(**variables)
    assert said.err == ""
    return [row.partition(",")[2] for row in said.out.splitlines() if row]


def test_commands_and_options(reprun: Program) -> None:
    assert _offered(reprun, "ru") == ["run", "runs"]
    assert "--as-of" in _offered(reprun, "run", "--a")


def test_entry_points_and_parameters_of_the_project(reprun: Program) -> None:
    samples.lay(reprun.directory)
    assert set(_offered(reprun, "run", ".", "-e", '""')) >= {"main", "need", "exit"}
    assert _offered(reprun, "run", ".", "-e", "ne") == ["need"]
    assert _offered(reprun, "run", ".", "-P", "c") == ["count="]
    assert _offered(reprun, "run", ".", "-P", "mo") == ["mode=plain", "mode=loud"]
    assert _offered(reprun, "run", ".", "-e", "need", "-P", "al") == ["alpha="]


def test_the_project_is_the_one_that_the_line_names(reprun: Program) -> None:
    samples.lay(reprun.directory / "there")
    assert _offered(reprun, "run", "there", "-e", "ne") == ["need"]
    assert _offered(reprun, "run", "there", "-P", "c") == ["count="]
    assert _offered(reprun, "run", "there", "-e", "need", "-P", "al") == ["alpha="]


def test_a_broken_or_missing_project_offers_nothing(reprun: Program) -> None:
    assert _offered(reprun, "run", ".", "-e", "m") == []
    (reprun.directory / "MLproject").write_text("\t: [")
    assert _offered(reprun, "run", ".", "-e", "m") == []
    assert _offered(reprun, "run", "https://example.org/x", "-e", "m") == []


def test_runs(reprun: Program) -> None:
    samples.lay(reprun.directory)
    run_id = reprun.record(".", *LOCAL)["id"]
    assert _offered(reprun, "runs", "show", run_id[:4]) == [run_id]
    assert _offered(reprun, "runs", "show", "l") == ["latest"]
    assert _offered(reprun, "shell", run_id[:4]) == [run_id]
