"""What goes over the wire: logins, tokens, mirrors, proxies, certificates, offline."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from runner.conda.channels import logins
from runner.conda.client import client
from runner.conda.runtime import run
from tests.conda.conftest import query
from tests.conda.test_configuration import reading
from tests.support.channel_site import basic, certificates, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.channel_site import Site


@pytest.fixture
def site(base: Path) -> Iterator[Site]:
    with serve(base) as site:
        yield site


@pytest.fixture
def other(base: Path) -> Iterator[Site]:
    with serve(base) as site:
        yield site


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secure(base: Path, authority: tuple[Path, Path, Path]) -> Iterator[Site]:
    with serve(base, certificate=authority[1:]) as site:
        yield site


def test_a_login_of_the_configuration_opens_a_name(tmp_path: Path, site: Site) -> None:
    site.login = "me:pass/word"
    by = reading(tmp_path, f"channel_alias: http://me:pass%2Fword@{site.host}\n")
    found = query("chan", by=by, cache=tmp_path / "c")
    assert found["alpha"].startswith(f"{site.address}/chan/noarch/alpha-1.0")
    assert site.logins == {basic("me:pass/word")}


def test_a_login_of_the_configuration_opens_an_address(tmp_path: Path, site: Site) -> None:
    site.login = "me:hush"
    by = reading(tmp_path, f"custom_channels: {{chan: 'http://me:hush@{site.host}'}}\n")
    assert query(f"{site.address}/chan", by=by, cache=tmp_path / "c")


def test_a_login_in_the_projects_address_opens_it(tmp_path: Path, site: Site) -> None:
    site.login = "me:hush"
    by = reading(tmp_path)
    found = query(f"http://me:hush@{site.host}/chan", by=by, cache=tmp_path / "c")
    assert "hush" not in found["alpha"]
    kept = b"".join(one.read_bytes() for one in (tmp_path / "c").rglob("*") if one.is_file())
    assert b"hush" not in kept


def test_a_login_is_for_its_path_only(tmp_path: Path, site: Site) -> None:
    by = reading(tmp_path, f"custom_channels: {{chan: 'http://me:hush@{site.host}'}}\n")
    query(f"{site.address}/other", by=by, cache=tmp_path / "c")
    assert site.logins == {None}
    query("chan", by=by, cache=tmp_path / "c")
    assert site.logins == {None, basic("me:hush")}


def test_two_logins_of_one_host_are_told_apart(tmp_path: Path, site: Site) -> None:
    by = reading(
        tmp_path,
        f"custom_channels: {{chan: 'http://a:b@{site.host}', other: 'http://c:d@{site.host}'}}\n",
    )
    query("chan", "other", by=by, cache=tmp_path / "c")
    sent = {(path.split("/")[1], headers.get("authorization")) for path, headers in site.asked}
    assert sent == {("chan", basic("a:b")), ("other", basic("c:d"))}


def test_of_two_logins_the_nearer_one_is_sent(tmp_path: Path, site: Site) -> None:
    site.login = "near:hush"
    by = reading(
        tmp_path,
        f"channel_alias: http://far:hush@{site.host}\n"
        f"custom_channels: {{chan: 'http://near:hush@{site.host}'}}\n",
    )
    assert query("chan", by=by, cache=tmp_path / "c")
    assert site.logins == {basic("near:hush")}


def test_a_projects_own_token_comes_before_the_persons(tmp_path: Path, site: Site) -> None:
    site.token = "projects"
    by = reading(tmp_path, f"custom_channels: {{chan: '{site.address}/t/persons'}}\n")
    assert query(f"{site.address}/t/projects/chan", by=by, cache=tmp_path / "c")


def test_a_login_is_left_behind_where_a_redirect_leads_elsewhere(
    tmp_path: Path, site: Site, other: Site
) -> None:
    site.elsewhere = other.address
    by = reading(tmp_path, f"channel_alias: http://me:hush@{site.host}\n")
    assert query("chan", by=by, cache=tmp_path / "c")
    assert site.logins == {basic("me:hush")}
    assert other.logins == {None}


def test_a_token_is_in_what_is_asked_and_in_nothing_else(tmp_path: Path, site: Site) -> None:
    site.token = "hush-1"
    by = reading(tmp_path, f"channel_alias: {site.address}/t/hush-1\n")
    found = query("chan", by=by, cache=tmp_path / "c")
    assert found["alpha"].startswith(f"{site.address}/chan/noarch/alpha")
    assert all(path.startswith("/t/hush-1/chan/") for path in site.paths)
    kept = b"".join(one.read_bytes() for one in (tmp_path / "c").rglob("*") if one.is_file())
    assert b"hush" not in kept


def test_a_token_in_the_projects_address_opens_it(tmp_path: Path, site: Site) -> None:
    site.token = "hush"
    assert query(f"{site.address}/t/hush/chan", by=reading(tmp_path), cache=tmp_path / "c")


def test_a_token_of_anaconda_login_opens_its_channels(tmp_path: Path, site: Site) -> None:
    site.token = "hush"
    folder = tmp_path / ".config/binstar"
    folder.mkdir(parents=True)
    (folder / f"http%3A%2F%2F127.0.0.1%3A{site.port}.token").write_text("hush")
    by = reading(tmp_path, f"channel_alias: {site.address}\n")
    assert query("chan", by=by, cache=tmp_path / "c")


def test_packages_come_with_the_same_login(tmp_path: Path, site: Site) -> None:
    from rattler.package_streaming import download_to_writer

    site.login, site.token = "me:hush", "token"
    by = reading(tmp_path, f"channel_alias: http://me:hush@{site.host}/t/token\n")
    found = query("chan", by=by, cache=tmp_path / "c")
    got = io.BytesIO()
    run(download_to_writer(client(by, logins(("chan",), by)), found["alpha"], got))
    assert got.getvalue()[:2] == b"PK"


def test_a_netrc_opens_what_the_configuration_does_not(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.login = "net:hush"
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login net password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert query(f"{site.address}/chan", by=reading(tmp_path), cache=tmp_path / "c")


def test_rattlers_own_store_is_kept(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.login = "store:hush"
    entry = {"127.0.0.1": {"BasicHTTP": {"username": "store", "password": "hush"}}}
    (tmp_path / "store.json").write_text(json.dumps(entry))
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(tmp_path / "store.json"))
    assert query(f"{site.address}/chan", by=reading(tmp_path), cache=tmp_path / "c")


@pytest.mark.parametrize("verify", ["true", "false"])
def test_a_mirror_that_is_down_is_passed_over(
    tmp_path: Path, site: Site, other: Site, verify: str
) -> None:
    site.status = 503
    other.login, other.token = "me:hush", "token"
    by = reading(
        tmp_path,
        f"ssl_verify: {verify}\n"
        f"mirrored_channels: {{both: ['http://127.0.0.1:9/chan', '{site.address}/chan',"
        f" 'http://me:hush@{other.host}/t/token/chan']}}\n",
    )
    found = query("both", by=by, cache=tmp_path / "c")
    assert found["alpha"].startswith("http://127.0.0.1:9/chan/noarch/alpha")
    assert site.asked
    assert other.paths[0].startswith("/t/token/chan/")


def test_a_channel_is_not_taken_for_one_whose_name_it_begins(tmp_path: Path, site: Site) -> None:
    by = reading(tmp_path, f"channels: ['{site.address}/t/hush/ch']\n")
    query(f"{site.address}/chan", "nodefaults", by=by, cache=tmp_path / "c")
    assert all(path.startswith("/chan/") for path in site.paths)


@pytest.mark.parametrize("scheme", ["http", "all"])
def test_a_proxy_of_the_configuration_beats_that_of_the_variables(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    if scheme == "http":
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    by = reading(tmp_path, f"proxy_servers: {{{scheme}: 'http://u:hush@{site.host}'}}\n")
    assert query("http://no-such-host.invalid/chan", by=by, cache=tmp_path / "c")
    assert site.paths[0].startswith("http://no-such-host.invalid/chan/")
    assert {headers["proxy-authorization"] for _, headers in site.asked} == {basic("u:hush")}


def test_no_proxy_keeps_its_meaning(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    by = reading(tmp_path, "proxy_servers: {http: 'http://127.0.0.1:9'}\n")
    assert query(f"{site.address}/chan", by=by, cache=tmp_path / "c")


def test_a_certificate_of_an_authority_of_ones_own_is_believed(
    tmp_path: Path, secure: Site, authority: tuple[Path, Path, Path]
) -> None:
    by = reading(tmp_path, f"ssl_verify: {authority[0]}\n")
    assert query(f"{secure.address}/chan", by=by, cache=tmp_path / "c")


def test_a_bundle_that_requests_is_told_of_is_believed(
    tmp_path: Path, secure: Site, authority: tuple[Path, Path, Path]
) -> None:
    by = reading(tmp_path, REQUESTS_CA_BUNDLE=str(authority[0]))
    assert query(f"{secure.address}/chan", by=by, cache=tmp_path / "c")


def test_certificates_can_be_left_unseen_and_logins_work_all_the_same(
    tmp_path: Path, secure: Site
) -> None:
    secure.login, secure.token = "me:hush", "token"
    by = reading(
        tmp_path, f"ssl_verify: false\nchannel_alias: https://me:hush@{secure.host}/t/token\n"
    )
    assert query("chan", by=by, cache=tmp_path / "c")


def test_left_unseen_a_store_of_rattlers_own_is_kept(
    tmp_path: Path, secure: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.login = "store:hush"
    entry = {"127.0.0.1": {"BasicHTTP": {"username": "store", "password": "hush"}}}
    (tmp_path / "store.json").write_text(json.dumps(entry))
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(tmp_path / "store.json"))
    by = reading(tmp_path, "ssl_verify: false\nchannel_alias: https://me:else@h.example\n")
    assert query(f"{secure.address}/chan", "nodefaults", by=by, cache=tmp_path / "c")


def test_offline_has_what_was_read_before_and_asks_nobody(tmp_path: Path, site: Site) -> None:
    address = f"{site.address}/chan"
    online = query(address, by=reading(tmp_path), cache=tmp_path / "c")
    before = len(site.asked)
    by = reading(tmp_path, "offline: true\n")
    assert query(address, by=by, cache=tmp_path / "c") == online
    assert len(site.asked) == before


def test_offline_reads_folders_of_this_machine(tmp_path: Path, base: Path) -> None:
    by = reading(tmp_path, CONDA_OFFLINE="true")
    assert query(str(base / "chan"), by=by, cache=tmp_path / "c")
    assert query((base / "chan").as_uri(), by=by, cache=tmp_path / "d")


def test_offline_no_package_is_fetched(tmp_path: Path, site: Site) -> None:
    from rattler.package_streaming import download_to_writer

    for verify in ("true", "false"):
        by = reading(tmp_path, f"offline: true\nssl_verify: {verify}\n")
        with pytest.raises(RuntimeError, match="offline"):
            run(download_to_writer(client(by), f"{site.address}/chan/x.conda", io.BytesIO()))
    assert not site.asked


def test_what_the_configuration_does_not_want_is_not_asked_for(tmp_path: Path, site: Site) -> None:
    by = reading(tmp_path, "repodata_use_zst: false\nrepodata_use_shards: false\n")
    assert query(f"{site.address}/chan", by=by, cache=tmp_path / "c")
    assert {path.rpartition("/")[2] for path in site.paths} <= {
        "repodata.json",
        "repodata.json.bz2",
    }


def test_reprun_says_who_it_is(tmp_path: Path, site: Site) -> None:
    query(f"{site.address}/chan", by=reading(tmp_path), cache=tmp_path / "c")
    assert all(headers["user-agent"].startswith("reprun/") for _, headers in site.asked)
