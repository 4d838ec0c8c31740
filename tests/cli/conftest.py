"""A person with a home of their own, a sample project in front of them, and servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support import docked as containers
from tests.support import index as indexes
from tests.support import samples
from tests.support.program import person
from tests.support.repositories import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.program import Program
    from tests.support.repositories import Daemon, Repository


class Served(NamedTuple):
    """A repository behind a git daemon."""

    url: str
    repository: Repository
    daemon: Daemon


@pytest.fixture
def reprun(tmp_path: Path) -> Program:
    """The program, used by somebody new."""
    return person(tmp_path)


@pytest.fixture
def sample(reprun: Program) -> Path:
    """The sample project as a plain directory, in which the person stands."""
    return samples.lay(reprun.directory)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The sample behind a git daemon."""
    repository = samples.commit(tmp_path / "served" / "sample")
    with serve(tmp_path / "served") as daemon:
        yield Served(f"{daemon.url}/sample", repository, daemon)


@pytest.fixture
def index(reprun: Program) -> Iterator[indexes.Index]:
    """A package index, the only one that the person's uv knows."""
    for index in indexes.serve():
        reprun.variables["UV_DEFAULT_INDEX"] = index.url
        yield index


@pytest.fixture(scope="session")
def docking(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Program:
    """Somebody who uses the engine, for all tests: an image is looked into only once."""
    return containers.using(person(tmp_path_factory.mktemp("docking")), engine)


@pytest.fixture
def docked(docking: Program, tmp_path: Path) -> Program:
    """The same person in a folder of this test's own."""
    directory = tmp_path / "desk"
    directory.mkdir()
    return replace(docking, directory=directory, variables=dict(docking.variables))


@pytest.fixture
def alone(reprun: Program, engine: Engine) -> Program:
    """Somebody new, who has no image locked yet."""
    return containers.using(reprun, engine)
