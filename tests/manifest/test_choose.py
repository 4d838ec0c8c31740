"""Choosing the entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError, UnknownEntryPoint
from runner.manifest.command import render
from runner.manifest.load import load
from runner.manifest.parameters import bind, choose
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path

ENTRY_POINTS = """\
entry_points:
  train: {command: x, description: fits the model}
  evaluate: {command: y}
"""


def test_main_is_chosen_where_none_is_named(tmp_path: Path) -> None:
    files = project(tmp_path, "entry_points: {a: {command: x}, main: {command: y}}")
    assert choose(load(files), None, files).name == "main"


def test_a_lone_entry_point_is_chosen_where_none_is_named(tmp_path: Path) -> None:
    files = project(tmp_path, "entry_points: {train: {command: x}}")
    assert choose(load(files), None, files).name == "train"


def unknown(files: FolderFiles, name: str | None) -> UnknownEntryPoint:
    with pytest.raises(UnknownEntryPoint) as caught:
        choose(load(files), name, files)
    assert caught.value.exit_code == 2
    return caught.value


def test_several_entry_points_without_main_are_listed(tmp_path: Path) -> None:
    error = unknown(project(tmp_path, ENTRY_POINTS), None)
    assert error.message == "MLproject: no entry point is called `main`, and none was named"
    assert error.hint == "pass `-e train`"
    assert error.details == ("entry points:", "  train: fits the model", "  evaluate")


def test_a_misspelt_entry_point_is_told(tmp_path: Path) -> None:
    error = unknown(project(tmp_path, ENTRY_POINTS), "trian")
    assert error.message == "no entry point `trian` in MLproject"
    assert error.hint == "did you mean `train`?"
    assert error.details[0] == "entry points:"


def test_an_unknown_entry_point_is_told(tmp_path: Path) -> None:
    error = unknown(project(tmp_path, ENTRY_POINTS), "deploy")
    assert error.hint == "pass `-e` with one of them, or a script"


def test_without_entry_points_a_script_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text("")
    error = unknown(FolderFiles(tmp_path), None)
    assert error.message == "there is no MLproject file in the project, and no script was named"
    assert error.hint == "pass `-e fit.py` to run a script"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "MLproject").write_text("")
    (tmp_path / "link").symlink_to("/")
    error = unknown(FolderFiles(tmp_path), None)
    assert error.hint == "there is one in `deep`; else pass `-e fit.py` to run a script"
    error = unknown(project(tmp_path, "name: a"), None)
    assert error.message == "MLproject declares no entry points, and no script was named"
    error = unknown(project(tmp_path, "name: a"), "train")
    assert error.hint == "name a script of the project: `.py`, `.sh` or `.R`"


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("train.py", "python train.py"),
        ("run.sh", "bash run.sh"),
        ("fit.R", "Rscript fit.R"),
        ("my {x} file.py", "python 'my {x} file.py'"),
        ("-c.py", "python ./-c.py"),
        ("src/train.py", "python src/train.py"),
    ],
)
def test_a_script_is_an_entry_point(script: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / script).write_text("")
    files = FolderFiles(tmp_path)
    step = bind(choose(load(files), script, files), {"alpha": "0 1"}, manifest_path=None)
    assert render(step) == f"{command} --alpha '0 1'"


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    error = unknown(FolderFiles(tmp_path), "trian.py")
    assert error.message == "`trian.py` is neither an entry point nor a file of the project"
    assert error.hint == "did you mean `train.py`?"


@pytest.mark.parametrize("script", ["../outside.py", "/etc/outside.py", "a\0.py"])
def test_a_script_outside_of_the_source_is_refused(script: str, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("")
    error = unknown(project(tmp_path / "inner", "name: a"), script)
    assert error.hint == "commit the script, or correct its path"


def test_an_error_of_another_entry_point_does_not_matter(tmp_path: Path) -> None:
    files = project(
        tmp_path,
        "entry_points:\n  main: {command: 'x {y}', timeout: soon}\n  good: {command: x}\n",
    )
    manifest = load(files)
    assert choose(manifest, "good", files).command == "x"
    with pytest.raises(ManifestError) as caught:
        choose(manifest, None, files)
    assert caught.value.message == "entry point `main` of MLproject can't be run: 2 errors"
    assert len(caught.value.details) == 2
