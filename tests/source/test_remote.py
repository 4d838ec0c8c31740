"""Tests of versions behind a URL: what is fetched, when, and what is said where it can't be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    GitMissing,
    RequestError,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
    UnknownVersion,
)
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.listening import Listener
from tests.support.repositories import Daemon, Repository, free_port, run_git
from tests.support.web import serve_http

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve


def test_every_way_to_name_a_version(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    second, first = project.head, project.git("rev-parse", "HEAD~1")
    url = f"{daemon.url}/project"
    expected = {
        None: (second, "main"),
        "HEAD": (second, "main"),
        "main": (second, "main"),
        "origin/main": (second, "main"),
        "refs/heads/old": (first, "old"),
        "old": (first, "old"),
        "v1": (first, None),
        "v1-annotated": (first, None),
        "main~1": (first, "main"),
        "main^": (first, "main"),
        "HEAD~1": (first, "main"),
        first: (first, None),
        first.upper(): (first, None),
        first[:7]: (first, None),
        f"{second[:7]}~1": (first, None),
        f"{second}^": (first, None),
    }
    for version, (commit, branch) in expected.items():
        source = resolved(url, version)
        assert (version, source.commit, source.branch) == (version, commit, branch)
        assert source.version == version
        assert source.tree == project.git("rev-parse", f"{commit}^{{tree}}")
        assert (source.kind, source.url, source.pushed) == ("git", url, True)


def test_a_commit_that_is_there_needs_no_network(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    url = f"{daemon.url}/project"
    first = project.git("rev-parse", "HEAD~1")
    resolved(url)
    seen = daemon.connections
    for version in (project.head, first, first[:8], f"{project.head}~1"):
        source = resolved(url, version)
        with (
            open_files(source, settings=settings) as files,
            checkout(source, settings=settings, progress=Listener()) as made,
        ):
            assert files.read("MLproject") == (made.root / "MLproject").read_bytes()
    assert daemon.connections == seen
    daemon.stop()
    assert resolved(url, first).commit == first


def test_a_branch_is_asked_for_and_fetched_only_when_it_moved(
    project: Repository, daemon: Daemon, resolved: Resolve, listener: Listener
) -> None:
    url = f"{daemon.url}/project"
    resolved(url, "main", progress=listener)
    assert listener.updates[0] == f"fetching {url}"
    assert listener.updates[-1].startswith("receiving")
    listener.updates.clear()
    resolved(url, "main", progress=listener)
    assert listener.updates == []
    third = project.write("new", "").commit("third")
    assert resolved(url, "main", progress=listener).commit == third
    assert listener.updates[0] == f"fetching {url}"


def test_a_rewritten_branch_is_followed_and_the_old_commit_kept(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    url = f"{daemon.url}/project"
    before = resolved(url).commit
    project.git("commit", "-q", "--amend", "-m", "rewritten")
    project.git("branch", "-D", "old")
    project.git("branch", "old/er")  # a folder where a branch was
    assert resolved(url).commit == project.head != before
    assert resolved(url, "old/er").commit == project.head
    assert resolved(url, before).commit == before


def test_a_reference_outside_of_branches_and_tags(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    project.git("checkout", "-q", "--detach")
    commit = project.write("pulled", "").commit("a pull request")
    project.git("update-ref", "refs/pull/1/head", commit)
    project.git("checkout", "-q", "main")
    source = resolved(f"{daemon.url}/project", "pull/1/head")
    assert (source.commit, source.branch) == (commit, None)


def test_a_commit_that_no_branch_holds_is_fetched_by_its_name(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    project.git("checkout", "-q", "--detach")
    commit = project.write("loose", "").commit("on no branch")
    project.git("checkout", "-q", "main")
    assert resolved(f"{daemon.url}/project", commit).commit == commit


def test_a_branch_wins_over_a_tag(project: Repository, daemon: Daemon, resolved: Resolve) -> None:
    project.git("branch", "v1", "main")
    assert resolved(f"{daemon.url}/project", "v1").commit == project.head


def test_versions_that_are_not_there(
    project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    url = f"{daemon.url}/project"
    with pytest.raises(UnknownVersion) as caught:
        resolved(url, "mian~1")
    assert caught.value.message == f"{url} has no branch, tag or commit `mian`"
    assert caught.value.hint == "did you mean `main~1`?"
    with pytest.raises(UnknownVersion) as caught:
        resolved(url, "something-else")
    assert caught.value.hint == "it has main, old, v1, v1-annotated"
    for commit in ("f" * 40, "abcdef12"):
        with pytest.raises(UnknownVersion, match=f"no branch, tag or commit `{commit}`"):
            resolved(url, commit)
    with pytest.raises(UnknownVersion, match="does not go that far") as caught:
        resolved(url, "main~20")
    assert caught.value.hint == "take fewer steps back"
    with pytest.raises(UnknownVersion, match="does not go that far"):
        resolved(url, f"{project.head}~20")


@pytest.mark.parametrize(
    "version",
    [
        "-v",
        "--upload-pack=x",
        "a b",
        "a..b",
        "main@{1}",
        ":/text",
        "main:file",
        "",
        "a\nb",
        "^{/x}",
    ],
)
def test_versions_that_make_no_sense(
    version: str, project: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    for uri in (f"{daemon.url}/project", project.path):
        with pytest.raises(RequestError, match="is not a branch, tag, commit or expression"):
            resolved(uri, version)


def test_a_short_commit_that_fits_several(base: Path, daemon: Daemon, resolved: Resolve) -> None:
    repository = Repository(base / "many")
    repository.write("a", "").commit()
    for number in range(700):
        repository.git("commit", "-q", "--allow-empty", "-m", str(number))
    commits = repository.git("rev-list", "HEAD").split()
    prefixes = [commit[:4] for commit in commits]
    short = next(prefix for prefix in prefixes if prefixes.count(prefix) > 1)
    resolved(f"{daemon.url}/many")
    with pytest.raises(UnknownVersion, match=f"the short commit `{short}` fits") as caught:
        resolved(f"{daemon.url}/many", short)
    assert len(caught.value.details) >= 2


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


def test_a_damaged_mirror_is_fetched_again(
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    listener: Listener,
) -> None:
    url, commit = f"{daemon.url}/project", project.head
    source = resolved(url)
    for harm in ("pack", "objects", "HEAD"):
        if harm == "pack":
            for pack in (source.store / "objects" / "pack").glob("*.pack"):
                pack.chmod(0o644)
                pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 400)
        elif harm == "objects":
            for pack in (source.store / "objects" / "pack").iterdir():
                pack.unlink()
        else:
            (source.store / "HEAD").write_bytes(b"")
        again = resolved(url, commit, progress=listener)
        with open_files(again, settings=settings) as files:
            assert files.read("MLproject") == b"name: second\n", harm
        with checkout(again, settings=settings, progress=listener) as made:
            assert (made.root / "MLproject").read_bytes() == b"name: second\n", harm


def test_a_mirror_damaged_between_reading_and_checkout(
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    listener: Listener,
) -> None:
    source = resolved(f"{daemon.url}/project", project.head)
    for pack in (source.store / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 400)
    with checkout(source, settings=settings, progress=listener) as made:
        assert (made.root / "MLproject").read_bytes() == b"name: second\n"
        assert run_git(made.root, "status", "--short") == ""
    assert "is damaged; it is fetched again" in listener.warnings[0]


_RESOLVE = """
import sys
from pathlib import Path
from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source.resolve import resolve
uri, home = sys.argv[1], Path(sys.argv[2])
settings = Settings(data=home / "home", cache=home / "cache")
print(resolve(Request(uri=uri, caller=home), settings=settings, progress=Silent()).commit)
"""


def _start(url: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _RESOLVE, url, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_fetch_that_is_killed_leaves_the_next_one_unharmed(
    first: bool,  # noqa: FBT001
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    tmp_path: Path,
) -> None:
    url = f"{daemon.url}/project"
    if not first:
        resolved(url)
    project.write("large", os.urandom(120 << 20)).commit("large")
    process = _start(url, tmp_path)
    deadline = time.monotonic() + 60
    while not list(settings.mirrors.glob("**/tmp_pack_*")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = next(settings.mirrors.glob(".*" if first else "project*.git"))
    # A kill that comes later leaves locks on references.
    (store / "packed-refs.lock").write_text("")
    (store / "refs" / "heads").mkdir(exist_ok=True)
    (store / "refs" / "heads" / "main.lock").write_text("")
    assert resolved(url).commit == project.head
    assert not list(settings.mirrors.glob(".*"))


def test_a_fetch_that_is_interrupted_clears_up_at_once(
    project: Repository, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    project.write("large", os.urandom(120 << 20)).commit("large")
    process = _start(f"{daemon.url}/project", tmp_path)
    deadline = time.monotonic() + 60
    while not list(settings.mirrors.glob("**/tmp_pack_*")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    assert [path.name for path in settings.mirrors.iterdir() if path.is_dir()] == []


def test_a_warm_run_loads_no_slow_library(
    project: Repository, daemon: Daemon, resolved: Resolve, tmp_path: Path
) -> None:
    resolved(f"{daemon.url}/project")
    code = _RESOLVE.replace("caller=home", f"caller=home, version='{project.head}'")
    code += """
