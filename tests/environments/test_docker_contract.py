"""The kind `docker` keeps the contract: an image, a Dockerfile, on Docker and on Podman."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from runner.manifest.model import DockerEnvironment, EnvironmentReference
from tests.contract.backends import BackendContract
from tests.support.images import making

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.settings import Settings
    from tests.support.engine import Engine

BASE = "alpine:3.20"
COPIED = f"FROM {BASE}\nCOPY alpha.txt /alpha.txt\n"


def of_dockerfile(args: dict[str, str] | None = None) -> EnvironmentReference:
    docker = DockerEnvironment(dockerfile="Dockerfile", args=args or {})
    return EnvironmentReference(kind="docker_env", docker=docker)


class DockerContract(BackendContract):
    """Subclasses say what the project names."""

    kind = "docker"

    @pytest.fixture(autouse=True)
    def cleared(
        self, any_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        """Either engine, and nothing that the test built is left in it."""
        monkeypatch.setenv("DOCKER_HOST", any_engine.address)
        with making(any_engine) as images:
            yield
            for built in (settings.environments / "docker").glob("*/"):
                with contextlib.suppress(ImageNotFound):
                    images.keep(f"reprun:{built.name}")


class TestImage(DockerContract):
    """An image by its usual name."""

    reference = EnvironmentReference(kind="docker_env", docker=DockerEnvironment(image=BASE))


class TestDockerfile(DockerContract):
    """A Dockerfile that says all that is in its image."""

    reference = of_dockerfile()
    files = {"Dockerfile": COPIED, "alpha.txt": "a\n"}  # noqa: RUF012


class TestDockerfileThatRuns(DockerContract):
    """A Dockerfile that does what nobody can lock."""

    reference = of_dockerfile({"WORD": "hello"})
    files = {"Dockerfile": f"{COPIED}ARG WORD\nRUN echo $WORD >/word\n", "alpha.txt": ""}  # noqa: RUF012
    locked = False


class TestProjectInItsImage(DockerContract):
    """MLflow's `--build-image`: the project's files are put into the image."""

    docker = DockerEnvironment(image=BASE, with_code="localhost/reprun-tests/contract")
    reference = EnvironmentReference(kind="docker_env", docker=docker)
    files = {"alpha.txt": "a\n"}  # noqa: RUF012
