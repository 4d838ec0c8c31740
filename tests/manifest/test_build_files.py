"""The Dockerfile and the build's folder that `docker_env` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import load
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path

    from runner.manifest.model import DockerEnvironment, Manifest


def lay(top: Path, keys: str, *names: str) -> FolderFiles:
    folder = top / "project"
    project(folder, f"docker_env: {{{keys}}}\n")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("FROM a\n")
    return FolderFiles(folder, root=top)


def docker(manifest: Manifest) -> DockerEnvironment:
    assert manifest.environment.docker is not None
    return manifest.environment.docker


FOUND = {
    "Dockerfile": "Dockerfile",
    "./docker//gpu.Dockerfile": "docker/gpu.Dockerfile",
    ".": "Dockerfile",
    "docker": "docker/Dockerfile",
    "docker/": "docker/Dockerfile",
    "../shared/Dockerfile": "../shared/Dockerfile",
    "../shared": "../shared/Dockerfile",
}


@pytest.mark.parametrize("written", FOUND)
def test_a_dockerfile_is_found(written: str, tmp_path: Path) -> None:
    names = ("Dockerfile", "docker/gpu.Dockerfile", "docker/Dockerfile", "../shared/Dockerfile")
    manifest = load(lay(tmp_path, f"dockerfile: {written}", *names))
    assert docker(manifest).dockerfile == FOUND[written]
    assert manifest.problems == ()
    assert docker(manifest).as_written == {"dockerfile": written}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("dockerfile", "Dockerfile"),
        ("docker/DockerFile", "docker/Dockerfile"),
        (".", "dockerfile"),
        ("docker/", "docker/dockerfile"),
    ],
)
def test_another_spelling_is_used_and_warned_of(written: str, meant: str, tmp_path: Path) -> None:
    manifest = load(lay(tmp_path, f"dockerfile: {written}", meant))
    assert docker(manifest).dockerfile == meant
    (problem,) = manifest.problems
    assert str(problem.message) == (
        f"`dockerfile` names `{written}`, and the project has `{meant}`, which is used"
    )
    assert (problem.severity, problem.hint) == ("warning", f"write `dockerfile: {meant}`")


MISSING = {
    "Dockerfle": (
        "`dockerfile` names `Dockerfle`, which is not in the project",
        "did you mean `Dockerfile.gpu`?",
    ),
    "docker/trainin": (
        "`dockerfile` names `docker/trainin`, which is not in the project",
        "did you mean `docker/training`?",
    ),
    "docker": (
        "`dockerfile` names `docker`, a folder without a `Dockerfile`",
        "add the file, or remove the `dockerfile` line",
    ),
    "nowhere/Dockerfile": (
        "`dockerfile` names `nowhere/Dockerfile`, which is not in the project",
        "add the file, or remove the `dockerfile` line",
    ),
    "../../Dockerfile": (
        "`dockerfile` names `../../Dockerfile`: `../../Dockerfile` leaves the source",
        "name one of the project, relative to the manifest",
    ),
}


@pytest.mark.parametrize("written", MISSING)
def test_a_dockerfile_that_is_missing_is_an_error_at_its_place(
    written: str, tmp_path: Path
) -> None:
    files = lay(tmp_path, f"dockerfile: {written}", "Dockerfile.gpu", "docker/training")
    with pytest.raises(ManifestError) as raised:
        load(files)
    message, hint = MISSING[written]
    assert (raised.value.message, raised.value.hint) == (f"MLproject:1:26: {message}", hint)


CONTEXTS = {
    "sorces": (
        "`context` names `sorces`, which is no folder of the project",
        "did you mean `sources`?",
    ),
    "Dockerfile": (
        "`context` names `Dockerfile`, which is no folder of the project",
        "name a folder relative to the manifest, `.` for the project's own",
    ),
    "../..": (
        "`context` names `../..`: `../..` leaves the source",
        "name one of the project, relative to the manifest",
    ),
}


@pytest.mark.parametrize("written", CONTEXTS)
def test_a_context_that_is_missing_is_an_error_at_its_place(written: str, tmp_path: Path) -> None:
    files = lay(tmp_path, f"dockerfile: ., context: {written}", "Dockerfile", "sources/a")
    with pytest.raises(ManifestError) as raised:
        load(files)
    message, hint = CONTEXTS[written]
    assert (raised.value.message, raised.value.hint) == (f"MLproject:1:38: {message}", hint)


@pytest.mark.parametrize(("written", "path"), [("./", "."), ("..", ".."), ("sources/", "sources")])
def test_a_context_is_a_folder_of_the_source(written: str, path: str, tmp_path: Path) -> None:
    files = lay(tmp_path, f"dockerfile: ., context: {written}", "Dockerfile", "sources/a")
    assert docker(load(files)).context == path


def test_what_only_a_build_takes_is_warned_of_without_one(tmp_path: Path) -> None:
    manifest = load(lay(tmp_path, "image: a, context: ., target: b, args: {C: d}"))
    assert [problem.message for problem in manifest.problems] == [
        f"`{name}` is not used: `docker_env` names no `dockerfile`"
        for name in ("context", "target", "args")
    ]


def test_the_image_of_a_build_is_its_name(tmp_path: Path) -> None:
    manifest = load(lay(tmp_path, "image: 'team/a:1', dockerfile: Dockerfile", "Dockerfile"))
    assert (docker(manifest).image, docker(manifest).dockerfile) == ("team/a:1", "Dockerfile")
    assert manifest.problems == ()
    digest = f"a@sha256:{'0' * 64}"
    pinned = load(lay(tmp_path / "b", f"image: '{digest}', dockerfile: Dockerfile", "Dockerfile"))
    (problem,) = pinned.problems
    assert (problem.code, problem.severity) == ("manifest.built-image", "warning")
