"""What a person is told when a channel can't be read; nothing of a login is in it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from runner.conda.channels import effective
from runner.conda.client import client
from runner.conda.failures import unreachable
from runner.conda.runtime import run
from runner.errors import (
    ChannelRefused,
    EnvironmentFailure,
    IndexUnreachable,
    NoSuchChannel,
    NoSuchPackage,
)
from tests.conda.conftest import query
from tests.conda.test_configuration import reading
from tests.support.channel_site import certificates, serve
from tests.support.silence import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.channel_site import Site


@pytest.fixture
def site(base: Path) -> Iterator[Site]:
    with serve(base) as site:
        yield site


def failing(
    tmp_path: Path, *asked: str, text: str = "remote_max_retries: 0\n", seconds: int | None = None
) -> EnvironmentFailure:
    """What the failure of a query is turned into; without anything secret."""
    from rattler.exceptions import GatewayError

    by = reading(tmp_path, text)
    with pytest.raises(GatewayError) as caught:
        query(*asked, by=by, cache=tmp_path / "c", seconds=seconds)
    error = unreachable(caught.value, effective(asked, by))
    assert "hush" not in f"{error.message} {error.hint} {error.details}"
    assert "\n" not in error.message
    assert error.hint
    return error


def test_nobody_listens(tmp_path: Path) -> None:
    error = failing(tmp_path, "http://u:hush@127.0.0.1:9/t/hush/chan")
    assert type(error) is IndexUnreachable
    assert error.message == (
        "the channel `http://127.0.0.1:9/chan` can't be reached: connection refused"
    )
    assert error.hint is not None
    assert "--env-manager venv" in error.hint


def test_there_is_no_such_host(tmp_path: Path) -> None:
    error = failing(
        tmp_path,
        "forge",
        text="channel_alias: http://no-such-host.invalid\nremote_max_retries: 0\n",
    )
    assert type(error) is IndexUnreachable
    assert error.message == (
        "the channel `forge` (no-such-host.invalid) can't be reached: no such host"
    )


def test_the_one_of_several_channels_is_named_that_fails(
    tmp_path: Path, base: Path, site: Site
) -> None:
    error = failing(tmp_path, (base / "chan").as_uri(), f"{site.address}/chann", "nodefaults")
    assert error.message == f"the channel `{site.address}/chann` is not there"


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_is_wanted(tmp_path: Path, site: Site, status: int) -> None:
    site.status = status
    error = failing(tmp_path, "chan", text=f"channel_alias: http://u:hush@{site.host}/t/hush-2_b\n")
    assert type(error) is ChannelRefused
    assert error.message.startswith(f"the channel `chan` ({site.host}) ")
    assert str(status) in error.message
    assert error.hint is not None
    assert "~/.condarc" in error.hint


def test_a_misspelt_channel_gets_the_right_name(tmp_path: Path, site: Site) -> None:
    text = f"channel_alias: {site.address}/t/hush\n"
    error = failing(tmp_path, "conda-froge", text=text)
    assert type(error) is NoSuchChannel
    assert error.message == f"the channel `conda-froge` ({site.host}) is not there"
    assert error.hint == "did you mean `conda-forge`?"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = failing(tmp_path, "/nowhere/chan")
    assert type(error) is NoSuchChannel
    assert error.message == "the channel `/nowhere/chan` is not there"


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "its server has a fault (500)"), (503, "its server has a fault (503)"),
     (429, "has had too many questions (429)"), (407, "the proxy wants a login")],
)  # fmt: skip
def test_a_server_that_can_not_answer(tmp_path: Path, site: Site, status: int, words: str) -> None:
    site.status = status
    error = failing(tmp_path, f"{site.address}/chan")
    assert type(error) is IndexUnreachable
    assert words in error.message


def test_an_answer_that_breaks_off(tmp_path: Path, site: Site) -> None:
    site.broken = ("repodata.json",)
    text = "remote_max_retries: 0\nrepodata_use_zst: false\nrepodata_use_shards: false\n"
    # Without its compressed neighbours the channel has nothing but this file.
    error = failing(tmp_path, f"{site.address}/chan", text=text)
    assert type(error) is IndexUnreachable
    assert "its answer breaks off" in error.message


@pytest.mark.parametrize("sharded", ["true", "false"])
def test_a_page_to_log_in_at_is_no_index(tmp_path: Path, site: Site, sharded: str) -> None:
    site.page = b"<html>who are you?</html>"
    text = f"repodata_use_zst: {sharded}\nrepodata_use_shards: {sharded}\n"
    error = failing(tmp_path, f"{site.address}/chan", text=text)
    assert type(error) is IndexUnreachable
    assert "its answer is no index of packages" in error.message


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    with listen() as silence:
        error = failing(tmp_path, f"http://127.0.0.1:{silence.port}/chan", seconds=1)
    assert type(error) is IndexUnreachable
    assert "no answer in time" in error.message


def test_a_certificate_that_nobody_here_believes(tmp_path: Path, base: Path) -> None:
    with serve(base, certificate=certificates(tmp_path / "own")[1:]) as site:
        error = failing(tmp_path, f"{site.address}/chan")
    assert type(error) is IndexUnreachable
    assert "its certificate" in error.message
    assert error.hint is not None
    assert "ssl_verify" in error.hint


def test_offline_what_was_never_read_is_told(tmp_path: Path, site: Site) -> None:
    error = failing(tmp_path, f"{site.address}/chan", text="offline: true\n")
    assert type(error) is IndexUnreachable
    assert "was never read before, and the configuration of conda says offline" in error.message
    assert not site.asked


def test_offline_a_package_is_not_fetched(tmp_path: Path, site: Site) -> None:
    error = fetching(tmp_path, site, "x-1-0.conda", text="offline: true\n")
    assert type(error) is IndexUnreachable
    assert "the configuration of conda says offline" in error.message


def test_a_package_that_is_gone_is_named(tmp_path: Path, site: Site) -> None:
    error = fetching(tmp_path, site, "gone-1-0.conda")
    assert type(error) is NoSuchPackage
    assert "has no `gone-1-0.conda` any more" in error.message


def test_a_package_that_breaks_off(tmp_path: Path, site: Site, base: Path) -> None:
    site.broken = (".conda",)
    name = next((base / "chan/noarch").glob("alpha-*.conda")).name
    error = fetching(tmp_path, site, name)
    assert type(error) is IndexUnreachable
    assert "its answer breaks off" in error.message


def fetching(tmp_path: Path, site: Site, name: str, text: str = "") -> EnvironmentFailure:
    """What the failure to fetch a package is turned into."""
    from rattler.package_streaming import download_to_writer

    by = reading(tmp_path, text)
    address = f"{site.address}/chan"
    with pytest.raises((RuntimeError, OSError)) as caught:
        run(download_to_writer(client(by), f"{address}/noarch/{name}", io.BytesIO()))
    return unreachable(caught.value, effective((address,), by))


def test_what_is_not_known_is_told_without_logins() -> None:
    error = unreachable(RuntimeError("odd: http://u:hush@h.example/t/hush/c\nmore"), ())
    assert error.message == "a channel (h.example) can't be read: odd: http://h.example/c"
