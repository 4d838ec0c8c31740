"""The tests' own channel is a real one: what it packs installs, runs, and fails as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import subprocess
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
import rattler
import rattler.exceptions

from runner.conda.runtime import run
from tests.support import conda_channel, conda_packages
from tests.support.conda_channel import PLACEHOLDER, module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rattler import RepoDataRecord

    from tests.support.conda_server import ChannelServer, How
    from tests.support.conda_shelf import Channel


def solve(channel: Channel, *specs: str, virtual: Sequence[Any] = ()) -> dict[str, RepoDataRecord]:
    """Name → what py-rattler alone decides for, with `virtual` packages."""
    cache = channel.server.folder.parent / "gateway"
    work = rattler.solve(
        sources=[channel.url],
        specs=list(specs),
        gateway=rattler.Gateway(cache_dir=cache),
        platforms=[conda_channel.platform(), "noarch"],  # type: ignore[list-item]
        virtual_packages=list(virtual),
    )
    return {record.name.normalized: record for record in run(work)}


def install(channel: Channel, at: Path, *specs: str) -> Path:
    """A prefix at `at`, by py-rattler alone."""
    records = list(solve(channel, *specs, virtual=_glibc()).values())
    run(rattler.install(records, at, cache_dir=at.parent / "packages", show_progress=False))
    return at


def _glibc() -> list[Any]:
    return [one.into_generic() for one in rattler.VirtualPackage.detect()]


def said_by(prefix: Path, *argv: str) -> str:
    """What a program of the prefix prints."""
    done = subprocess.run(
        [str(prefix / "bin" / argv[0]), *argv[1:]], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_its_python_is_at_home_in_the_prefix(channel: Channel, tmp_path: Path) -> None:
    prefix = install(channel, tmp_path / "prefix", "python", "alpha", "pip", "setuptools")
    code = """
import setuptools, ssl, sqlite3, ctypes, zlib, hashlib, json, sys, sysconfig, site, alpha, pip
ssl.create_default_context(); sqlite3.connect(':memory:').execute('select 1')
print(json.dumps([sys.prefix, sys.base_prefix, sys.executable, sysconfig.get_config_var('prefix'),
    [one for one in sys.path if one and not one.startswith(sys.prefix)], alpha.__version__,
    open('/proc/self/maps').read()]))
