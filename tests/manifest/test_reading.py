"""Finding the manifest and reading its YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import examine, load
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path


def test_a_template_that_is_yaml_is_told(tmp_path: Path) -> None:
    files = project(tmp_path, 'name: "{{ cookiecutter.slug }}"\n')
    (problem,) = examine(files).problems
    assert problem.severity == "warning"
    assert problem.message.startswith("is a template that was never filled in")


def test_literal_braces_are_no_template(tmp_path: Path) -> None:
    manifest = "entry_points:\n  main:\n    command: awk '{{print $1}}' ${{HOME}}\n"
    assert examine(project(tmp_path, manifest)).problems == ()


def test_a_manifest_that_is_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "MLproject").mkdir()
    with pytest.raises(ManifestError, match=r"^MLproject: is not a regular file$") as caught:
        load(FolderFiles(tmp_path))
    assert caught.value.hint == "make `MLproject` a YAML file, or rename it"


def test_a_folder_called_like_the_manifest_that_holds_the_project(tmp_path: Path) -> None:
    project(tmp_path / "MLProject", "name: x\n")
    with pytest.raises(ManifestError, match=r"^MLProject: is not a regular file$") as caught:
        load(FolderFiles(tmp_path))
    assert caught.value.hint == "the project is in that folder: add `#MLProject` to the address"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_change_nothing(line_end: str, tmp_path: Path) -> None:
    text = "name: a\nentry_points:\n  main:\n    comand: x\n    command: |\n      a\n      b\n"
    manifest = examine(project(tmp_path, "\ufeff" + text.replace("\n", line_end)))
    assert manifest.name == "a"
    assert manifest.entry_points[0].command == "a\nb\n"
    assert [str(problem) for problem in manifest.problems] == [
        "MLproject:4:5: unknown key `comand` in entry point `main`"
    ]


def test_columns_count_characters(tmp_path: Path) -> None:
    (problem,) = examine(project(tmp_path, "{name: 'äöü€\U0001d518', nmae: x}\n")).problems
    assert (problem.line, problem.column) == (1, 17)


def test_anchors_and_merge_keys_read_as_in_mlflow(tmp_path: Path) -> None:
    manifest = examine(
        project(
            tmp_path,
            "entry_points:\n"
            "  a: &a\n"
            "    parameters: &p {x: {type: int, default: 1}, y: string}\n"
            "    command: run {x} {y}\n"
            "  b:\n"
            "    <<: *a\n"
            "    command: other {x} {y} {z}\n"
            "    parameters: {<<: *p, x: float, z: {default: on}}\n",
        )
    )
    one, two = manifest.entry_points
    assert [(p.name, p.type, p.default) for p in one.parameters] == [
        ("x", "integer", 1),
        ("y", "string", None),
    ]
    assert two.command == "other {x} {y} {z}"
    assert [(p.name, p.type, p.default) for p in two.parameters] == [
        ("x", "float", None),
        ("y", "string", None),
        ("z", "string", True),
    ]


def test_a_project_without_a_manifest_is_valid(tmp_path: Path) -> None:
    manifest = load(FolderFiles(tmp_path))
    assert (manifest.path, manifest.name, manifest.sha256) == (None, None, None)
    assert manifest.environment.kind == "empty"


@pytest.mark.parametrize(
    "name", ["MLproject", "MLProject", "mlproject", "MLproject.yaml", "MLproject.yml"]
)
def test_the_manifest_is_found_by_each_of_its_names(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("name: a\n")
    manifest = load(FolderFiles(tmp_path))
    assert (manifest.path, manifest.name) == (name, "a")


def test_the_name_without_a_suffix_comes_first(tmp_path: Path) -> None:
    (tmp_path / "MLproject.yaml").write_text("name: a\n")
    (tmp_path / "mlproject").write_text("name: b\n")
    assert load(FolderFiles(tmp_path)).name == "b"
