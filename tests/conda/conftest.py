"""Fixtures for conda's side: prefixes from a real channel, an index beside it, small channels."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from runner.conda import packages, pip_install, pip_section, prefix
from runner.conda.channels import effective, logins
from runner.conda.client import client, source_configs
from runner.conda.model import LockedPackage
from runner.conda.runtime import run
from runner.environments import build_tools
from runner.environments.base import Spec
from tests.environments.conftest import Folder
from tests.support import conda_channel, index
from tests.support.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.conda.configuration import Configuration
    from runner.conda.packages import Cached
    from runner.conda.pip_section import Section
    from runner.settings import Settings


@dataclass(slots=True)
class Bench:
    """Everything that a test needs to lock and install a `pip:` section.

    Attributes:
        root: a folder of the test's own.
        shelf: of the session: the channel with a Python, and the cache of unpacked packages.
    """

    root: Path
    shelf: Path
    settings: Settings
    index: index.Index
    project: Folder
    heard: Listener = field(default_factory=Listener)

    def prefix(self, *packages: conda_channel.Package, name: str = "prefix") -> Path:
        """A prefix that holds a Python and `packages`, solved and linked by py-rattler."""
        import rattler

        channel = self.root / f"channel-{name}"
        for package in packages:
            conda_channel.pack(channel, package)
        conda_channel.index(channel)
        at = self.root / name
        specs = ["python", *(f"{one.name}={one.version}" for one in packages)]
        found = run(
            rattler.solve(
                [channel.as_uri(), (self.shelf / "channel").as_uri()],
                specs,
                platforms=["linux-64", "noarch"],
                virtual_packages=rattler.VirtualPackage.detect(),
            )
        )
        run(rattler.install(found, at, cache_dir=self.root / "unpacked", show_progress=False))
        return at

    def resolve(self, prefix: Path, *lines: str, **more: object) -> Section:
        """Lock `lines` of a `pip:` section."""
        spec = Spec("conda", None, "", requirements=lines, origin="conda.yaml", **more)  # type: ignore[arg-type]
        return pip_section.resolve(
            spec, prefix, files=self.project, settings=self.settings, progress=self.heard
        )

    def install(self, section: Section, prefix: Path) -> None:
        """Install what was locked."""
        pip_install.install_packages(
            section.packages,
            prefix,
            options=section.options,
            tools=build_tools.of_lock("\n".join(section.notes)),
            settings=self.settings,
            progress=self.heard,
        )


def ask(prefix: Path, code: str, variables: Mapping[str, str] | None = None) -> str:
    """What the prefix's Python prints."""
    done = subprocess.run(
        [prefix / "bin" / "python", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, **(variables or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def python_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with a Python, packed once."""
    at = tmp_path_factory.mktemp("shelf")
    conda_channel.pack(at / "channel", conda_channel.python())
    conda_channel.index(at / "channel")
    return at


@pytest.fixture
def bench(
    tmp_path: Path, python_shelf: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """An index of the test's own, and uv told of nothing else."""
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_", "VIRTUALENV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "project").mkdir()
    for served in index.serve():
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        yield Bench(tmp_path, python_shelf, settings, served, Folder(tmp_path / "project"))


@dataclass(slots=True)
class Linker:
    """Packs packages into a folder, has them in the cache, and links them into new prefixes."""

    root: Path
    settings: Settings
    heard: Listener = field(default_factory=Listener)
    prefixes: int = 0

    def fetch(self, *wanted: conda_channel.Package) -> list[Cached]:
        """Have them in the cache, out of a folder: nobody may be asked over http."""
        locked = []
        for one in wanted:
            archive = conda_channel.pack(self.root / "channel", one)
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()
            locked.append(
                LockedPackage(one.name, one.version, archive.as_uri(), "conda", one.build, digest)
            )
        fetcher = packages.Fetcher(lambda: pytest.fail("a client was wanted"), 60)
        return list(packages.fetch(locked, fetcher, settings=self.settings, progress=self.heard))

    def install(self, found: list[Cached], *, run_scripts: bool = False) -> Path:
        """A new prefix with what is in the cache."""
        self.prefixes += 1
        at = self.root / f"prefix-{self.prefixes}"
        prefix.link(found, at, run_scripts=run_scripts, progress=self.heard)
        return at

    def link(self, *wanted: conda_channel.Package, run_scripts: bool = False) -> Path:
        """A new prefix with `wanted`."""
        return self.install(self.fetch(*wanted), run_scripts=run_scripts)


@pytest.fixture
def linker(tmp_path: Path, settings: Settings) -> Linker:
    """Links packages that a test makes up."""
    return Linker(tmp_path, settings)


_OUTSIDE = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
            "RATTLER_AUTH_FILE", "NETRC", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no certificate, no login of whoever runs the tests."""
    for name in _OUTSIDE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the channel `chan`, which has `alpha` 1.0 and something for Linux."""
    base = tmp_path_factory.mktemp("channels")
    for name in ("chan", "other"):
        conda_channel.pack(base / name, conda_channel.module("alpha", "1.0", depends=()))
        conda_channel.pack(base / name, conda_channel.Package("beta", "1.0", subdir="linux-64"))
        conda_channel.index(base / name)
    return base


def query(
    *asked: str, by: Configuration, cache: Path, seconds: int | None = None
) -> dict[str, str]:
    """Name → address, of what the channels have that are named alpha."""
    from rattler import Channel, Gateway

    default, each = source_configs(by)
    before = dict(os.environ)
    gateway = Gateway(
        cache_dir=cache,
        default_config=default,
        per_channel_config=each,
        client=client(by, logins(asked, by), seconds=seconds),
    )
    assert dict(os.environ) == before
    addresses = [one for channel in effective(asked, by) for one in channel.addresses]
    wanted = [Channel(one) for one in addresses]
    found = run(gateway.query(wanted, ["linux-64", "noarch"], ["alpha"], recursive=False))
    return {one.name.normalized: one.url for records in found for one in records}
