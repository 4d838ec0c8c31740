"""The Python of a project that names none is one that has wheels for what it pins."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from runner.environments import interpreters
from runner.errors import BuildFailure
from runner.manifest.model import EnvironmentReference
from tests.support.index import wheel_bytes

if TYPE_CHECKING:
    from tests.environments.conftest import Workshop

REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
MACHINE = platform.machine()
OWN = ".".join(platform.python_version_tuple()[:2])


def add_for(workshop: Workshop, name: str, version: str, *pythons: str) -> None:
    """Wheels that only these Pythons take."""
    for python in pythons:
        tag = f"cp{python.replace('.', '')}"
        file = f"{name}-{version}-{tag}-{tag}-manylinux2014_{MACHINE}.whl"
        workshop.index.add(name, file, wheel_bytes(name, version))


def older(workshop: Workshop) -> str:
    """An older Python that is here: `3.8`."""
    here = {
        ".".join(one.version.split(".")[:2]) for one in interpreters.installed(workshop.settings)
    }
    found = sorted(
        (one for one in here if int(one[2:]) < int(OWN[2:])), key=lambda one: int(one[2:])
    )
    if not found:
        pytest.skip("no older Python here")
    return found[-1]


def lock_of(workshop: Workshop, text: str, as_of: str | None = None) -> str:
    workshop.project.write("requirements.txt", text)
    _, lock = workshop.lock(REQUIREMENTS, as_of=as_of)
    return ".".join((lock.python or "").split(".")[:2])


def test_pins_without_a_wheel_for_ours_bring_an_older_one(workshop: Workshop) -> None:
    then = older(workshop)
    add_for(workshop, "alpha", "1.0", then)
    workshop.index.sdist("alpha", "1.0", fail="raise SystemExit('not on a Python of today')")
    assert lock_of(workshop, "alpha==1.0\n") == then
    (said,) = [text for text in workshop.heard.warnings if "names no Python" in text]
    assert "the versions of `alpha` that it pins have no wheels for" in said
    assert lock_of(workshop, "alpha==1.0\n") == then  # out of the store, and said no more
    assert len([text for text in workshop.heard.warnings if "names no Python" in text]) == 1


def test_what_fits_stays_with_ours(workshop: Workshop) -> None:
    add_for(workshop, "alpha", "1.0", OWN, "3.6")
    assert lock_of(workshop, "alpha==1.0\n") == OWN
    assert not workshop.heard.warnings


def test_a_range_is_no_pin(workshop: Workshop) -> None:
    add_for(workshop, "alpha", "1.0", "3.6")
    add_for(workshop, "alpha", "2.0", OWN)
    assert lock_of(workshop, "alpha>=1.0\n") == OWN


def test_what_never_has_wheels_is_no_reason(workshop: Workshop) -> None:
    workshop.index.sdist("beta", "1.0")
    assert lock_of(workshop, "beta==1.0\n") == OWN


def test_only_some_have_wheels_anywhere(workshop: Workshop) -> None:
    then = older(workshop)
    workshop.index.sdist("beta", "1.0")
    add_for(workshop, "alpha", "1.0", then)
    assert lock_of(workshop, "alpha==1.0\nbeta==1.0\n") == then


def test_a_python_that_is_named_is_taken(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    add_for(workshop, "gamma", "1.0", "3.6")
    workshop.project.write(".python-version", f"{OWN}\n")
    workshop.index.sdist("gamma", "1.0")
    assert lock_of(workshop, "alpha==1.0\ngamma==1.0\n") == OWN


def test_wheels_for_a_python_that_is_not_here_change_nothing(workshop: Workshop) -> None:
    here = {one.version.split(".")[1] for one in interpreters.installed(workshop.settings)}
    absent = [f"3.{minor}" for minor in range(6, int(OWN[2:])) if str(minor) not in here]
    add_for(workshop, "alpha", "1.0", *(absent or ["2.7"]))
    workshop.index.sdist("alpha", "1.0")
    assert lock_of(workshop, "alpha==1.0\n") == OWN


def test_a_build_that_fails_names_the_python_that_need_not_build(workshop: Workshop) -> None:
    then = older(workshop)
    add_for(workshop, "alpha", "1.0", then)
    workshop.index.sdist("alpha", "1.0", fail="raise SystemExit('not on a Python of today')")
    workshop.project.write(".python-version", f"{OWN}\n")
    with pytest.raises(BuildFailure) as caught:
        lock_of(workshop, "alpha==1.0\n")
    assert caught.value.hint == f"pass `--python {then}`, for which `alpha` need not be built"
