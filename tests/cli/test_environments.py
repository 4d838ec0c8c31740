"""What may be wrong with an environment, as a person meets it: whose fault, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.index import Index
    from tests.support.program import Program

VENV = "python_env: python_env.yaml\nentry_points: {main: {command: 'python -c \"import %s\"'}}\n"


def _refused(reprun: Program, index: Index, requirements: str) -> str:
    """What a run says whose environment can't be had; no run was begun."""
    assert index.url
    samples.lay(reprun.directory, requirements_txt=requirements)
    said = reprun("run", ".")
    assert said.code == 125, said
    assert said.out == ""
    assert f"\n{said.err}".count("\nerror: ") == 1
    assert said.err.splitlines()[-1].startswith("hint: ")
    assert "Traceback" not in said.err
    assert reprun.records() == []
    assert reprun.leftovers() == []
    assert not [path for path in reprun.home.glob("cache/envs/*/*") if path.is_dir()]
    return said.err


def test_what_was_installed_once_is_installed_again_without_the_index(
    reprun: Program, index: Index
) -> None:
    index.wheel("made", "1.0")
    index.sdist("built", "2.0")
    samples.lay(reprun.directory, requirements_txt="made\nbuilt\n")
    first = reprun.record(".")
    shutil.rmtree(reprun.home / "cache" / "envs")
    index.requests.clear()
    index.down = True
    again = reprun.record(".")
    for field in ("hash", "fingerprint", "packages"):
        assert again["environment"][field] == first["environment"][field]
    assert index.requests == []


def test_a_package_that_does_not_exist(reprun: Program, index: Index) -> None:
    assert "`no-such-package`" in _refused(reprun, index, "no-such-package\n")


def test_a_package_that_is_misspelt(reprun: Program, index: Index) -> None:
    said = _refused(reprun, index, "sckit-learn\n")
    assert "`scikit-learn`" in said.splitlines()[-1]


def test_a_version_that_does_not_exist(reprun: Program, index: Index) -> None:
    index.wheel("six", "1.16.0")
    said = _refused(reprun, index, "six==9.9\n")
    assert "six" in said
    assert "9.9" in said


def test_two_that_conflict(reprun: Program, index: Index) -> None:
    index.wheel("base", "1.0")
    index.wheel("base", "2.0")
    index.wheel("one", "1.0", requires=["base<2"])
    index.wheel("other", "1.0", requires=["base>=2"])
    said = _refused(reprun, index, "one\nother\n")
    assert "one" in said
    assert "other" in said
    assert "base" in said


def test_one_that_fails_its_hash(reprun: Program, index: Index) -> None:
    index.wheel("six", "1.16.0")
    said = _refused(reprun, index, f"six==1.16.0 --hash=sha256:{'0' * 64}\n")
    assert "six" in said
    assert "hash" in said


def test_one_that_does_not_build_shows_its_own_last_lines(reprun: Program, index: Index) -> None:
    index.sdist("broken", "1.0", fail="raise SystemExit('no compiler was found')")
    said = _refused(reprun, index, "broken\n")
    assert "broken" in said.splitlines()[0]
    assert "no compiler was found" in said


def test_an_index_that_is_down(reprun: Program, index: Index) -> None:
    index.down = True
    said = _refused(reprun, index, "six\n")
    assert "127.0.0.1" in said or "index" in said


def test_a_python_that_is_not_there(reprun: Program) -> None:
    samples.lay(reprun.directory, VENV % "sys", python_env_yaml='python: "3.3.7"\n')
    said = reprun("run", ".")
    assert said.code == 125
    assert "3.3.7" in said.err
    assert "hint: " in said.err
    assert reprun.records() == []


def test_what_is_locked_is_what_the_step_sees_and_what_is_recorded(
    reprun: Program, index: Index
) -> None:
    index.wheel("six", "1.16.0")
    samples.lay(reprun.directory, VENV % "six", python_env_yaml="dependencies: [six]\n")
    first = reprun.record(".")
    index.wheel("six", "1.17.0")
    assert _six(reprun.record(".")) == _six(first) == "1.16.0"
    assert _six(reprun.record(".", "--relock")) == "1.17.0"
    assert first["environment"]["lock"]["locked"] is True


@pytest.mark.parametrize(
    ("flags", "version"),
    [(("--as-of", "2021-06-30"), "1.0"), (("--as-of", "commit"), "2.0"), ((), "3.0")],
)
def test_as_of_takes_the_packages_of_that_day(
    reprun: Program, index: Index, flags: tuple[str, ...], version: str
) -> None:
    """The sample's commit is of 2 January 2024."""
    for number, day in (("1.0", "2021-01-01"), ("2.0", "2023-01-01"), ("3.0", "2025-01-01")):
        index.wheel("six", number, uploaded=f"{day}T00:00:00Z")
    samples.commit(reprun.directory, VENV % "six", python_env_yaml="dependencies: [six]\n")
    assert _six(reprun.record(".", *flags)) == version


def test_a_lock_written_into_the_project_is_used_as_it_is(reprun: Program, index: Index) -> None:
    index.wheel("six", "1.16.0")
    samples.lay(reprun.directory, VENV % "six", python_env_yaml="dependencies: [six]\n")
    said = reprun("lock")
    assert said.code == 0, said.err
    assert said.out.startswith("wrote ")
    assert "1 packages" not in said.out
    again = reprun("lock", "--json")
    assert again.document["changed"] is False
    index.wheel("six", "1.17.0")
    assert _six(reprun.record(".")) == "1.16.0"
    assert "--hash=sha256:" in Path(again.document["path"]).read_text()


def test_nothing_to_lock(reprun: Program) -> None:
    samples.lay(reprun.directory)
    said = reprun("lock")
    assert said.code == 2
    assert "the project names no packages" in said.err
    said = reprun("lock", "https://example.org/x")
    assert said.code == 2
    assert "`https://example.org/x` is not a directory of this machine" in said.err


def _six(record: dict[str, object]) -> str | None:
    environment = record["environment"]
    assert isinstance(environment, dict)
    found = {each["name"]: each["version"] for each in environment["packages"]}
    return found.get("six")