"""
    (own, base, program, configured, elsewhere, version, maps) = json.loads(
        said_by(prefix, "python", "-I", "-c", code)
    )
    assert (own, base, configured, elsewhere) == (str(prefix), str(prefix), str(prefix), [])
    assert program == f"{prefix}/bin/python"
    assert version == "2.0"
    assert f"{sys.base_prefix}/" not in maps, "a library of the Python that it was made from"
    assert said_by(prefix, "python", "-V") == f"Python {conda_channel.python_version()}"
    assert said_by(prefix, "pip", "--version").startswith("pip ")


def test_prefixes_are_written_into_texts_and_programs(channel: Channel, tmp_path: Path) -> None:
    prefix = install(channel, tmp_path / "prefix", "python", "tool", "scripted", "native")
    assert said_by(prefix, "scripted") == f"{prefix}/share/scripted"
    assert said_by(prefix, "tool") == f"tool 1.0 {prefix}"
    assert (prefix / "share" / "scripted" / "latest" / "words.txt").read_text() == "words\n"
    assert (prefix / "etc" / "conda" / "activate.d" / "scripted.sh").is_file()
    assert not (prefix / "post-link-ran").exists()
    assert said_by(prefix, "where") == str(prefix)
    assert said_by(prefix, "python", "-c", "import native; print(native.answer())") == "42"
    assert len(PLACEHOLDER) == 255


def test_a_solver_has_something_to_decide(channel: Channel) -> None:
    def versions(*specs: str) -> dict[str, str]:
        return {name: str(one.version) for name, one in solve(channel, *specs).items()}

    assert versions("alpha")["alpha"] == "2.0"
    assert versions("alpha", "gamma")["alpha"] == "1.1"
    assert versions("beta", "wary")["beta"] == "1.0"
    for impossible in (("alpha=2", "gamma"), ("ancient",), ("needs-cuda",), ("needs-glibc",)):
        with pytest.raises(rattler.exceptions.SolverError):
            solve(channel, *impossible)
    assert "needs-glibc" in solve(channel, "needs-glibc", virtual=_glibc())


def test_both_formats_and_every_change_are_in_the_index(channel: Channel) -> None:
    before = (channel.folder / "noarch" / "repodata.json").read_bytes()
    channel.add(module("alpha", "3.0"), extension=".tar.bz2")
    channel.remove("beta-2.0-py_0")
    index = json.loads((channel.folder / "noarch" / "repodata.json").read_bytes())
    assert "alpha-3.0-py_0.tar.bz2" in index["packages"]
    assert "beta-2.0-py_0.conda" not in index["packages.conda"]
    assert str(solve(channel, "alpha")["alpha"].version) == "3.0"
    assert json.loads(before) != index


def test_a_wheel_becomes_a_package(channel: Channel) -> None:
    (pip,) = (one for one in conda_packages.tools() if one.name == "pip")
    assert "pip = pip._internal.cli.main:main" in pip.entry_points
    assert solve(channel, "pip")["pip"].sha256 == _sha256(channel.archive(pip.stem))


def _sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def fetch(url: str, **headers: str) -> bytes:
    """What a server answers, in half a second at most.

    Raises:
        OSError: it does not, or badly.
    """
    parts = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=0.5)) as connection:
        connection.request("GET", parts.path, headers=headers)
        with connection.getresponse() as got:
            content = got.read()
            if got.status != 200:
                raise OSError(f"HTTP status {got.status}")
            return content


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("unavailable", "HTTP status 503"),
        ("missing", "HTTP status 404"),
        ("forbidden", "HTTP status 403"),
        ("short", "IncompleteRead"),
        ("chunked-short", "IncompleteRead"),
        ("stalled", "timed out"),
        ("silent", "timed out"),
    ],
)
def test_it_fails_as_it_is_told_until_it_is_mended(channel: Channel, how: How, what: str) -> None:
    address = f"{channel.url}/noarch/alpha-1.0-py_0.conda"
    right = fetch(address)
    channel.server.fail("*/alpha-1.0-*", how, times=1)
    with pytest.raises((OSError, http.client.HTTPException)) as caught:
        fetch(address)
    assert what in f"{caught.value!r} {caught.value}"
    assert fetch(address) == right, "it was to fail once"
    channel.server.fail("*/alpha-1.0-*", how)
    assert fetch(f"{channel.url}/noarch/beta-1.0-py_0.conda")
    channel.server.mend()
    assert fetch(address) == right


def test_it_serves_wrong_bytes(channel: Channel) -> None:
    address = f"{channel.url}/noarch/alpha-1.0-py_0.conda"
    right = fetch(address)
    channel.server.fail("*/alpha-*", "cut", times=1)
    assert fetch(address) == right[: len(right) // 2]
    channel.server.fail("*/alpha-*", "wrong", times=1)
    wrong = fetch(address)
    assert len(wrong) == len(right)
    assert wrong != right
    channel.replace("alpha-1.0-py_0", b"else")
    assert fetch(address) == b"else"


def test_it_asks_for_a_login_or_a_token(channels: ChannelServer) -> None:
    (channels.folder / "main").mkdir()
    (channels.folder / "main" / "x").write_bytes(b"x")
    channels.login = "me:secret"
    with pytest.raises(OSError, match="401"):
        fetch(f"{channels.channel()}/x")
    assert fetch(f"{channels.channel()}/x", Authorization="Basic bWU6c2VjcmV0") == b"x"
    assert [one.authorization for one in channels.asked] == [None, "Basic bWU6c2VjcmV0"]
    channels.login, channels.token = None, "tk-1"
    assert fetch(f"{channels.address}/t/tk-1/main/x") == b"x"
    for path in ("main/x", "t/tk-2/main/x"):
        with pytest.raises(OSError, match="401"):
            fetch(f"{channels.address}/{path}")


def test_it_stops_and_listens_again_at_the_same_address(channels: ChannelServer) -> None:
    (channels.folder / "x").write_bytes(b"x")
    channels.stop()
    with pytest.raises(OSError, match="refused"):
        fetch(f"{channels.address}/x")
    channels.again()
    assert fetch(f"{channels.address}/x") == b"x"
