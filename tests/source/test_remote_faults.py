"""Addresses that lead nowhere, servers that are silent or want a password, no git at all."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    GitMissing,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
)
from runner.source.checkout import checkout
from tests.support.listening import Listener
from tests.support.repositories import Daemon, Repository, free_port
from tests.support.web import serve_http

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve


def test_nothing_at_the_url(project: Repository, daemon: Daemon, resolved: Resolve) -> None:
    with pytest.raises(SourceNotFound) as caught:
        resolved(f"{daemon.url}/other")
    assert caught.value.message == f"there is no git repository at {daemon.url}/other"
    assert caught.value.exit_code == 125
    with serve_http(project.path.parent) as web, pytest.raises(SourceNotFound) as caught:
        resolved(f"{web.url}/other.git")
    assert caught.value.message == f"there is no git repository at {web.url}/other.git"


def test_an_empty_repository(base: Path, daemon: Daemon, resolved: Resolve) -> None:
    Repository(base / "empty")
    for version in (None, "main"):
        with pytest.raises(SourceNotFound, match="is empty"):
            resolved(f"{daemon.url}/empty", version)


def test_a_host_that_does_not_exist(resolved: Resolve) -> None:
    for scheme in ("git", "https"):
        with pytest.raises(SourceUnreachable, match="no such host") as caught:
            resolved(f"{scheme}://nowhere.invalid/o/n")
        assert "nowhere.invalid" in caught.value.message
        assert caught.value.hint == "check the spelling and the network"


def test_a_server_that_does_not_answer(resolved: Resolve) -> None:
    for scheme in ("git", "http"):
        with pytest.raises(SourceUnreachable, match="can't reach"):
            resolved(f"{scheme}://127.0.0.1:{free_port()}/o/n")


def test_the_mirrors_last_state_stands_in_when_the_remote_is_away(
    project: Repository, daemon: Daemon, resolved: Resolve, listener: Listener
) -> None:
    url = f"{daemon.url}/project"
    resolved(url)
    daemon.stop()
    for version in (None, "main", "main~1", "v1"):
        resolved(url, version, progress=listener)
        warning = listener.warnings[-1]
        assert warning.startswith(f"can't reach {url}; taking `{version or 'HEAD'}` as it was")
        assert time.strftime("%Y-%m-%d") in warning
    assert project.head[:12] in listener.warnings[0]
    for version in ("other", "f" * 40):
        with pytest.raises(SourceUnreachable, match="can't reach"):
            resolved(url, version)


def test_a_repository_that_asks_for_a_password(
    project: Repository, resolved: Resolve, listener: Listener, settings: Settings
) -> None:
    with serve_http(project.path.parent, user="me", password="s3cret/ü") as web:
        url = f"{web.url}/project/.git"
        with pytest.raises(SourceRefused, match="asks for a password") as caught:
            resolved(url)
        assert "credential helper" in str(caught.value.hint)
        wrong = url.replace("//", "//me:wr0ng@")
        with pytest.raises(SourceRefused, match="asks for a password") as caught:
            resolved(wrong)
        assert "wr0ng" not in "".join([caught.value.message, *caught.value.details])
        right = url.replace("//", "//me:s3cret%2F%C3%BC@")
        source = resolved(right, progress=listener)
    assert source.commit == project.head
    assert source.url == url
    assert "without encryption" in listener.warnings[0]
    # Neither the mirror nor anything else in the two homes knows the password.
    for home in (settings.cache, settings.data):
        for path in home.rglob("*"):
            assert path.is_dir() or b"s3cret" not in path.read_bytes()


def test_a_password_is_in_no_process_list(project: Repository, resolved: Resolve) -> None:
    seen: set[bytes] = set()
    with serve_http(project.path.parent, user="me", password="s3cret") as web:
        url = f"{web.with_password}/project/.git"
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(resolved, url)
            while not work.done():
                for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
                    try:
                        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
                            seen.add(file.read())
                    except OSError:
                        continue
        work.result()
    shown = [line for line in seen if web.url.removeprefix("http://").encode() in line]
    assert any(b"remote-http" in line or b"fetch" in line for line in shown)
    assert not [line for line in shown if b"s3cret" in line]


def test_a_password_where_none_can_be(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    address = daemon.url.removeprefix("git://")
    assert resolved(f"git://me:s3cret@{address}/project").commit == project.head
    with pytest.raises(SourceError) as caught:
        resolved("git://me:s3cret@127.0.0.1:1/project")
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"


def test_no_git(
    project: Repository, resolved: Resolve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for uri in ("git://127.0.0.1/project", project.path):
        with pytest.raises(GitMissing, match="there is no `git` on PATH") as caught:
            resolved(uri)
        assert "install git" in str(caught.value.hint)


def test_the_callers_git_variables_lead_nowhere(
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    other = Repository(tmp_path / "other")
    other.write("other", "").commit()
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "no-objects"))
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=maybe'")
    source = resolved(f"{daemon.url}/project")
    head = (project.path / ".git/refs/heads/main").read_text().strip()
    assert source.commit == head
    with checkout(source, settings=settings, progress=Listener()) as made:
        assert (made.root / "run.sh").exists()
    local = resolved(project.path)
    assert (local.commit, local.changes) == (head, None)
    assert not (tmp_path / "no-objects").exists()
