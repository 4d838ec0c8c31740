"""The kind `conda` keeps the contract: with packages, with a pip section, with nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.environments import kinds
from runner.manifest.model import EnvironmentReference
from tests.contract.backends import BackendContract
from tests.support.conda_projects import yaml

if TYPE_CHECKING:
    from runner.environments.base import Backend
    from tests.environments.conftest import Workshop
    from tests.support.conda_shelf import Channel


@pytest.mark.usefixtures("conda_home")
class CondaContract(BackendContract):
    """Subclasses say what the file asks for."""

    kind = "conda"
    reference = EnvironmentReference(kind="conda_env", path="conda.yaml")
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()

    @pytest.fixture
    def project(self, workshop: Workshop, channel: Channel) -> Workshop:
        workshop.index.wheel("alpha", "1.0")
        text = yaml([channel.url], *self.dependencies, pip=self.pip)
        workshop.project.write("conda.yaml", text)
        return workshop

    @pytest.fixture
    def backend(self) -> Backend:
        return kinds.load(self.kind)


class TestPackages(CondaContract):
    """Python, modules, a program with its prefix in it."""

    dependencies = ("python", "alpha", "tool", "scripted")


class TestPip(CondaContract):
    """A package of the Python index on top."""

    dependencies = ("python", "pip", "beta")
    pip = ("alpha",)


class TestNoPython(CondaContract):
    """An environment need not have a Python."""

    dependencies = ("scripted",)
