"""Finding a Python: versions as people write them, pyenv and its shims, absent ones."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.environments import facts, interpreters, versions
from runner.errors import NoSuchPython
from runner.manifest.model import EnvironmentReference
from runner.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Interpreter
    from tests.environments.conftest import Workshop

OWN = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"


@pytest.mark.parametrize(
    ("text", "admitted", "refused"),
    [
        ("3.10", ["3.10.0", "3.10.13"], ["3.1.0", "3.11.0"]),
        ("3.10.4", ["3.10.4"], ["3.10.5", "3.10.0"]),
        ("==3.10", ["3.10.4"], ["3.11.0"]),
        ("3.9.*", ["3.9.1"], ["3.10.0"]),
        ("==3.9.*", ["3.9.1"], ["3.10.0"]),
        (">=3.9,<3.12", ["3.9.0", "3.11.9"], ["3.12.0", "3.8.18"]),
        ("~=3.9", ["3.9.0", "3.12.0"], ["3.8.9", "4.0.0"]),
        ("~=3.9.2", ["3.9.2", "3.9.18"], ["3.9.1", "3.10.0"]),
        (">3.8", ["3.8.1", "3.9.0"], ["3.8.0", "3.7.0"]),
        ("<=3.8.2,!=3.8.1", ["3.8.2"], ["3.8.1", "3.8.3"]),
        ("!=3.8.*", ["3.9.0"], ["3.8.3"]),
        ("3", ["3.6.0", "3.13.1"], ["2.7.18"]),
        ("python3.10", ["3.10.1"], ["3.11.0"]),
        ("cpython@3.12", ["3.12.1"], ["3.11.0"]),
        ("", ["3.12.1"], []),
    ],
)
def test_versions_as_people_write_them(text: str, admitted: list[str], refused: list[str]) -> None:
    wanted = versions.parse(text)
    assert [one for one in admitted if not versions.admits(wanted, one)] == []
    assert [one for one in refused if versions.admits(wanted, one)] == []


@given(st.text(max_size=20))
def test_any_other_text_is_refused_as_such(text: str) -> None:
    try:
        wanted = versions.parse(text)
    except ValueError:
        return
    assert versions.admits(wanted, "3.11.7") in {True, False}


def find(workshop: Workshop, text: str | None, *, exact: bool = False) -> Interpreter:
    return interpreters.find(text, exact=exact, settings=workshop.settings, progress=workshop.heard)


def test_none_means_the_one_that_runs_reprun(workshop: Workshop) -> None:
    found = find(workshop, None)
    assert found.version.startswith(OWN)
    assert not (found.path.parent.parent / "pyvenv.cfg").exists()
    code = "import sys; print(sys.version.replace(chr(10), ' '))"
    said = subprocess.run([found.path, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == found.build


def others(workshop: Workshop) -> list[Interpreter]:
    """Installed interpreters of another minor version than our own."""
    own = versions.numbers(OWN)[:2]
    found = [
        one
        for one in interpreters.installed(workshop.settings)
        if versions.numbers(one.version)[:2] != own
    ]
    if not found:
        pytest.skip("no Python but our own is installed")
    return found


def test_another_minor_version_is_found_wherever_it_stands(workshop: Workshop) -> None:
    for other in others(workshop):
        minor = ".".join(other.version.split(".")[:2])
        found = find(workshop, minor)
        assert found.version.startswith(minor + ".")
        assert find(workshop, found.version) == found


def test_what_is_known_of_an_interpreter_is_asked_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = others(workshop)[0]
    first = find(workshop, other.version)
    monkeypatch.setattr("subprocess.run", None)
    assert find(workshop, other.version) == first


def test_an_absent_patch_release_is_replaced_by_the_nearest_with_a_warning(
    workshop: Workshop,
) -> None:
    for other in others(workshop):
        minor = ".".join(other.version.split(".")[:2])
        found = find(workshop, f"{minor}.99")
        assert found.version.startswith(minor + ".")
        assert f"Python {minor}.99 isn't here and can't be fetched" in workshop.heard.warnings[-1]
        with pytest.raises(NoSuchPython, match=rf"no Python {minor}\.99"):
            find(workshop, f"{minor}.99", exact=True)


def test_the_lock_keeps_the_patch_release_that_was_asked_for(workshop: Workshop) -> None:
    minor = ".".join(OWN.split(".")[:2])
    workshop.project.write("python_env.yaml", f"python: {minor}.99\n")
    built = workshop.build(EnvironmentReference(kind="python_env", path="python_env.yaml"))
    assert built.lock.python == f"{minor}.99"
    assert built.interpreter is not None
    assert built.interpreter.version.startswith(f"{minor}.")
    assert workshop.heard.warnings


def test_no_such_python_lists_those_that_are_there(workshop: Workshop) -> None:
    with pytest.raises(NoSuchPython) as caught:
        find(workshop, "3.99")
    assert caught.value.message == "no Python 3.99 on this machine, and uv can't fetch it"
    assert OWN in (caught.value.hint or "")


def test_python_2_is_not_looked_for(workshop: Workshop) -> None:
    with pytest.raises(NoSuchPython, match=r"Python 2\.7 is too old") as caught:
        find(workshop, "2.7")
    assert "3.1" in (caught.value.hint or "")


def test_text_that_is_no_version(workshop: Workshop) -> None:
    with pytest.raises(NoSuchPython, match="`three` is no Python version"):
        find(workshop, "three")


def test_a_python_that_uv_can_not_fetch_either(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "automatic")
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(workshop.settings.cache / "pythons"))
    with pytest.raises(NoSuchPython, match=r"no Python 3\.99 on this machine"):
        find(workshop, "3.99")
    assert "fetching Python 3.99" in workshop.heard.updates
    workshop.heard.updates.clear()
    with pytest.raises(NoSuchPython):
        find(workshop, "3.99")
    assert workshop.heard.updates == []


def _fake(path: Path, version: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    answer = f'["{version}", "{version} fake", "cpython", []]'
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)


def test_shims_are_not_trusted(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake(tmp_path / "shims" / "python3.98", "3.98.0")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    with pytest.raises(NoSuchPython):
        find(workshop, "3.98")


def test_a_program_that_is_no_python_is_passed_over(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.98").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    with pytest.raises(NoSuchPython):
        find(workshop, "3.98")


def test_a_cache_of_facts_that_is_broken_or_can_not_be_written_only_costs_time(
    workshop: Workshop,
) -> None:
    workshop.settings.cache.mkdir(parents=True)
    for content in ("[]", "{", '{"/bin/true": 3}'):
        (workshop.settings.cache / "interpreters.json").write_text(content)
        assert interpreters.installed(workshop.settings)
    (workshop.settings.cache / "interpreters.json").unlink()
    (workshop.settings.cache / "interpreters.json").mkdir()
    assert interpreters.installed(workshop.settings)


def test_fetching_is_not_tried_again_within_a_day(workshop: Workshop) -> None:
    known = facts.Facts(workshop.settings)
    known.note_missing("3.99", now=1_000_000)
    known.save()
    again = facts.Facts(workshop.settings)
    assert again.missing("3.99", now=1_000_000 + 3600)
    assert not again.missing("3.99", now=1_000_000 + 25 * 3600)
    assert not again.missing("3.98", now=1_000_000)


@pytest.mark.parametrize("minor", ["3.6", "3.7", "3.8", "3.12", "3.13"])
def test_environments_of_old_and_new_pythons(workshop: Workshop, minor: str) -> None:
    try:
        find(workshop, minor)
    except NoSuchPython:
        pytest.skip(f"no Python {minor} is installed")
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("python_env.yaml", f"python: {minor}\ndependencies: [alpha]\n")
    built = workshop.build(EnvironmentReference(kind="python_env", path="python_env.yaml"))
    assert built.path is not None
    code = "import alpha, sys; print(sys.version_info[:2], alpha.VERSION)"
    python = built.path / "bin" / "python"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"(3, {minor[2:]}) 1.0"
    assert said.stderr == ""


def test_the_cost_of_a_warm_search_is_no_process(workshop: Workshop) -> None:
    interpreters.installed(workshop.settings)
    before = os.times().children_user
    interpreters.find("3", exact=False, settings=workshop.settings, progress=Silent())
    assert os.times().children_user == before
