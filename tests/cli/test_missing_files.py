"""A step that misses a file is told whose file it is: git's ignored one, or an earlier run's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
MANIFEST = """\
entry_points:
  make:
    command: "python -c \\"open('model.json', 'w').write('1')\\""
  use:
    parameters:
      model: {type: path, default: model.json}
    command: "cat {model}"
  python:
    command: "python -c \\"open('data.csv')\\""
  shell:
    command: "cat data.csv"
  other:
    command: "cat model.json nowhere.csv"
  outside:
    command: "cat /nowhere/model.json"
"""


@pytest.mark.parametrize("entry_point", ["python", "shell"])
def test_a_file_that_git_ignores(reprun: Program, entry_point: str) -> None:
    repository = samples.commit(reprun.directory, MANIFEST)
    repository.write(".gitignore", "*.csv\n").commit()
    (reprun.directory / "data.csv").write_text("1,2\n")
    said = reprun("run", ".", "-e", entry_point, *LOCAL)
    assert said.code == 1
    assert "the step misses `data.csv`: it is in your project, but git ignores it" in said.err
    assert f"hint: declare it under `{entry_point}`: `inputs: [data.csv]`" in said.err
    text = (reprun.directory / "MLproject").read_text()
    declared = text.replace(f"  {entry_point}:\n", f"  {entry_point}:\n    inputs: [data.csv]\n")
    repository.write("MLproject", declared).commit()
    assert reprun("run", ".", "-e", entry_point, *LOCAL).code == 0


def test_a_file_that_another_run_made(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    assert reprun("run", ".", "-e", "make", *LOCAL).code == 0
    said = reprun("run", ".", "-e", "use", *LOCAL)
    assert said.code == 1
    assert "the step misses `model.json`: run " in said.err
    assert " of `make` made it" in said.err
    assert "hint: pass `-P model=run:latest:make/model.json`" in said.err
    done = reprun("run", ".", "-e", "use", *LOCAL, "-P", "model=run:latest:make/model.json")
    assert done.code == 0
    said = reprun("run", ".", "-e", "other", *LOCAL)
    assert "hint: run it with `--with latest:make`" in said.err


def test_a_file_that_nobody_has_is_the_steps_own_affair(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    assert "the step misses" not in reprun("run", ".", "-e", "shell", *LOCAL).err
    assert "the step misses" not in reprun("run", ".", "-e", "outside", *LOCAL).err


WORDS = {
    "FileNotFoundError: [Errno 2] No such file or directory: 'model'": "model",
    "FileNotFoundError: [Errno 2] File b'model/a.csv' does not exist: b'model/a.csv'": "",
    "OSError: model/a.csv not found.": "",
    "OSError: Unable to open file (unable to open file: name = 'model/a.csv', errno = 2, er": "",
    "OSError: No file or directory found at model/a.csv": "",
    "ValueError: File not found: filepath=model/a.csv. Please ensure the file": "",
    "FileNotFoundError: No such file or directory (os error 2): model/a.csv": "",
    "  cannot open file 'model/a.csv': No such file or directory": "",
    "[07:59:59] dmlc: Opening model/a.csv failed: No such file or directory": "",
    "[LightGBM] [Fatal] Could not open model/a.csv": "",
    "python: can't open file '{}/model/a.csv': [Errno 2] No such file or directory": "",
    "bash: line 1: model/a.csv: No such file or directory": "",
    "ls: cannot access 'model/a.csv': No such file or directory": "",
    "cat: model: No such file or directory": "model",
}


def test_the_words_that_programs_have_for_it(reprun: Program) -> None:
    manifest = """\
entry_points:
  make: {command: "mkdir model && echo 1 > model/a.csv"}
  say: {parameters: {words: string}, command: "echo {words} >&2; exit 1"}
"""
    samples.commit(reprun.directory, manifest)
    assert reprun("run", ".", "-e", "make", *LOCAL).code == 0
    (home,) = (reprun.home / "cache/work").iterdir()
    for words, missed in WORDS.items():
        said = reprun("run", ".", "-e", "say", *LOCAL, "-P", f"words={words.format(home / '0')}")
        assert f"the step misses `{missed or 'model/a.csv'}`: run " in said.err, words
        assert "hint: run it with `--with latest:make`" in said.err
