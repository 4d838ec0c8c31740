"""What activating a prefix sets, by scripts that real packages have or could have."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from runner.conda import activation
from tests.support.listening import Listener

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = "etc/conda/activate.d"
VARIABLES = "etc/conda/env_vars.d"


@dataclass(slots=True)
class Prefix:
    """A prefix with nothing but what is activated."""

    at: Path
    heard: Listener

    def note(self, **scripts: str) -> dict[str, str]:
        """The variables that activating sets, CONDA_PREFIX and its like left out."""
        for name, text in scripts.items():
            self.write(f"{SCRIPTS}/{name}.sh", text)
        activation.note(self.at, progress=self.heard)
        variables = dict(activation.kept(self.at)[1])
        assert variables.pop("CONDA_PREFIX") == variables.pop("CONDA_DEFAULT_ENV") == str(self.at)
        return variables

    def path(self) -> list[str]:
        """What comes in front of PATH."""
        return [str(one.relative_to(self.at)) for one in activation.kept(self.at)[0]]

    def write(self, path: str, text: str) -> None:
        (self.at / path).parent.mkdir(parents=True, exist_ok=True)
        (self.at / path).write_text(text)


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    """An empty one, its path no plain word."""
    at = tmp_path / "a 'prefix' of $mine"
    (at / "conda-meta").mkdir(parents=True)
    return Prefix(at, Listener())


def test_a_prefix_without_scripts_has_its_folder_of_programs_in_front(prefix: Prefix) -> None:
    assert prefix.note() == {}
    assert prefix.path() == ["bin"]
    assert prefix.heard == Listener()


def test_scripts_set_variables_and_put_folders_in_front(prefix: Prefix) -> None:
    found = prefix.note(
        a='export ONE=1\nexport TWO="a b\nc=d"\nPRIVATE=yes\n',
        b='export PATH="$CONDA_PREFIX/extra:$PATH"\nexport THREE="$ONE$ONE"\n',
        c="export LATIN=$'\\xff'\n",
    )
    assert found == {"ONE": "1", "TWO": "a b\nc=d", "THREE": "11", "LATIN": "\udcff"}
    assert prefix.path() == ["extra", "bin"]
    assert prefix.heard.warnings == []


def test_variables_of_packages_are_set_with_and_without_scripts(prefix: Prefix) -> None:
    prefix.write(f"{VARIABLES}/one.json", '{"ONE": "1"}')
    assert prefix.note() == {"ONE": "1"}
    assert prefix.note(a="export TWO=2\n") == {"ONE": "1", "TWO": "2"}


def test_a_script_is_run_as_in_a_first_shell_that_nobody_types_into(prefix: Prefix) -> None:
    read, write = os.pipe()
    os.write(write, b"typed\n")
    before = os.dup(0)
    os.dup2(read, 0)
    try:
        found = prefix.note(a='read TYPED; export LEVEL="$CONDA_SHLVL" HERE="$PWD" TYPED\n')
    finally:
        os.dup2(before, 0)
        for handle in (read, write, before):
            os.close(handle)
    assert found == {"LEVEL": "1", "HERE": str(prefix.at), "TYPED": ""}


def test_what_a_script_says_is_passed_on(prefix: Prefix) -> None:
    assert prefix.note(a="echo hello\necho there >&2\n") == {}
    assert prefix.heard.lines == ["hello", "there"]


def test_nothing_of_the_person_is_seen_but_what_has_to_be(
    prefix: Prefix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = prefix.note(a='export SEEN="$AWS_SECRET_ACCESS_KEY$HOME"\n')
    assert found == {"SEEN": str(tmp_path)}


def test_a_script_that_ends_the_shell_is_warned_about(prefix: Prefix) -> None:
    assert prefix.note(a="export ONE=1\nexit 3\n") == {}
    assert prefix.path() == ["bin"]
    assert prefix.heard.warnings == ["the packages' own activation ended with status 3"]


def test_a_command_that_fails_is_passed_over_as_conda_does(prefix: Prefix) -> None:
    assert prefix.note(a="false\nno-such-command\n", b="export ONE=1\n") == {"ONE": "1"}
    assert prefix.heard.warnings == []
    assert len(prefix.heard.lines) == 1


def test_variables_that_are_not_json_are_warned_about(prefix: Prefix) -> None:
    for name, text in (("one", "{"), ("three", "[]"), ("two", '{"TWO": "$HOME `ls`"}')):
        prefix.write(f"{VARIABLES}/{name}.json", text)
    assert prefix.note(a="export ONE=1\n") == {"ONE": "1", "TWO": "$HOME `ls`"}
    first, second = prefix.heard.warnings
    assert first.startswith(f"the variables of {VARIABLES}/one.json can't be read: ")
    assert f"{VARIABLES}/three.json" in second


def test_variables_that_can_not_be_set_are_passed_over(prefix: Prefix) -> None:
    odd = {"": "1", "A=B": "1", "C\0": "1", "D": "\0", "E": 1, "PATH": "/no", "F": "yes"}
    prefix.write(f"{VARIABLES}/one.json", json.dumps(odd))
    assert prefix.note(a="export ONE=1\n") == {"F": "yes", "ONE": "1"}
    assert prefix.path() == ["bin"]


def test_a_script_may_change_what_a_package_sets_without_one(prefix: Prefix) -> None:
    prefix.write(f"{VARIABLES}/one.json", '{"ONE": "1", "TWO": "2"}')
    assert prefix.note(a="export ONE=$ONE$TWO\n") == {"ONE": "12", "TWO": "2"}
    assert prefix.note(a="exit 1\n") == {"ONE": "1", "TWO": "2"}


def test_a_process_in_the_background_is_not_waited_for(prefix: Prefix) -> None:
    started = time.monotonic()
    assert prefix.note(a="sleep 20 &\nexport PID=$!\n")["PID"]
    assert time.monotonic() - started < 10


def test_a_script_that_does_not_end_is_given_up(
    prefix: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "_SECONDS", 0.3)
    assert prefix.note(a="export ONE=1\nread -t 20 <> <(:)\nsleep 20\n") == {}
    (said,) = prefix.heard.warnings
    assert said == "the packages' own activation can't be run: it does not end"


def test_a_machine_without_bash_is_warned_about(
    prefix: Prefix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "defpath", str(tmp_path))
    assert prefix.note(a="export ONE=1\n") == {}
    (said,) = prefix.heard.warnings
    assert said == "the packages' own activation can't be run: bash: No such file or directory"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"path": ["x"]}', '{"path": 1, "variables": {}}']
)
def test_a_note_that_is_none_is_done_without(prefix: Prefix, content: str) -> None:
    prefix.write(activation.FILE, content)
    usual = {"CONDA_PREFIX": str(prefix.at), "CONDA_DEFAULT_ENV": str(prefix.at)}
    assert activation.kept(prefix.at) == ((prefix.at / "bin",), usual)