from runner.source.checkout import checkout
from runner.source.files import open_files
request = Request(uri=uri, caller=home, version=sys.argv[3])
source = resolve(request, settings=settings, progress=Silent())
with open_files(source, settings=settings) as files:
    files.read("MLproject")
with checkout(source, settings=settings, progress=Silent()):
    pass
slow = {"git", "urllib.request", "http", "email", "tarfile", "zipfile", "asyncio", "logging",
        "difflib", "concurrent.futures", "importlib.metadata"}
print(sorted(slow & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"{daemon.url}/project", str(tmp_path), project.head],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [project.head, "[]"]


def test_two_first_clones_at_once_are_one(
    project: Repository, daemon: Daemon, tmp_path: Path, settings: Settings
) -> None:
    project.write("large", os.urandom(10 << 20)).commit("large")
    url = f"{daemon.url}/project"
    processes = [_start(url, tmp_path) for _ in range(4)]
    answers = [process.communicate() for process in processes]
    assert [out.strip() for out, _ in answers] == [project.head] * 4, answers
    # Each asks what there is, one of them fetches.
    assert daemon.connections == 5
    assert len(list(settings.mirrors.glob("*.git"))) == 1


def test_a_cache_that_can_not_be_written(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    settings.cache.mkdir()
    settings.mirrors.write_text("a file where a folder should be")
    assert project.head
    with pytest.raises(SourceError, match="can't write the mirror") as caught:
        resolved(f"{daemon.url}/project")
    assert "REPRUN_CACHE" in str(caught.value.hint)


def test_many_fetches_do_not_pile_up_packs(
    project: Repository, daemon: Daemon, resolved: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.source.mirror._PACKS", 3)
    url = f"{daemon.url}/project"
    lost = resolved(url).commit
    for number in range(5):
        project.git("commit", "-q", "--amend", "--allow-empty", "-m", str(number))
        source = resolved(url)
    assert len(list((source.store / "objects" / "pack").glob("*.pack"))) <= 3
    assert resolved(url, lost).commit == lost


def test_a_repository_of_sha256_names(
    base: Path, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    path = base / "modern"
    path.mkdir()
    run_git(path, "init", "-q", "-b", "main", "--object-format=sha256")
    commit = Repository(path).write("MLproject", "name: x\n").commit()
    assert len(commit) == 64
    for uri, version in (
        (f"{daemon.url}/modern", None),
        (f"{daemon.url}/modern", commit),
        (path, None),
        (path, commit[:10]),
    ):
        source = resolved(uri, version)
        assert source.commit == commit
        with (
            open_files(source, settings=settings) as files,
            checkout(source, settings=settings, progress=Listener()) as made,
        ):
            assert files.read("MLproject") == b"name: x\n"
            assert run_git(made.root, "status", "--short") == ""
            assert files.tree_digest(".") == run_git(path, "rev-parse", "HEAD^{tree}")
