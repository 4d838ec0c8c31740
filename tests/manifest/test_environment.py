"""Which environment a project asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import examine, load
from runner.manifest.model import DockerEnvironment, EnvironmentReference
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path

HASHED = "numpy==2.0 --hash=sha256:" + "0" * 64
# The files of a project, from the least to the most telling; each outdoes those before it.
ORDER = [
    ("requirements.txt", "requirements", "requirements.txt"),
    ("pyproject.toml", "pyproject", "pyproject.toml"),
    ("pylock.toml", "lock", "pylock.toml"),
    ("uv.lock", "lock", "uv.lock"),
    ("conda.yaml", "conda_env", "conda.yaml"),
    ("python_env.yaml", "python_env", "python_env.yaml"),
]


@pytest.mark.parametrize("with_manifest", [True, False])
def test_an_undeclared_environment_is_found(tmp_path: Path, *, with_manifest: bool) -> None:
    files = project(tmp_path, "name: a\n") if with_manifest else FolderFiles(tmp_path)
    assert load(files).environment == EnvironmentReference("empty")
    for name, kind, path in ORDER:
        (tmp_path / name).write_text("numpy")
        found = load(files).environment
        assert (found.kind, found.path, found.declared) == (kind, path, False)


def test_requirements_with_hashes_are_a_lock(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "requirements.txt").write_text(HASHED)
    assert load(FolderFiles(tmp_path)).environment == EnvironmentReference(
        "lock", "requirements.txt"
    )


def test_a_uv_lock_without_its_project_is_none(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    assert load(FolderFiles(tmp_path)).environment == EnvironmentReference("empty")


@pytest.mark.parametrize("kind", ["python_env", "conda_env"])
@pytest.mark.parametrize("written", ["env.yaml", "./env.yaml", "../env.yaml", "conf/env.yaml"])
def test_a_named_file_is_used(kind: str, written: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    project(folder, f"name: a\n{kind}: {written}\n", python_env_yaml="", conda_yaml="")
    (folder / written).parent.mkdir(exist_ok=True)
    (folder / written).write_text("")
    found = load(FolderFiles(folder, root=tmp_path)).environment
    assert (found.kind, found.path) == (kind, written.removeprefix("./"))
    assert (found.declared, found.line, found.column) == (True, 2, len(kind) + 3)


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        (
            "conda2.yml",
            "did you mean `conda2.yml`? pass `--env-file conda2.yml`, or correct the name",
        ),
        (
            "environment.yml",
            (
                "did you mean `environment.yml`? pass `--env-file environment.yml`, or correct the "
                "name"
            ),
        ),
        ("params.yaml", "add the file, or remove the `conda_env` line"),
    ],
)
def test_a_missing_file_is_told_with_the_one_that_is_meant(
    there: str, hint: str, tmp_path: Path
) -> None:
    files = project(tmp_path, "name: a\nconda_env: conda.yaml\n")
    (tmp_path / there).write_text("")
    with pytest.raises(ManifestError) as caught:
        load(files)
    assert caught.value.message == (
        "MLproject:2:12: `conda_env` names `conda.yaml`, which is not in the project"
    )
    assert caught.value.hint == hint


@pytest.mark.parametrize("there", ["conda.yml", "Conda.yaml", "CONDA.YML"])
def test_a_file_that_is_only_spelt_otherwise_is_used(there: str, tmp_path: Path) -> None:
    files = project(tmp_path, "name: a\nconda_env: conda.yaml\n")
    (tmp_path / there).write_text("")
    manifest = load(files)
    assert manifest.environment.path == there
    (problem,) = manifest.problems
    assert str(problem) == (
        f"MLproject:2:12: `conda_env` names `conda.yaml`, and the project has `{there}`, "
        "which is used"
    )
    assert problem.hint == f"write `conda_env: {there}`"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("other.yaml", "python: '3.11'\n", "python_env"),
        ("other.yml", "dependencies: [numpy]\n", "conda_env"),
        ("other.txt", "numpy\n", "requirements"),
        ("pinned.txt", "numpy==1 --hash=sha256:00\n", "lock"),
        ("pyproject.toml", "", "pyproject"),
        ("pylock.other.toml", "", "lock"),
        ("uv.lock", "", "lock"),
    ],
)
def test_another_file_stands_in_for_the_one_that_is_named(
    name: str, content: str, kind: str, tmp_path: Path
) -> None:
    files = project(tmp_path, "conda_env: gone.yaml\npython_env: gone.yaml\n")
    (tmp_path / name).write_text(content)
    manifest = load(files, environment=f"./{name}")
    assert (manifest.environment.kind, manifest.environment.path) == (kind, name)
    assert manifest.problems == ()


def test_a_stand_in_that_is_not_there(tmp_path: Path) -> None:
    files = project(tmp_path, "name: a\n")
    (tmp_path / "conda.yaml").write_text("")
    with pytest.raises(
        ManifestError, match=r"`--env-file cond\.yaml`: the project has no"
    ) as caught:
        load(files, environment="cond.yaml")
    assert caught.value.hint == "did you mean `conda.yaml`?"


def test_which_of_two_spellings_is_meant_is_not_guessed(tmp_path: Path) -> None:
    files = project(tmp_path, "name: a\nconda_env: conda.yaml\n")
    for name in ("conda.yml", "Conda.yaml"):
        (tmp_path / name).write_text("")
    with pytest.raises(ManifestError):
        load(files)


@pytest.mark.parametrize("written", ["../../outside.yaml", "/etc/passwd"])
def test_a_file_outside_of_the_source_is_refused(written: str, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("")
    files = project(tmp_path / "source" / "project", f"conda_env: {written}\n")
    with pytest.raises(ManifestError) as caught:
        load(files)
    assert f"MLproject:1:12: `conda_env` names `{written}`: " in caught.value.message
    assert caught.value.hint == "name a file of the project, relative to the manifest"


def test_an_empty_name_is_ignored_as_in_mlflow(tmp_path: Path) -> None:
    manifest = examine(project(tmp_path, "conda_env: ''\n", python_env_yaml=""))
    assert manifest.environment == EnvironmentReference("python_env", "python_env.yaml")


def test_docker_is_read_in_every_shape_of_the_wild(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    manifest = load(
        project(
            tmp_path,
            "docker_env:\n"
            "  image: team/image:1\n"
            "  volumes: ['/a:/b']\n"
            "  environment: [COPIED, [SET, 1.10], [ALSO], PAIR=a=b, EMPTY=, [FLAG, true]]\n"
            "  dockerfile: Dockerfile\n"
            "  context: .\n"
            "  target: final\n"
            "  args: {VERSION: 1.10}\n",
            conda_yaml="",
        )
    )
    docker = manifest.environment.docker
    assert docker is not None
    assert manifest.environment.kind == "docker_env"
    assert docker == DockerEnvironment(
        image="team/image:1",
        dockerfile="Dockerfile",
        context=".",
        target="final",
        args={"VERSION": "1.10"},
        volumes=("/a:/b",),
        variables=(
            ("COPIED", None),
            ("SET", "1.1"),
            ("ALSO", None),
            ("PAIR", "a=b"),
            ("EMPTY", ""),
            ("FLAG", "True"),
        ),
        as_written=docker.as_written,
    )
