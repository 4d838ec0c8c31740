"""Lines of a conda file that are for some platforms only, read as conda-lock reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.conda import library
from runner.environments.conda_file import Asked, read_conda_file
from runner.environments.platforms import conda_subdir
from tests.environments.conftest import Folder

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
dependencies:
  - python
  - here  # [linux]
  - here-too  # it is needed [unix]
  - apple  # [osx]
  - window  # [win64]
  - note  # as of [2]
  - call  # see list[0] of (this)
  # - gone  # [osx]
  - last
  - pip:
    - six  # [linux]
    - colorama  # [win]
# about nothing in particular [3]
"""


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    """An empty project."""
    return Folder(tmp_path)


def test_a_selector_leaves_lines_out_and_places_as_they_are(project: Folder) -> None:
    found = read_conda_file(project.write("conda.yaml", TEXT), "conda.yaml")
    assert found.packages == (
        Asked("python", 2, 5),
        Asked("here", 3, 5),
        Asked("here-too", 4, 5),
        Asked("call", 8, 5),
        Asked("last", 10, 5),
    )
    assert found.pip == (Asked("six", 12, 7),)
    assert found.warnings == ("conda.yaml:7: is left out: no platform is called `2`",)


def test_conda_lock_keeps_the_same_lines(project: Folder) -> None:
    found = read_conda_file(project.write("conda.yaml", TEXT), "conda.yaml")
    selectors = library.part("conda_lock.src_parser.selectors")
    lines = selectors.filter_platform_selectors(TEXT, conda_subdir())
    plain = "\n".join(line.partition("#")[0].rstrip() for line in lines)
    names = (one.text for one in (*found.packages, *found.pip))
    assert [line.strip("- ") for line in plain.split("\n") if line.strip("- ")] == [
        "dependencies:",
        *(name for name in names if name != "six"),
        "pip:",
        "six",
    ]


@pytest.mark.parametrize(
    ("machine", "kept"), [("x86_64", "linux64"), ("aarch64", "aarch64"), ("riscv64", "")]
)
def test_a_processor_is_one_of_the_platforms(
    project: Folder, monkeypatch: pytest.MonkeyPatch, machine: str, kept: str
) -> None:
    monkeypatch.setattr("os.uname", lambda: type("Uname", (), {"machine": machine}))
    text = "dependencies:\n- linux64  # [linux64]\n- aarch64  # [aarch64]\n- arm64  # [arm64]\n"
    found = read_conda_file(project.write("conda.yaml", text), "conda.yaml")
    assert [one.text for one in found.packages] == ([kept] if kept else [])
    assert found.warnings == ()


def test_packages_in_one_text_have_lines_of_their_own(project: Folder) -> None:
    text = "dependencies:\n  - python\n  - pip:\n    - |\n      six\n      # none\n      attrs\n"
    found = read_conda_file(project.write("conda.yaml", text), "conda.yaml")
    assert found.pip == (Asked("six", 5, 1), Asked("attrs", 7, 1))
