"""Locks that a project carries, and requirements that are commits of a repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.environments import uv
from runner.errors import BuildFailure, EnvironmentFailure, IndexUnreachable
from runner.manifest.model import EnvironmentReference
from tests.environments.test_layer import built as built_with_layer
from tests.support.index import package_files, write_package

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.conftest import Workshop

REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
UV_LOCK = EnvironmentReference(kind="lock", path="uv.lock")
PYLOCK = EnvironmentReference(kind="lock", path="pylock.toml")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A package in a repository, tagged v1, with a newer commit on its branch."""
    folder = tmp_path / "repository"
    write_package(folder, "gitted", "1.0", requires=["alpha"])
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=one")
    git(folder, "tag", "v1")
    write_package(folder, "gitted", "2.0", requires=["alpha"])
    git(folder, "commit", "--quiet", "--all", "--message=two")
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "gitted @ git+{url}@v1",
        "git+{url}@v1",
        "git+{url}@v1#egg=gitted",
        "-e git+{url}@v1#egg=gitted",
    ],
)
def test_a_git_requirement_is_pinned_by_commit_and_by_its_wheel(
    workshop: Workshop, repository: Path, line: str
) -> None:
    workshop.index.wheel("alpha", "1.0")
    url = repository.as_uri()
    workshop.project.write("requirements.txt", line.format(url=url) + "\n")
    commit = git(repository, "rev-parse", "v1")
    built = workshop.build(REQUIREMENTS)
    package = next(one for one in built.packages if one.name == "gitted")
    assert (package.version, package.source) == ("1.0", f"git+{url}@{commit}")
    assert f"gitted @ git+{url}@{commit} \\\n    --hash=sha256:{package.sha256}" in built.lock.text
    assert "alpha==1.0" in built.lock.text


def test_a_wheel_that_is_gone_is_built_again_from_the_commit(
    workshop: Workshop, repository: Path
) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", f"gitted @ git+{repository.as_uri()}\n")
    first = workshop.build(REQUIREMENTS)
    shutil.rmtree(workshop.settings.cache)
    second = workshop.build(REQUIREMENTS)
    assert not second.reused
    assert second.packages == first.packages
    assert workshop.heard.warnings == []


def test_a_git_requirement_whose_repository_is_not_there(workshop: Workshop) -> None:
    workshop.project.write("requirements.txt", "gitted @ git+file:///nowhere/at/all@v1\n")
    with pytest.raises(IndexUnreachable) as caught:
        workshop.lock(REQUIREMENTS)
    assert "the repository file:///nowhere/at/all" in caught.value.message


def test_a_git_requirement_that_does_not_build(workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    for path, text in package_files("broken", "1.0", fail="raise SystemExit('no')").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=one")
    workshop.project.write("requirements.txt", f"broken @ git+{folder.as_uri()}\n")
    with pytest.raises(BuildFailure, match="`broken` can't be built from git") as caught:
        workshop.lock(REQUIREMENTS)
    assert any("no" in line for line in caught.value.details)


def uv_in(folder: Path, *arguments: str) -> None:
    command = [str(uv.binary()), *arguments]
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env=uv.surroundings(os.environ)
    )


@pytest.mark.parametrize(
    ("relock", "as_of", "flags"),
    [
        (True, None, "--relock changes"),
        (False, "2020-01-01T00:00:00Z", "--as-of changes"),
        (True, "2020-01-01T00:00:00Z", "--relock and --as-of change"),
    ],
)
def test_flags_that_a_lock_of_the_project_leaves_without_effect_are_warned_of(
    workshop: Workshop, *, relock: bool, as_of: str | None, flags: str
) -> None:
    text = f"alpha==1.0 --hash=sha256:{'0' * 64}\n"
    workshop.project.write("requirements.txt", text)
    assert workshop.lock(REQUIREMENTS)[1].text == text
    assert workshop.heard.warnings == []
    assert workshop.lock(REQUIREMENTS, relock=relock, as_of=as_of)[1].text == text
    said = f"{flags} nothing: the project's own lock is used as it is"
    assert workshop.heard.warnings == [said]


def test_a_uv_lock_is_kept_verbatim_and_installed(workshop: Workshop, repository: Path) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("beta", "1.0")
    workshop.project.write(
        "pyproject.toml",
        '[project]\nname = "work"\nversion = "0.1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["alpha", "gitted"]\n[dependency-groups]\ndev = ["beta"]\n'
        f'[tool.uv.sources]\ngitted = {{ git = "{repository.as_uri()}", tag = "v1" }}\n',
    )
    uv_in(workshop.project.root, "lock")
    workshop.index.wheel("alpha", "2.0")
    text = (workshop.project.root / "uv.lock").read_text()
    built = workshop.build(UV_LOCK)
    assert built.lock.text == text
    assert (built.lock.format, built.lock.made) == ("uv.lock", "project")
    held = {one.name: one.version for one in built.packages}
    assert {"alpha": "1.0", "beta": "1.0", "gitted": "1.0"}.items() <= held.items()


def test_a_uv_lock_of_a_package_installs_it_in_the_layer(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write_package(workshop.project.root, "mine", requires=["alpha"])
    path = workshop.project.root / "pyproject.toml"
    path.write_text(path.read_text() + 'requires-python = ">=3.11"\n')
    uv_in(workshop.project.root, "lock")
    environment, activation = built_with_layer(workshop, UV_LOCK)
    assert [one.path for one in environment.lock.local_packages] == ["."]
    assert "mine" not in {one.name for one in environment.packages}
    code = "import mine, alpha; print(mine.__file__)"
    done = subprocess.run(
        [activation.path[0] / "python", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(workshop.project.root))


def test_a_pylock_is_kept_verbatim_and_installed(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("in.txt", "alpha\n")
    arguments = ("pip", "compile", "in.txt", "--format", "pylock.toml", "-o", "pylock.toml")
    uv_in(workshop.project.root, *arguments)
    workshop.index.wheel("alpha", "2.0")
    built = workshop.build(PYLOCK)
    assert built.lock.text == (workshop.project.root / "pylock.toml").read_text()
    assert {"alpha": "1.0"}.items() <= {one.name: one.version for one in built.packages}.items()


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_that_is_not_toml(workshop: Workshop, name: str) -> None:
    workshop.project.write(name, "<<<<<<< HEAD\n")
    with pytest.raises(EnvironmentFailure, match=f"{name}: not TOML"):
        workshop.read(EnvironmentReference(kind="lock", path=name))


def test_a_changed_project_lock_changes_the_environment(workshop: Workshop) -> None:
    one = workshop.index.wheel("alpha", "1.0")
    two = workshop.index.wheel("alpha", "2.0")
    workshop.project.write("requirements.txt", f"alpha==1.0 --hash=sha256:{one}\n")
    first = workshop.build(REQUIREMENTS)
    workshop.project.write("requirements.txt", f"alpha==2.0 --hash=sha256:{two}\n")
    second = workshop.build(REQUIREMENTS)
    assert first.hash != second.hash
    assert {"alpha": "2.0"}.items() <= {one.name: one.version for one in second.packages}.items()
