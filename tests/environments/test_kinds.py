"""Which kind of environment a project and a person get, and the contract that each kind keeps."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from runner.environments import ensure, kinds, locks
from runner.errors import EnvironmentFailure
from runner.manifest.model import EnvironmentReference
from tests.contract.backends import BackendContract
from tests.support.index import wheel_bytes

if TYPE_CHECKING:
    from tests.environments.conftest import Workshop

EMPTY = EnvironmentReference(kind="empty")
CONDA = EnvironmentReference(kind="conda_env", path="conda.yaml")
DOCKER = EnvironmentReference(kind="docker_env")


class TestVenv(BackendContract):
    """The contract, for a project with a package."""

    kind = "venv"
    reference = EnvironmentReference(kind="python_env", path="python_env.yaml")
    files = {"python_env.yaml": "dependencies:\n  - alpha\n"}  # noqa: RUF012


class TestVenvOfNothing(BackendContract):
    """The contract, for a project that needs nothing."""

    kind = "venv"


class TestVenvOfAProjectLock(BackendContract):
    """The contract, for a project that carries its lock."""

    kind = "venv"
    reference = EnvironmentReference(kind="requirements", path="requirements.txt")
    files = {  # noqa: RUF012
        "requirements.txt": "alpha==1.0 --hash=sha256:"
        + hashlib.sha256(wheel_bytes("alpha", "1.0")).hexdigest()
    }


class TestVenvOfAConda(BackendContract):
    """The contract, for a project with a conda.yaml."""

    kind = "venv"
    reference = EnvironmentReference(kind="conda_env", path="conda.yaml")
    files = {"conda.yaml": "dependencies:\n  - alpha=1.0=py_0\n  - zlib\n"}  # noqa: RUF012


class TestLocal(BackendContract):
    """The contract, for what is on PATH."""

    kind = "local"


@pytest.mark.parametrize(
    ("reference", "given", "kind"),
    [
        (EMPTY, None, "venv"),
        (EMPTY, "venv", "venv"),
        (EMPTY, "local", "local"),
        (CONDA, None, "conda"),
        (CONDA, "conda", "conda"),
        (CONDA, "venv", "venv"),
        (CONDA, "local", "local"),
        (DOCKER, None, "docker"),
    ],
)
def test_names(reference: EnvironmentReference, given: str | None, kind: str) -> None:
    assert kind == kinds.choose(reference, given).NAME


@pytest.mark.parametrize(
    ("reference", "given", "said", "instead"),
    [
        (EMPTY, "conda", "the project has no conda file", "conda"),
        (DOCKER, "conda", "the project has no conda file", "conda"),
        (DOCKER, "venv", "the project's docker image can't be made a venv", "local"),
    ],
)
def test_what_can_not_be_built_says_what_can_be_done(
    reference: EnvironmentReference, given: str | None, said: str, instead: str
) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        kinds.choose(reference, given)
    assert said in caught.value.message
    assert f"--env-manager {instead}" in (caught.value.hint or "")


def test_a_record_of_a_kind_that_is_not_there_yet() -> None:
    with pytest.raises(EnvironmentFailure, match="kind `nix` can't be built yet"):
        kinds.load("nix")


@pytest.mark.parametrize("reference", [EMPTY, CONDA, DOCKER])
def test_local_runs_whatever_the_project_asks_for(reference: EnvironmentReference) -> None:
    assert kinds.choose(reference, "local").NAME == "local"


def local(workshop: Workshop) -> tuple[str, str, dict[str, str]]:
    backend = kinds.load("local")
    spec = backend.read(EMPTY, workshop.project, as_of=None)
    lock = locks.find_or_make(
        backend,
        spec,
        relock=False,
        files=workshop.project,
        settings=workshop.settings,
        progress=workshop.heard,
    )
    found = ensure.ensure(
        backend, lock, files=workshop.project, settings=workshop.settings, progress=workshop.heard
    )
    assert (lock.locked, lock.format, found.path) == (False, "none", None)
    assert found.interpreter is not None
    packages = {one.name: one.version for one in found.packages}
    return str(found.interpreter.path), found.interpreter.version, packages


def test_local_observes_the_python_on_path_and_its_packages(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(folder))
    path, version, packages = local(workshop)
    assert Path(path).parent == folder
    assert version == ".".join(map(str, sys.version_info[:3]))
    assert "pytest" in packages
    monkeypatch.setattr("subprocess.run", None)
    assert local(workshop) == (path, version, packages)


def test_local_sees_through_the_shims_of_pyenv(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = os.path.realpath(sys.executable)
    for version in ("3.98.1", "3.98.2"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
        (tmp_path / "versions" / version / "bin" / "python").symlink_to(real)
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "shims" / "python").chmod(0o755)
    (tmp_path / "version").write_text("3.98.2\n")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    assert "/3.98.2/" in local(workshop)[0]
    monkeypatch.setenv("PYENV_VERSION", "3.98.1")
    assert "/3.98.1/" in local(workshop)[0]


def test_a_warm_environment_needs_no_slow_library_and_no_process(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    reference = EnvironmentReference(kind="requirements", path="requirements.txt")
    workshop.build(reference)
    script = f"""
import sys
from pathlib import Path
from runner.environments import ensure, kinds, locks
from runner.manifest.model import EnvironmentReference
from runner.progress import Silent
from runner.settings import Settings
class Files:
    def read(self, path):
        file = Path({str(workshop.project.root)!r}, path)
        return file.read_bytes() if file.is_file() else None
reference = EnvironmentReference(kind="requirements", path="requirements.txt")
settings = Settings(Path({str(workshop.settings.data)!r}), Path({str(workshop.settings.cache)!r}))
backend = kinds.choose(reference, None)
spec = backend.read(reference, Files(), as_of=None)
lock = locks.find_or_make(
    backend, spec, relock=False, files=Files(), settings=settings, progress=Silent())
built = ensure.ensure(backend, lock, files=Files(), settings=settings, progress=Silent())
assert built.reused
slow = {{"subprocess", "tempfile", "shutil", "virtualenv", "uv", "yaml", "email", "zipfile",
        "configparser", "logging", "csv", "threading", "difflib", "tomllib"}}
print(sorted(slow & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(msgspec.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"
