"""The container engines that the tests use: Docker's and Podman's, each behind its real socket."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

# Set where the tests must not skip for want of an engine or a registry, as in CI.
REQUIRED: Final = "REPRUN_TESTS_ENGINE"
PODMAN: Final = "REPRUN_TESTS_PODMAN"
USUAL: Final = "unix:///var/run/docker.sock"
HOW: Final = 'start one, as root: eval "$(tests/support/engine.sh start)"'


@dataclass(frozen=True)
class Engine:
    """An engine that answers.

    Attributes:
        address: of its socket, such as `DOCKER_HOST` has it.
        client: talks to it; closed by who connected.
    """

    address: str
    client: DockerClient


@contextlib.contextmanager
def docker_engine() -> Iterator[Engine]:
    """The engine that `DOCKER_HOST` names, or the usual one; skips the test without one."""
    with _connected(os.environ.get("DOCKER_HOST") or USUAL, "Docker engine") as engine:
        yield engine


@contextlib.contextmanager
def podman_engine() -> Iterator[Engine]:
    """Podman's service that `REPRUN_TESTS_PODMAN` names; skips the test without one."""
    address = os.environ.get(PODMAN)
    if address is None:
        unavailable(f"no Podman service, {PODMAN} is not set: {HOW}")
    with _connected(address, "Podman service") as engine:
        yield engine


def why_silent(address: str) -> str | None:
    """Why nobody listens at a `unix://` address, or None.

    Asked without the SDK, which leaves a socket that can't be connected to the garbage collector.
    """
    if not address.startswith("unix://"):
        return None
    with socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.connect(address.removeprefix("unix://"))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None


def unavailable(sentence: str) -> NoReturn:
    """Skip the test; fail it where `REPRUN_TESTS_ENGINE=required`."""
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextlib.contextmanager
def _connected(address: str, what: str) -> Iterator[Engine]:
    import docker
    from docker.errors import DockerException

    silence = why_silent(address)
    if silence is not None:
        unavailable(f"no {what} at {address} ({silence}): {HOW}")
    with contextlib.ExitStack() as stack:
        try:
            client = docker.DockerClient(base_url=address, timeout=60)
            stack.callback(client.close)
            client.ping()
        except (DockerException, OSError) as error:
            unavailable(f"no {what} at {address} ({error}): {HOW}")
        yield Engine(address, client)
