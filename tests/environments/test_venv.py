"""From a project's files to a built environment, with a real index, real uv and virtualenv."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    BuildFailure,
    DependencyConflict,
    EnvironmentFailure,
    HashMismatch,
    IndexUnreachable,
    NoSuchPackage,
)
from runner.manifest.model import EnvironmentReference

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.conftest import Workshop

PYTHON_ENV = EnvironmentReference(kind="python_env", path="python_env.yaml")
REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
EMPTY = EnvironmentReference(kind="empty")


def python(at: Path | None, code: str) -> str:
    assert at is not None
    done = subprocess.run(
        [at / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_python_env_yaml_becomes_a_locked_environment(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("alpha", "2.0", requires=["beta"])
    workshop.index.wheel("beta", "0.1")
    workshop.project.write("python_env.yaml", "python: 3.11\ndependencies:\n  - alpha\n")
    built = workshop.build(PYTHON_ENV)
    assert python(built.path, "import alpha, beta; print(alpha.VERSION)") == "2.0"
    assert {one.name for one in built.packages} == {"alpha", "beta", "pip", "setuptools", "wheel"}
    assert built.interpreter is not None
    assert built.interpreter.version.startswith("3.11.")
    for entry in built.lock.text.replace("\\\n", "").splitlines()[1:]:
        assert re.match(r"[a-z]+==[\d.]+\s+--hash=sha256:[0-9a-f]{64}", entry), entry
    assert "127.0.0.1" not in built.lock.text
    assert built.lock.platform == "any"


@pytest.mark.parametrize(
    ("line", "version"), [("setuptools", "80.9.0"), ("setuptools>=80", "82.0.0")]
)
def test_a_setuptools_that_mlflow_can_import(workshop: Workshop, line: str, version: str) -> None:
    for one in ("80.9.0", "82.0.0"):
        workshop.index.wheel("setuptools", one)
    text = f"build_dependencies:\n  - pip\n  - {line}\n  - wheel\n"
    workshop.project.write("python_env.yaml", text)
    _, lock = workshop.lock(PYTHON_ENV)
    assert f"setuptools=={version}" in lock.text


def test_a_second_run_asks_the_index_nothing_and_builds_nothing(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    first = workshop.build(REQUIREMENTS)
    workshop.index.requests.clear()
    workshop.index.wheel("alpha", "2.0")
    second = workshop.build(REQUIREMENTS)
    assert (first.reused, second.reused) == (False, True)
    assert second.hash == first.hash
    assert second.fingerprint == first.fingerprint
    assert second.packages == first.packages
    assert second.lock.made == "reused"
    assert workshop.index.requests == []


def test_relock_takes_what_is_new(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    workshop.lock(REQUIREMENTS)
    workshop.index.wheel("alpha", "2.0")
    assert "alpha==1.0" in workshop.lock(REQUIREMENTS)[1].text
    _, lock = workshop.lock(REQUIREMENTS, relock=True)
    assert "alpha==2.0" in lock.text
    assert lock.made == "resolved"
    assert "alpha==2.0" in workshop.lock(REQUIREMENTS)[1].text


def test_as_of_sees_the_packages_of_that_day(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0", uploaded="2020-01-01T00:00:00Z")
    workshop.index.wheel("alpha", "2.0", uploaded="2022-01-01T00:00:00Z")
    workshop.project.write("requirements.txt", "alpha\n")
    _, then = workshop.lock(REQUIREMENTS, as_of="2021-01-01T00:00:00Z")
    _, now = workshop.lock(REQUIREMENTS)
    assert "alpha==1.0" in then.text
    assert "alpha==2.0" in now.text


def test_an_empty_project_gets_pip_alone_without_network(workshop: Workshop) -> None:
    workshop.index.down = True
    built = workshop.build(EMPTY)
    assert [one.name for one in built.packages] == ["pip", "setuptools"]
    assert built.lock.text == ""
    assert workshop.index.requests == []
    assert python(built.path, "print(1)") == "1"


def test_hashed_requirements_are_the_lock_verbatim(workshop: Workshop) -> None:
    digest = workshop.index.wheel("alpha", "1.0")
    text = f"# mine\nalpha==1.0 \\\n    --hash=sha256:{digest}\n"
    workshop.project.write("requirements.txt", text)
    built = workshop.build(REQUIREMENTS)
    assert built.lock.text == text
    assert built.lock.made == "project"
    assert [one.sha256 for one in built.packages if one.name == "alpha"] == [digest]
    assert {"pip", "setuptools"} <= {one.name for one in built.packages}


def test_passwords_in_a_lock_of_the_project_are_not_kept(workshop: Workshop) -> None:
    digest = workshop.index.wheel("alpha", "1.0")
    address = workshop.index.url.replace("://", "://someone:hush@")
    text = f"--extra-index-url {address}\nalpha==1.0 --hash=sha256:{digest}\n"
    workshop.project.write("requirements.txt", text)
    built = workshop.build(REQUIREMENTS)
    assert built.lock.text == text.replace("someone:hush@", "")
    assert any("the passwords in it are not kept" in one for one in workshop.heard.warnings)


def test_a_lock_that_we_made_can_be_carried_by_the_project(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    _, made = workshop.lock(REQUIREMENTS)
    workshop.project.write("requirements.txt", made.text)
    backend, carried = workshop.lock(REQUIREMENTS)
    assert (carried.text, carried.python, carried.made) == (made.text, made.python, "project")
    assert backend.NAME == "venv"


@pytest.mark.parametrize(
    ("line", "reason", "hint"),
    [
        ("alpha=1.0", 'no such comparison operator "="', "did you mean `alpha==1.0`?"),
        ("alpha == 2..7.1", "found `..7.1`", "write it as `numpy==1.26.4`"),
        ("alpha beta", "Expected one of", "write it as `numpy==1.26.4`"),
        ("alpha git+https://h/o/n", "Expected one of", "write it as `name @ git+https://HOST"),
    ],
)
def test_what_is_no_requirement_is_shown_as_it_stands(
    workshop: Workshop, line: str, reason: str, hint: str
) -> None:
    workshop.project.write("python_env.yaml", f"dependencies:\n  - {line}\n")
    with pytest.raises(EnvironmentFailure) as caught:
        workshop.lock(PYTHON_ENV)
    assert caught.value.message.startswith(f"python_env.yaml: `{line}` is no requirement: ")
    assert reason in caught.value.message
    assert (caught.value.hint or "").startswith(hint)
    assert not caught.value.details, "a temporary file of ours is no place to look at"


def test_a_misspelt_package_is_named_with_what_was_meant(workshop: Workshop) -> None:
    workshop.project.write("requirements.txt", "sckit-learn\n")
    with pytest.raises(NoSuchPackage) as caught:
        workshop.lock(REQUIREMENTS)
    assert caught.value.message == "requirements.txt: no package is called `sckit-learn`"
    assert caught.value.hint == (
        "did you mean `scikit-learn`? pass `--drop-package sckit-learn --add-package "
        "'scikit-learn'`, or correct the name"
    )


def test_what_is_wrong_is_understood_in_a_narrow_terminal(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    test_a_misspelt_package_is_named_with_what_was_meant(workshop)


def test_a_version_that_does_not_exist(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha==9\n")
    with pytest.raises(NoSuchPackage, match=r"`alpha` has no version ==9"):
        workshop.lock(REQUIREMENTS)


def test_two_that_conflict(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0", requires=["gamma<2"])
    workshop.index.wheel("beta", "1.0", requires=["gamma>=2"])
    workshop.index.wheel("gamma", "1.0")
    workshop.index.wheel("gamma", "2.0")
    workshop.project.write("requirements.txt", "alpha\nbeta\n")
    with pytest.raises(DependencyConflict) as caught:
        workshop.lock(REQUIREMENTS)
    assert caught.value.message == "requirements.txt: the requirements contradict each other"
    assert any("gamma" in line for line in caught.value.details)
    assert not list(workshop.settings.locks.glob("*.json"))


def test_a_file_that_fails_its_hash(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    wrong = "0" * 64
    workshop.project.write("requirements.txt", f"alpha==1.0 --hash=sha256:{wrong}\n")
    with pytest.raises(HashMismatch) as caught:
        workshop.build(REQUIREMENTS)
    assert "`alpha==1.0` does not have the hash" in caught.value.message
    assert (caught.value.hint or "").endswith("find out why before you lock again")
    assert any(wrong in line for line in caught.value.details)
    assert not [
        path for path in (workshop.settings.environments / "venv").glob("*") if path.is_dir()
    ]


def test_an_index_that_serves_something_else_than_was_locked(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    workshop.lock(REQUIREMENTS)
    workshop.index.wheel("alpha", "1.0", files={"alpha/__init__.py": "import os\n"})
    with pytest.raises(HashMismatch):
        workshop.build(REQUIREMENTS)


def test_an_index_that_is_down(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.project.write("requirements.txt", "alpha\n")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://someone:hush@127.0.0.1:9/simple/")
    with pytest.raises(IndexUnreachable) as caught:
        workshop.lock(REQUIREMENTS)
    said = " ".join((caught.value.message, *caught.value.details, *workshop.heard.lines))
    assert "can't be reached" in caught.value.message
    assert "127.0.0.1:9" in caught.value.message
    assert "hush" not in said


def test_an_index_that_answers_503(workshop: Workshop) -> None:
    workshop.project.write("requirements.txt", "alpha\n")
    workshop.index.down = True
    with pytest.raises(IndexUnreachable, match="can't be reached"):
        workshop.lock(REQUIREMENTS)


def test_an_index_that_asks_for_a_password(workshop: Workshop) -> None:
    workshop.project.write("requirements.txt", "alpha\n")
    workshop.index.password = "someone:hush"
    with pytest.raises(IndexUnreachable) as caught:
        workshop.lock(REQUIREMENTS)
    assert "answers 401 Unauthorized" in caught.value.message
    assert "netrc" in (caught.value.hint or "")


def test_a_password_of_the_index_is_in_no_lock(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.password = "someone:hush"
    address = workshop.index.url.replace("://", "://someone:hush@")
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)
    workshop.project.write("requirements.txt", f"--extra-index-url {address}\nalpha\n")
    _, lock = workshop.lock(REQUIREMENTS)
    kept = [path.read_text() for path in workshop.settings.data.rglob("*") if path.is_file()]
    assert "alpha==1.0" in lock.text
    assert not any("hush" in text for text in (lock.text, *kept))
    assert any("password" in text for text in workshop.heard.warnings)


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        ("raise SystemExit('the moon is wrong')", "its own build fails"),
        ("import numpy_not_declared", "needs `numpy_not_declared`, which it does not declare"),
        ("raise SystemExit('x.c:1:10: fatal error: Python.h: No such file or directory')",
         "the header `Python.h` isn't on this machine"),
        ("raise SystemExit(\"error: command 'nvcc' failed: No such file or directory\")",
         "the compiler `nvcc` isn't on this machine"),
        ("raise SystemExit(\"AttributeError: module 'collections' has no collections.Mapping\")",
         "it is older than this Python"),
    ],
)  # fmt: skip
def test_a_package_that_does_not_build_shows_its_last_lines_and_whose_fault_it_is(
    workshop: Workshop, fail: str, said: str
) -> None:
    workshop.index.sdist("broken", "1.0", fail=fail)
    workshop.project.write("requirements.txt", "broken\n")
    with pytest.raises(BuildFailure) as caught:
        workshop.build(REQUIREMENTS)
    assert said in caught.value.message
    assert "`broken==1.0`" in caught.value.message
    assert caught.value.details


def test_a_source_distribution_is_built_and_installed_by_hash(workshop: Workshop) -> None:
    digest = workshop.index.sdist("sourced", "1.0")
    workshop.project.write("requirements.txt", "sourced\n")
    built = workshop.build(REQUIREMENTS)
    assert f"--hash=sha256:{digest}" in built.lock.text
    assert python(built.path, "import sourced; print(sourced.VERSION)") == "1.0"


def test_a_package_for_a_newer_python(workshop: Workshop) -> None:
    workshop.index.wheel("modern", "1.0", python=">=3.99")
    workshop.project.write("requirements.txt", "modern\n")
    with pytest.raises(EnvironmentFailure) as caught:
        workshop.lock(REQUIREMENTS)
    assert "`modern==1.0` does not support the Python that is asked for" in caught.value.message
    assert "it wants >=3.99" in caught.value.message


def test_setuptools_keeps_pkg_resources_unless_the_project_wants_a_newer(
    workshop: Workshop,
) -> None:
    workshop.index.wheel("setuptools", "82.0")
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("needy", "1.0", requires=["setuptools>=81"])
    workshop.project.write("requirements.txt", "alpha\n")
    assert "setuptools==80.9.0" in workshop.lock(REQUIREMENTS)[1].text
    workshop.project.write("requirements.txt", "needy\n")
    assert "setuptools==82.0" in workshop.lock(REQUIREMENTS)[1].text
