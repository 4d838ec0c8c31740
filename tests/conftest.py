"""Fixtures that every test may use: a home of its own, real engines, real conda channels."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from runner.settings import Settings
from tests.support import conda_server, conda_shelf, conda_wheels
from tests.support import engine as engines
from tests.support import images as made
from tests.support import registry as registries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.conda_server import ChannelServer
    from tests.support.conda_shelf import Channel
    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.registry import Registry


def pytest_configure() -> None:
    """Hear signals, and have what the tests start hear them, under `nohup` or a shell's `&` too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data home and a cache home below the test's own folder."""
    return Settings(data=tmp_path / "home", cache=tmp_path / "cache")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A real Docker engine; the test skips where there is none."""
    with engines.docker_engine() as found:
        yield found


@pytest.fixture(scope="session")
def podman() -> Iterator[Engine]:
    """A real Podman service; the test skips where there is none."""
    with engines.podman_engine() as found:
        yield found


@pytest.fixture(params=["engine", "podman"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    """Docker's engine and then Podman's service, for what must go with both."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def images(engine: Engine) -> Iterator[Images]:
    """Makes images in the Docker engine; they are gone when the test ends."""
    with made.making(engine) as images:
        yield images


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry of the test's own, without a login."""
    with registries.serve(tmp_path / "registry") as served:
        yield served


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conda channel's folder with all that the tests' channel has; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    return conda_shelf.shelf(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
def channels(tmp_path: Path) -> Iterator[ChannelServer]:
    """A server of the test's own for conda channels; it has none yet."""
    (tmp_path / "channels").mkdir()
    with conda_server.serve(tmp_path / "channels") as server:
        yield server


@pytest.fixture
def channel(channels: ChannelServer, shelf: Path) -> Channel:
    """A channel of the test's own over http, with Python and all the standing packages."""
    return conda_shelf.Channel(channels, "main", shelf)


@pytest.fixture(scope="session")
def numpy_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NumPy as the Python index has it for the running Python; conda's own can't be had here."""
    return conda_wheels.fetch("numpy>=2,<3", tmp_path_factory.mktemp("numpy"))


@pytest.fixture
def conda_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own conda configuration is out of sight, as far as it is somebody's."""
    for name in list(os.environ):
        if name.startswith(("CONDA", "MAMBA", "RATTLER_")):
            monkeypatch.delenv(name)
    (tmp_path / "person").mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
