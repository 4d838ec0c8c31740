"""Downloads: whole and of the right digest, or a clear word and nothing kept."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from runner import web
from runner.errors import InputError, RunnerError, StoreError
from runner.manifest.model import Input
from tests.support.disks import small_disk
from tests.support.scenes import Scene, objects_of, sha256
from tests.support.website import Site, serve

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings


def test_a_download_is_checked_cached_and_laid(scene: Scene, site: Site) -> None:
    site.files["/d/set.csv"] = b"1,2"
    item = Input(url=f"{site.address}/d/set.csv", sha256=sha256("1,2").upper(), path="in/set.csv")
    checked = scene.prepare(declared=(item,), fetch=False)
    assert checked.downloads == (item.url,)
    assert site.asked == []
    laid = scene.lay(scene.prepare(declared=(item,)))
    assert (scene.at / "in/set.csv").read_text() == "1,2"
    assert (scene.at / "in/set.csv").stat().st_mode & 0o200
    assert laid["in/set.csv"].origin == "download"
    assert laid["in/set.csv"].url == item.url
    assert scene.prepare(declared=(item,)).warnings == ()
    assert len(site.asked) == 1


def test_without_digest_it_is_fetched_each_time_and_said(scene: Scene, site: Site) -> None:
    site.files["/set.csv"] = b"1"
    item = Input(url=f"{site.address}/set.csv")
    scene.prepare(declared=(item,))
    prepared = scene.prepare(declared=(item,))
    assert len(site.asked) == 2
    assert "has no sha256: another day may bring another file" in prepared.warnings[0]
    assert prepared.placements[0].target == "set.csv"


def fails(scene: Scene, url: str, message: str, sha256: str | None = None) -> RunnerError:
    with pytest.raises(InputError, match=message) as error:
        scene.prepare(declared=(Input(url=url, sha256=sha256),))
    assert objects_of(scene.settings) == []
    return error.value


def test_downloads_that_fail(scene: Scene, site: Site, tmp_path: Path) -> None:
    site.files = {"/ok": b"content" * 100, "/chunked": b"content" * 100}
    site.short = {"/ok?short"}
    site.chunked_short = {"/chunked"}
    site.redirects = {"/to-file": "file:///etc/passwd", "/round": "/round"}
    address = site.address
    wrong = fails(scene, f"{address}/ok", f"has sha256 {'.' * 64}, not {'0' * 64}", "0" * 64)
    assert "was changed there" in (wrong.hint or "")
    assert (
        fails(scene, f"{address}/none", "/none answered 404 Not Found").hint == "check the address"
    )
    fails(scene, f"{address}/ok?short", "ended after 350 of 700 bytes")
    fails(scene, f"{address}/chunked", "/chunked ended too early")
    fails(scene, f"{address}/to-file", "/to-file answered 302")
    fails(scene, f"{address}/round", "/round answered 302")
    fails(scene, "http://127.0.0.1:1/x", "can't be reached: connection refused")
    fails(scene, "http://no.such.host.invalid/x", "can't be reached: its name can't be resolved")
    fails(scene, "http://[bad/x", "`http:.*` is no address: invalid ipv6 url")
    fails(scene, "ftp://example.org/x", "addresses of the scheme `ftp` can't be fetched")
    fails(scene, (tmp_path / "none").as_uri(), "none can't be read: no such file")
    fails(scene, tmp_path.as_uri(), "is a folder; only a file can be fetched")
    fails(scene, "file://server/x", "names the machine `server`")
    fails(scene, "file:x", "`file:x` is not absolute")


def test_a_server_that_stalls(scene: Scene, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    site.files["/slow"] = b"x" * 100
    site.stalled = {"/slow"}
    fails(scene, f"{site.address}/slow", "can't be fetched: nothing came for 0 seconds")


def test_credentials_are_used_and_never_shown(scene: Scene, site: Site) -> None:
    site.files["/set"] = b"1"
    site.login = base64.b64encode(b"me:p@ss").decode()
    host = site.address.removeprefix("http://")
    url = f"http://me:p%40ss@{host}/set?token=hidden&part=2"
    prepared = scene.prepare(declared=(Input(url=url),))
    assert prepared.placements[0].url == f"{site.address}/set?token=***&part=2"
    assert "p%40ss" not in str(prepared.warnings)
    refused = fails_login(scene, f"http://me:wrong@{host}/set")
    assert "wrong" not in refused.message
    assert "asks for a login" in (refused.hint or "")


def fails_login(scene: Scene, url: str) -> RunnerError:
    with pytest.raises(InputError, match="answered 401") as error:
        scene.prepare(declared=(Input(url=url),))
    return error.value


def test_no_other_host_gets_the_password(scene: Scene, site: Site) -> None:
    with serve() as other:
        other.files["/set"] = b"1"
        site.redirects["/set"] = f"{other.address}/set"
        url = site.address.replace("http://", "http://me:secret@") + "/set"
        scene.prepare(declared=(Input(url=url),))
        assert site.asked[0][1] is not None
        assert other.asked == [("/set", None)]


@pytest.mark.parametrize("target", ["../x", "/x", ".git/hooks/pre-commit", "a/*"])
def test_downloads_are_laid_inside(scene: Scene, site: Site, target: str) -> None:
    with pytest.raises(InputError, match="is no path inside the source"):
        scene.prepare(declared=(Input(url=f"{site.address}/x", path=target),))
    assert site.asked == []


def test_a_full_disk_while_downloading(tmp_path: Path, settings: Settings, site: Site) -> None:
    with small_disk(settings.data):
        scene = Scene(tmp_path, settings)
        site.files["/big"] = b"x" * (2 << 20)
        with pytest.raises(
            StoreError, match=r"the download of .*/big can't be kept: no space left"
        ):
            scene.prepare(declared=(Input(url=f"{site.address}/big"),))
        assert objects_of(settings) == []
