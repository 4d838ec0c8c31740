"""From a conda.yaml to a venv, with a real index: what is found, what is not, and its lock."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from runner import locked
from runner.environments import kinds, locks
from runner.errors import (
    DependencyConflict,
    NoSuchPackage,
    StaleLock,
    UnmappedPackages,
)
from runner.manifest.model import EnvironmentReference
from runner.request import Request
from tests.environments.test_venv import python
from tests.support.index import wheel_bytes

if TYPE_CHECKING:
    from runner.environments.base import Lock, Spec
    from tests.environments.conftest import Workshop

CONDA = EnvironmentReference(kind="conda_env", path="conda.yaml")


@pytest.fixture
def workshop(workshop: Workshop) -> Workshop:
    workshop.env_manager = "venv"
    return workshop


def spec_of(workshop: Workshop, *, skip: bool = False) -> Spec:
    backend = kinds.choose(CONDA, "venv")
    return backend.read(CONDA, workshop.project, as_of=None, skip_unmapped=skip)


def lock_of(workshop: Workshop, *, skip: bool = False) -> Lock:
    return locks.find_or_make(
        kinds.choose(CONDA, "venv"),
        spec_of(workshop, skip=skip),
        relock=False,
        files=workshop.project,
        settings=workshop.settings,
        progress=workshop.heard,
    )


def write_lock(workshop: Workshop, *, skip: bool = False) -> None:
    root = workshop.project.root
    asked = Request(uri=str(root), caller=root, env_manager="venv", skip_unmapped=skip)
    locked.write(asked, settings=workshop.settings, progress=workshop.heard)


def write(workshop: Workshop, *packages: str, more: str = "") -> None:
    lines = "".join(f"  - {package}\n" for package in packages)
    workshop.project.write("conda.yaml", f"dependencies:\n{lines}{more}")


def test_conda_yaml_becomes_a_locked_environment(workshop: Workshop) -> None:
    for name, version in (("torch", "1.4.0"), ("torch", "1.5.0"), ("alpha", "1.0")):
        workshop.index.wheel(name, version)
    workshop.index.wheel("opencv-python-headless", "4.5.1.48")
    workshop.index.wheel("opencv-python-headless", "4.5.2.52")
    write(
        workshop,
        "python=3.11",
        "pip=19.0",
        "pytorch=1.4=py3.11_cuda",
        "cudatoolkit=10.1",
        "opencv=4.5.1",
        "openssl=1.1.1h=0",
        more="  - pip:\n    - alpha\n",
    )
    built = workshop.build(CONDA)
    versions = {one.name: one.version for one in built.packages}
    assert versions == {
        "torch": "1.4.0",
        "opencv-python-headless": "4.5.1.48",
        "alpha": "1.0",
        "pip": "24.0",
        "setuptools": "80.9.0",
        "wheel": "0.45.1",
    }
    assert python(built.path, "import torch, alpha; print(torch.VERSION)") == "1.4.0"
    assert built.interpreter is not None
    assert built.interpreter.version.startswith("3.11.")


def test_a_pin_of_the_build_tools_that_hinders_is_dropped(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "pip=9.0.1", "setuptools=36.4", "wheel=0.29", "alpha")
    assert "setuptools==80.9.0" in lock_of(workshop).text


def test_a_package_that_no_index_has(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha", "bioinformer=1.2")
    with pytest.raises(NoSuchPackage) as caught:
        lock_of(workshop)
    assert caught.value.message == (
        "conda.yaml:3: the conda package `bioinformer=1.2` was looked for as `bioinformer` on the "
        "Python index, which has no such package"
    )
    assert "`--skip-unmapped` runs without it" in (caught.value.hint or "")


def test_a_renamed_package_that_no_index_has(workshop: Workshop) -> None:
    write(workshop, "pytables=3.5")
    with pytest.raises(NoSuchPackage, match=r"2: the conda package `pytables=3.5` .* as `tables`"):
        lock_of(workshop)


def test_a_misspelt_package_of_conda(workshop: Workshop) -> None:
    write(workshop, "sckit-learn")
    with pytest.raises(NoSuchPackage) as caught:
        lock_of(workshop)
    assert (caught.value.hint or "").startswith("did you mean `scikit-learn`? pass `--drop-package")


@pytest.mark.parametrize("asked", ["alpha=1.2", "alpha==1.2.3", "alpha=1.2.3=py37_0", "alpha>=2"])
def test_a_version_that_no_index_has(workshop: Workshop, asked: str) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("alpha", "1.3")
    write(workshop, asked)
    with pytest.raises(NoSuchPackage) as caught:
        lock_of(workshop)
    assert f"conda.yaml:2: the conda package `{asked}` was looked for as" in caught.value.message
    assert "loosen it" in (caught.value.hint or "")


def test_a_version_of_the_pip_section_is_not_blamed_on_conda(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("beta", "1.0")
    write(workshop, "alpha", more="  - pip:\n    - beta==7\n")
    with pytest.raises(NoSuchPackage, match=r"^conda.yaml: `beta` has no version ==7$"):
        lock_of(workshop)


def test_a_package_of_an_older_python_says_which(workshop: Workshop) -> None:
    for tag in ("cp27-cp27m", "cp35-cp35m", "cp36-cp36m"):
        name = f"alpha-1.9.0-{tag}-manylinux1_x86_64.whl"
        workshop.index.add("alpha", name, wheel_bytes("alpha", "1.9.0"))
    write(workshop, f"python={'.'.join(platform.python_version_tuple()[:2])}", "alpha=1.9")
    with pytest.raises(DependencyConflict) as caught:
        lock_of(workshop)
    assert caught.value.message == (
        "conda.yaml: `alpha==1.9.0` has no wheel for this Python, but for 3.6"
    )
    assert caught.value.hint == (
        "pass `--python 3.6`, or name it, or another version, in conda.yaml"
    )


def test_conda_names_below_pip_can_be_left_out_too(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha", more="  - pip:\n    - python-bioinformer==1.2\n")
    with pytest.raises(NoSuchPackage, match="no package is called `python-bioinformer`") as caught:
        lock_of(workshop)
    assert "`--skip-unmapped` runs without it" in (caught.value.hint or "")
    lock = lock_of(workshop, skip=True)
    assert "# left out: `python-bioinformer` below `pip:`" in lock.text


def test_what_no_index_has_can_be_left_out_and_is_told_every_time(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha", "bioinformer=1.2", "other-thing")
    for made in ("resolved", "reused"):
        workshop.heard.warnings.clear()
        lock = lock_of(workshop, skip=True)
        assert lock.made == made
        assert "alpha==1.0" in lock.text
        said = [one for one in workshop.heard.warnings if "is left out" in one]
        assert len(said) == 2
        assert "conda.yaml:3: the conda package `bioinformer=1.2`" in said[0]
    with pytest.raises(NoSuchPackage):
        lock_of(workshop)


def test_a_lock_in_the_project_is_found_again(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha=1", "zlib")
    write_lock(workshop)
    text = (workshop.project.root / "conda.lock").read_text()
    assert "# from: conda.yaml\n" in text
    workshop.index.wheel("alpha", "1.1")
    found = lock_of(workshop)
    assert (found.made, found.text in text) == ("project", True)
    write(workshop, "alpha=1.1", "zlib")
    with pytest.raises(StaleLock, match=r"conda.lock was made from another conda.yaml"):
        spec_of(workshop)


@pytest.mark.parametrize("skip", [False, True])
def test_a_lock_that_was_made_with_the_flag_needs_it_no_more(
    workshop: Workshop, *, skip: bool
) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha", "openjdk", "bioinformer")
    with pytest.raises(UnmappedPackages):
        write_lock(workshop)
    write_lock(workshop, skip=True)
    workshop.heard.warnings.clear()
    assert lock_of(workshop, skip=skip).made == "project"
    assert len([one for one in workshop.heard.warnings if "left out" in one]) == 2


def test_a_lock_that_was_made_without_the_flag_serves_with_it(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write(workshop, "alpha")
    write_lock(workshop)
    assert lock_of(workshop, skip=True).made == "project"
