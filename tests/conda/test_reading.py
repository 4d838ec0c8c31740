"""What a conda file becomes before anything is solved: no passwords in it, priority in its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.conda import access, reading
from runner.environments import amended, kinds
from runner.errors import RequestError
from runner.manifest.model import EnvironmentReference
from runner.request import Request
from tests.environments.conftest import Folder
from tests.support.folder import FolderFiles
from tests.support.listening import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Spec

SECRET = "https://me:secret@conda.example.org/forge"
BARE = "https://conda.example.org/forge"
CONDA = f"""\
channels: [{SECRET}, nodefaults]
dependencies:
- typing_extensions=4
- Ruamel.YAML
- {SECRET}/t/token/other::beta=1
- pip: [scikit_learn, six]
"""


def read(tmp_path: Path, text: str = CONDA) -> Spec:
    (tmp_path / "conda.yaml").write_text(text)
    return reading.read("conda", Folder(tmp_path), "conda.yaml", as_of=None)


def test_no_password_is_in_what_is_asked_for(tmp_path: Path) -> None:
    spec = read(tmp_path)
    assert "secret" not in str(spec)
    assert "token" not in str(spec)
    assert spec.conda[2] == f"{BARE}/other::beta=1"
    assert spec.origins["beta"].startswith("conda.yaml:5:3: the conda package `https://conda.")
    assert [one.addresses for one in spec.channels] == [(BARE,), (f"{BARE}/other",)]
    logins = access.of_files(FolderFiles(tmp_path), "conda.yaml").logins
    assert [(one.address, one.password) for one in logins] == [
        (f"{BARE}/", "secret"),
        (f"{BARE}/other/", "secret"),
    ]
    assert logins[1].actual == f"{BARE}/t/token/other/"
    other = read(tmp_path, CONDA.replace("secret", "changed").replace("token", "nekot"))
    assert other.digest == spec.digest, "who logs in with another password has the same lock"


def test_a_package_that_stands_there_twice_is_that_of_the_first_line(tmp_path: Path) -> None:
    spec = read(tmp_path, "dependencies:\n- numpy=1\n- NumPy>=1.2\n")
    assert spec.origins == {"numpy": "conda.yaml:2:3: the conda package `numpy=1`"}
    assert spec.conda == ("numpy=1", "NumPy>=1.2")


@pytest.mark.parametrize("line", ["six", "./mine"])
def test_pip_is_added_for_a_section_that_lacks_it_and_that_is_said(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyproject.toml").write_text("[project]\nname='mine'\nversion='1'\n")
    text = f"dependencies:\n- python\n- pip: [{line}]\n"
    said = "conda.yaml: `pip:` has packages, but `dependencies` has no `pip`: it is added"
    spec = read(tmp_path, text)
    assert spec.conda == ("python", "pip")
    assert said in spec.warnings
    for own in ("pip", "conda-forge::Pip >=20"):
        spec = read(tmp_path, text.replace("- pip:", f"- {own}\n- pip:"))
        assert spec.conda == ("python", own)
        assert said not in spec.warnings
    assert read(tmp_path, text.replace(line, "")).conda == ("python",)


def test_what_the_persons_configuration_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text("client_ssl_cert: mine.pem\n")
    assert any("`client_ssl_cert` has no effect" in one for one in read(tmp_path).warnings)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[tool.conda-lock]\nchannels = ['x']\n"),
        ("meta.yaml", "{% set version = 1 %}\nrequirements: {}\n"),
        ("broken.yaml", "dependencies: [\n"),
        ("other.yaml", "channels: [a]\n"),
        ("../above.yaml", CONDA),
        ("absent.yaml", None),
    ],
)
def test_what_a_lock_was_made_from_may_be_anything(
    tmp_path: Path, path: str, text: str | None
) -> None:
    (tmp_path / "project").mkdir()
    if text is not None:
        (tmp_path / "project" / path).write_text(text)
    read(tmp_path / "project")
    reach = access.of_files(FolderFiles(tmp_path / "project"), None, path, "conda.yaml")
    assert [one.password for one in reach.logins] == ["secret", "secret"]


def test_the_channels_priority_is_a_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = read(tmp_path)
    found = {}
    for priority in ("flexible", "strict", "disabled"):
        monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", priority)
        found[priority] = read(tmp_path)
    assert found["flexible"].digest == default.digest
    assert len({one.digest for one in found.values()}) == 3
    assert len({one.words for one in found.values()}) == 1, "a project's lock holds for all"
    (tmp_path / "conda-lock.yml").write_text("version: 1\npackage: []\n")
    keys = set()
    for priority in found:
        monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", priority)
        keys.add(read(tmp_path).digest)
    assert len(keys) == 1, "a lock that is there asks nobody"


def amend(tmp_path: Path, request: Request) -> Spec:
    (tmp_path / "conda.yaml").write_text(CONDA)
    return amended.read(
        kinds.load("conda"),
        EnvironmentReference(kind="conda_env", path="conda.yaml"),
        FolderFiles(tmp_path),
        request,
        as_of=None,
        progress=Listener(),
    )


@pytest.mark.parametrize("name", ["typing_extensions", "typing-extensions", "Typing.Extensions"])
def test_a_package_of_condas_goes_by_any_spelling(tmp_path: Path, name: str) -> None:
    spec = amend(
        tmp_path, Request(".", tmp_path, drop_packages=(name, "RUAMEL.yaml", "scikit-learn"))
    )
    assert spec.conda == (f"{BARE}/other::beta=1", "pip")
    assert spec.requirements == ("six",)
    spec = amend(tmp_path, Request(".", tmp_path, add_packages=(f"{name}==4.1",)))
    assert spec.conda == ("Ruamel.YAML", f"{BARE}/other::beta=1", "pip")
    assert spec.requirements == ("scikit_learn", "six", f"{name}==4.1")


def test_a_package_that_is_not_asked_for_can_not_be_dropped(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="asks for no such package") as caught:
        amend(tmp_path, Request(".", tmp_path, drop_packages=("typing_extension",)))
    assert caught.value.hint == "did you mean `typing-extensions`?"


@pytest.mark.parametrize(
    ("asked", "conda"),
    [
        ("- python=3.9\n- pip\n", ("python=3.9", "pip")),
        ("- pip\n", ("pip", "python>=3.8,<4")),
    ],
)
def test_the_python_of_the_projects_own_package_does_not_beat_that_of_its_file(
    tmp_path: Path, asked: str, conda: tuple[str, ...]
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.8, <4"\n'
        '[build-system]\nrequires = ["setuptools"]\n'
    )
    spec = read(tmp_path, f"dependencies:\n{asked}- pip: ['-e .']\n")
    assert (spec.conda, spec.python) == (conda, None)


def test_what_only_conda_lock_asks_for_is_no_unknown_key(tmp_path: Path) -> None:
    spec = read(tmp_path, "platforms: [linux-64]\ncategory: dev\ndependencies: [numpy]\n")
    assert spec.warnings == ()
    (warning,) = read(tmp_path, "platform: [linux-64]\ndependencies: [numpy]\n").warnings
    assert warning.startswith("conda.yaml:1:1: the unknown key `platform` is ignored")
