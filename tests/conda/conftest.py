"""A channel with one package, and what asks for it as the rest of reprun does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.conda.channels import effective, logins
from runner.conda.client import client, source_configs
from runner.conda.runtime import run
from tests.support.conda_channel import Package, index, module, pack

if TYPE_CHECKING:
    from pathlib import Path

    from runner.conda.configuration import Configuration

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
        pack(base / name, module("alpha", "1.0", depends=()))
        pack(base / name, Package("beta", "1.0", subdir="linux-64"))
        index(base / name)
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
