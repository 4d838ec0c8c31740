"""Tests of submodules: found, fetched, checked out, and kept from reaching into this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import SourceNotFound, SourceRefused, UnknownVersion
from runner.progress import Silent
from runner.source.checkout import checkout
from runner.source.files import open_files
from runner.source.submodules import join
from tests.support.contents import content, digest_everything
from tests.support.repositories import Daemon, Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve
    from tests.support.listening import Listener


@pytest.fixture
def library(base: Path) -> Repository:
    """A repository to be used as a submodule, with one of its own."""
    inner = Repository(base / "inner").write("deep.py", "deep\n")
    inner.commit()
    library = Repository(base / "library").write("lib.py", "one\n")
    library.commit()
    library.submodule("../inner", "vendored inner")
    library.commit()
    return library


@pytest.fixture
def parent(base: Path, library: Repository) -> Repository:
    """A repository with a submodule at a relative address."""
    assert library.head
    repository = Repository(base / "parent").write("MLproject", "name: p\n")
    repository.submodule("../library", "libs/one")
    repository.commit()
    return repository


def test_submodules_of_a_url(
    parent: Repository, library: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(f"{daemon.url}/parent")
    assert source.submodules == {
        "libs/one": library.head,
        "libs/one/vendored inner": run_git(library.path.parent / "inner", "rev-parse", "HEAD"),
    }
    library.write("lib.py", "two\n").commit()
    with (
        open_files(source, settings=settings) as files,
        checkout(source, settings=settings, progress=Silent()) as made,
    ):
        assert files.read("libs/one/lib.py") == b"one\n"
        below = [(entry.path, entry.kind) for entry in files.entries("libs")]
        assert {("one", "folder"), ("one/lib.py", "file")} <= set(below)
        assert ("one/vendored inner/deep.py", "file") in below
        assert files.list_folder("libs/one") == (".gitmodules", "lib.py", "vendored inner")
        assert files.read("libs/one/vendored inner/deep.py") == b"deep\n"
        assert (made.root / "libs/one/lib.py").read_text() == "one\n"
        assert (made.root / "libs/one/vendored inner/deep.py").read_text() == "deep\n"
        assert run_git(made.root, "status", "--short") == ""
        submodule = made.root / "libs" / "one"
        assert run_git(submodule, "rev-parse", "HEAD") == source.submodules["libs/one"]
    seen = daemon.connections
    again = resolved(f"{daemon.url}/parent", source.commit)
    assert again.submodules == source.submodules
    assert daemon.connections == seen, "mirrored submodules need no network"
    assert parent.head == source.commit


def _with_modules(parent: Repository, working: Path) -> Repository:
    run_git(working.parent, "clone", "-q", "--recurse-submodules", str(parent.path), str(working))
    return Repository(working)


def test_submodules_of_a_working_tree(
    parent: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    mine = _with_modules(parent, tmp_path / "mine")
    before = digest_everything(mine.path)
    source = resolved(mine.path)
    assert source.changes is None
    assert source.tree == mine.tree
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert content(made.root) == content(mine.path)
        assert run_git(made.root, "status", "--short") == ""
    assert digest_everything(mine.path) == before

    submodule = Repository(mine.path / "libs" / "one")
    submodule.write("lib.py", "changed\n").write("new", "n")
    Repository(mine.path / "libs/one/vendored inner").write("deep.py", "changed\n")
    before = digest_everything(mine.path)
    dirty = resolved(mine.path)
    assert dirty.changes is not None
    assert dirty.changes.modified == ("libs/one/lib.py", "libs/one/vendored inner/deep.py")
    assert dirty.changes.added == ("libs/one/new",)
    with (
        open_files(dirty, settings=settings) as files,
        checkout(dirty, settings=settings, progress=Silent()) as made,
    ):
        assert files.read("libs/one/lib.py") == b"changed\n"
        assert files.read("libs/one/vendored inner/deep.py") == b"changed\n"
        assert content(made.root) == content(mine.path)
    assert digest_everything(mine.path) == before

    moved = submodule.commit("on another commit")
    elsewhere = resolved(mine.path)
    assert elsewhere.submodules["libs/one"] == moved
    assert elsewhere.tree.startswith("sha256:")
    with checkout(elsewhere, settings=settings, progress=Silent()) as made:
        assert content(made.root) == content(mine.path)


def test_a_committed_version_of_a_local_parent(
    parent: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    mine = _with_modules(parent, tmp_path / "mine")
    for uri in (mine.path, parent.path):
        source = resolved(uri, "main")
        assert set(source.submodules) == {"libs/one", "libs/one/vendored inner"}
        with checkout(source, settings=settings, progress=Silent()) as made:
            assert (made.root / "libs/one/vendored inner/deep.py").read_text() == "deep\n"


def test_a_submodule_that_was_never_fetched_is_told_of(
    parent: Repository,
    resolved: Resolve,
    settings: Settings,
    tmp_path: Path,
    listener: Listener,
) -> None:
    run_git(tmp_path, "clone", "-q", str(parent.path), "bare of modules")
    source = resolved(tmp_path / "bare of modules", progress=listener)
    assert "the submodule `libs/one` is not there" in listener.warnings[0]
    assert listener.hints[0] == "git submodule update --init libs/one"
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert list((made.root / "libs" / "one").iterdir()) == []


def test_a_submodule_that_can_not_be_had(
    parent: Repository, library: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    gone = library.path.rename(library.path.with_name("renamed"))
    with pytest.raises(SourceNotFound) as caught:
        resolved(f"{daemon.url}/parent")
    assert caught.value.message.startswith("the submodule `libs/one`: there is no git repository")
    Repository(gone).git("commit", "-q", "--amend", "-m", "rewritten")
    run_git(gone, "reflog", "expire", "--expire=now", "--all")
    run_git(gone, "gc", "-q", "--prune=now")
    gone.rename(library.path)
    with pytest.raises(UnknownVersion, match=r"the submodule `libs/one`: .* has no branch"):
        resolved(f"{daemon.url}/parent")
    assert parent.head


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc", "points to `file:///etc` on this machine"),
        ("/etc", "points to `/etc` on this machine"),
        ("FILE:///etc", "on this machine"),
        ("ext::sh -c touch% /tmp/x", "asks git to start a program"),
        ("--upload-pack=touch /tmp/x", "looks like an option"),
        ("https://example.org/x.zip", "which is no git URL"),
    ],
)
def test_a_submodule_may_not_reach_into_this_machine(
    url: str, message: str, parent: Repository, daemon: Daemon, resolved: Resolve
) -> None:
    parent.git("config", "-f", ".gitmodules", "submodule.libs/one.url", url)
    parent.commit()
    with pytest.raises(SourceRefused) as caught:
        resolved(f"{daemon.url}/parent")
    assert message in caught.value.message
    assert "libs/one" in caught.value.message


@pytest.mark.parametrize(
    ("base", "relative", "joined"),
    [
        ("https://h/o/parent.git", "../child.git", "https://h/o/child.git"),
        ("https://h/o/parent/", "../../p/child", "https://h/p/child"),
        ("https://u:p@h/o/parent?x=1", "./child", "https://u:p@h/o/parent/child"),
        ("git@h:o/parent.git", "../child.git", "git@h:o/child.git"),
        ("git@h:parent.git", "../child.git", "git@h:child.git"),
        ("/srv/parent", "../child", "/srv/child"),
    ],
)
def test_relative_addresses(base: str, relative: str, joined: str) -> None:
    assert join(base, relative) == joined
