"""Tests of versions behind a URL: what is fetched, when, and what is said where it can't be."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    RequestError,
    UnknownVersion,
)
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.listening import Listener
from tests.support.program import ROOT
from tests.support.repositories import Daemon, Repository, run_git

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


FETCHES = """
import logging, os, sys
from pathlib import Path
from runner.source import git
store, url = sys.argv[1:]
git.fetch(Path(store), url, ["main"], where=url, variables=os.environ, report=print)
logging.getLogger("git.cmd").error("pumping failed")
"""


def test_what_gitpython_logs_is_not_printed(
    project: Repository, daemon: Daemon, tmp_path: Path
) -> None:
    run_git(tmp_path, "init", "-q", "--bare", "store")
    done = subprocess.run(
        [sys.executable, "-c", FETCHES, str(tmp_path / "store"), f"{daemon.url}/project"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert run_git(tmp_path / "store", "cat-file", "-t", project.head) == "commit"
    assert done.stderr == ""


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
    who = "committer A Tester <tester@example.org>"
    history = "".join(
        f"commit refs/heads/main\n{who} {number} +0000\ndata 0\n\n" for number in range(700)
    )
    importing = ["git", "-C", str(repository.path), "fast-import", "--quiet"]
    subprocess.run(importing, input=history.encode(), check=True)
    prefixes = [commit[:4] for commit in repository.git("rev-list", "HEAD").split()]
    short = next(prefix for prefix in prefixes if prefixes.count(prefix) > 1)
    resolved(f"{daemon.url}/many")
    with pytest.raises(UnknownVersion, match=f"the short commit `{short}` fits") as caught:
        resolved(f"{daemon.url}/many", short)
    assert len(caught.value.details) >= 2


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
