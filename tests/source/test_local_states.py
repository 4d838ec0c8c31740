"""Local repositories in every state: linked, bare, shallow, partial, sparse, damaged, borrowed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    RequestError,
    SourceDamaged,
    SourceError,
    SourceNotFound,
    SourceRefused,
    UnknownVersion,
)
from runner.progress import Noting, Silent
from runner.request import Request
from runner.settings import Settings
from runner.source import resolve
from runner.source.checkout import checkout
from tests.support.contents import content, digest_everything, laid_out
from tests.support.nobody import as_nobody
from tests.support.repositories import Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.source.conftest import Resolve


def test_a_detached_head_is_on_no_branch(project: Repository, resolved: Resolve) -> None:
    project.git("checkout", "-q", "--detach", "HEAD~1")
    source = resolved(project.path)
    assert (source.commit, source.branch) == (project.head, None)


def test_a_repository_without_a_commit(
    tmp_path: Path, resolved: Resolve, settings: Settings
) -> None:
    repository = Repository(tmp_path / "fresh").write("MLproject", "name: x\n")
    repository.write("staged", "s").git("add", "staged")
    source = resolved(repository.path)
    assert (source.kind, source.commit, source.branch) == ("git", None, "main")
    assert source.changes is not None
    assert source.changes.added == ("MLproject", "staged")
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert content(made.root) == content(repository.path)
        assert run_git(made.root, "symbolic-ref", "HEAD") == "refs/heads/main"
    with pytest.raises(UnknownVersion, match="no branch, tag or commit `main`"):
        resolved(repository.path, "main")


def test_a_folder_that_cannot_be_read_is_named() -> None:
    def tried(folder: Path) -> None:
        repository = Repository(folder / "project").write("MLproject", "name: x\n")
        repository.commit()
        (repository.path / "database").mkdir(mode=0)
        heard = Noting(Silent())
        request = Request(uri="project", caller=folder)
        homes = Settings(data=folder / "data", cache=folder / "cache")
        source = resolve.resolve(request, settings=homes, progress=heard)
        assert source.changes is None
        assert heard.warnings == ["`database/` can't be read, and does not come along"]

    as_nobody(tried)


def test_nested_repositories_are_captured_as_files(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    nested = Repository(project.path / "nested").write("kept", "k").write(".gitignore", "*.tmp\n")
    nested.commit()
    nested.write("new", "n").write("x.tmp", "ignored there")
    source = resolved(project.path)
    laid = laid_out(source, settings)
    assert {"nested/kept", "nested/new", "nested/.gitignore"} <= laid.keys()
    assert "nested/x.tmp" not in laid


def test_a_linked_working_tree(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    project.git("worktree", "add", "-q", str(tmp_path / "linked tree"), "old")
    linked = Repository(tmp_path / "linked tree").write("new", "n")
    before = digest_everything(tmp_path / "base"), digest_everything(linked.path)
    source = resolved(linked.path)
    assert (source.commit, source.branch) == (linked.head, "old")
    assert source.store == project.path / ".git"
    assert laid_out(source, settings) == content(linked.path)
    assert (digest_everything(tmp_path / "base"), digest_everything(linked.path)) == before
    shutil.rmtree(project.path / ".git" / "worktrees")
    with pytest.raises(SourceDamaged, match="is damaged") as caught:
        resolved(linked.path)
    assert "leads nowhere" in caught.value.details[0]


def test_a_bare_repository(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", str(project.path), str(tmp_path / "bare.git"))
    source = resolved(tmp_path / "bare.git")
    assert (source.commit, source.branch, source.changes) == (project.head, "main", None)
    assert laid_out(source, settings) == content(project.path)
    first = project.git("rev-parse", "v1")
    assert resolved(tmp_path / "bare.git", "v1").commit == first
    run_git(tmp_path, "init", "-q", "--bare", "empty.git")
    with pytest.raises(SourceNotFound, match="is empty"):
        resolved(tmp_path / "empty.git")


def test_a_shallow_clone(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    first = project.git("rev-parse", "HEAD~1")
    run_git(tmp_path, "clone", "-q", "--depth=1", f"file://{project.path}", "shallow")
    source = resolved(tmp_path / "shallow")
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert content(made.root) == content(project.path)
        assert run_git(made.root, "log", "--format=%H") == project.head
    with pytest.raises(UnknownVersion, match="is a shallow clone") as caught:
        resolved(tmp_path / "shallow", first)
    assert caught.value.hint == "complete it with: git fetch --unshallow"


def test_a_partial_clone_is_never_fetched_into(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    run_git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{project.path}", "partial")
    before = digest_everything(tmp_path / "partial")
    assert laid_out(resolved(tmp_path / "partial"), settings) == content(project.path)
    with pytest.raises(SourceError, match="is a partial clone that lacks content"):
        laid_out(resolved(tmp_path / "partial", "v1"), settings)
    assert digest_everything(tmp_path / "partial") == before


def test_a_sparse_checkout_is_what_stands_there(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.git("sparse-checkout", "set", "--no-cone", "/MLproject")
    expected = content(project.path)
    assert list(expected) == ["MLproject"]
    assert laid_out(resolved(project.path), settings) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_somebody_elses_repository(
    project: Repository, resolved: Resolve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    os.chown(project.path, 12345, 12345)
    for version in (None, "main"):
        with pytest.raises(SourceRefused, match="belongs to somebody else") as caught:
            resolved(project.path, version)
        assert "safe.directory" in str(caught.value.hint)
    trusting = tmp_path / "gitconfig"
    trusting.write_text(f"[safe]\n\tdirectory = {project.path}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(trusting))
    assert resolved(project.path).changes is None


def test_a_damaged_local_repository(project: Repository, resolved: Resolve) -> None:
    for path in (project.path / ".git" / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    with pytest.raises(SourceError, match=r"damaged|empty|no branch") as caught:
        resolved(project.path, "main")
    assert str(project.path) in caught.value.message


def test_our_own_index_may_be_lost_or_broken(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("run.sh", "changed")
    expected = resolved(project.path)
    own = next((settings.cache / "snapshots").glob("project-*[!k]"))
    (own / "index.lock").write_text("")
    assert resolved(project.path) == expected
    (own / "index").write_bytes(b"nonsense")
    assert resolved(project.path) == expected
    shutil.rmtree(settings.cache)
    assert resolved(project.path) == expected


def test_in_place(project: Repository, resolved: Resolve, settings: Settings) -> None:
    project.write("new", "n")
    source = resolved(project.path / "models")
    with checkout(source, settings=settings, progress=Silent(), in_place=True) as made:
        assert made.in_place
        assert (made.root, made.project) == (project.path, project.path / "models")
    assert (project.path / "new").exists()
    source = resolved(project.path, "v1")
    with (
        pytest.raises(RequestError, match="can't be run in place"),
        checkout(source, settings=settings, progress=Silent(), in_place=True),
    ):
        pass
