"""Tests of local repositories: what is captured of them, and that nothing of theirs is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    RequestError,
    SourceDamaged,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceTooLarge,
    UnknownVersion,
)
from runner.progress import Silent
from runner.source import bundle
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.disks import fill, small_disk
from tests.support.repositories import Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Source
    from tests.source.conftest import Resolve
    from tests.support.listening import Listener


def digest_everything(root: Path) -> dict[str, tuple[object, bytes]]:
    """Every name, mode, time and byte below `root`, `.git` included."""
    found: dict[str, tuple[object, bytes]] = {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted([*folders, *names, "."]):
            path = os.path.join(folder, name)  # noqa: PTH118
            status = os.lstat(path)
            facts = (status.st_mode, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
            kept = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:  # noqa: PTH123
                    kept = hashlib.sha256(file.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                kept = os.fsencode(os.readlink(path))  # noqa: PTH115
            found[path] = (facts, kept)
    return found


def content(root: Path) -> dict[str, object]:
    """Path → bytes and executable bit, or a link's target; without `.git`."""
    found: dict[str, object] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names + [n for n in folders if os.path.islink(f"{folder}/{n}")]:  # noqa: PTH114
            path = f"{folder}/{name}"
            key = os.path.relpath(path, root)
            if os.path.islink(path):  # noqa: PTH114
                found[key] = os.readlink(path)  # noqa: PTH115
            elif os.path.isfile(path) and name != ".git":  # noqa: PTH113
                with open(path, "rb") as file:  # noqa: PTH123
                    found[key] = (file.read(), bool(os.stat(path).st_mode & 0o100))  # noqa: PTH116
    return found


def laid_out(source: Source, settings: Settings) -> dict[str, object]:
    """The content of a checkout of `source`."""
    with checkout(source, settings=settings, progress=Silent()) as made:
        return content(made.root)


def test_a_clean_repository_is_its_commit(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path)
    assert (source.kind, source.commit, source.tree) == ("git", project.head, project.tree)
    assert (source.branch, source.version, source.changes) == ("main", None, None)
    assert (source.pushed, source.remote) == (False, None)
    assert source.url == f"file://{project.path}"
    assert source.store == project.path / ".git"
    assert laid_out(source, settings) == content(project.path)
    assert resolved(f"file://{project.path}") == source


def test_every_kind_of_change_is_put_back_bit_for_bit(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("gone.txt", "x").write("folder/gone", "y").write("becomes/a-file", "z")
    project.write("link-to-be", "w").write("mode.sh", "echo\n").write("linked/one", "1")
    project.write(".gitignore", "ignored/\n*.tmp\n").commit("third")
    project.write("MLproject", "name: staged\n").git("add", "MLproject")
    project.write("MLproject", "name: staged and changed again\n")
    project.write("run.sh", "echo unstaged\n")
    project.write("new/ü ß\n.txt", b"\0\r\n\xff").write("staged-new", "s").git("add", "staged-new")
    project.write("ignored/out", "no").write("x.tmp", "no").write("forced.tmp", "yes")
    project.git("add", "-f", "forced.tmp")
    project.write("intended", "i").git("add", "-N", "intended")
    (project.path / os.fsdecode(b"latin-\xe9")).write_bytes(b"not utf-8")
    (project.path / "gone.txt").unlink()
    project.git("rm", "-q", "folder/gone")
    shutil.rmtree(project.path / "becomes")
    project.write("becomes", "a file now")
    (project.path / "link-to-be").unlink()
    project.link("link-to-be", "/nowhere/at all").link("new/up", "../run.sh")
    (project.path / "mode.sh").chmod(0o755)
    shutil.rmtree(project.path / "linked")
    project.link("linked", "models")

    expected = {k: v for k, v in content(project.path).items() if k not in {"ignored/out", "x.tmp"}}
    before = digest_everything(project.path)
    source = resolved(project.path)
    assert laid_out(source, settings) == expected
    assert digest_everything(project.path) == before

    assert source.changes is not None
    assert source.commit == project.head
    assert source.tree.startswith("sha256:")
    assert source.changes.deleted == ("becomes/a-file", "folder/gone", "gone.txt", "linked/one")
    assert source.changes.modified == ("MLproject", "link-to-be", "mode.sh", "run.sh")
    assert {"forced.tmp", "intended", "linked", "staged-new"} <= set(source.changes.added)
    stored = settings.objects / source.changes.object
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == source.changes.object
    assert stored.stat().st_size == source.changes.size
    assert stored.stat().st_mode & 0o777 == 0o444


def test_the_same_changes_are_the_same_object(
    project: Repository, resolved: Resolve, tmp_path: Path
) -> None:
    project.write("new", "n").write("run.sh", "changed")
    one = resolved(project.path)
    os.utime(project.path / "new", (1, 1))
    (project.path / "new").chmod(0o600)
    assert resolved(project.path) == one
    shutil.copytree(project.path, tmp_path / "copy", symlinks=True)
    two = resolved(tmp_path / "copy")
    assert (two.changes, two.tree) == (one.changes, one.tree)
    assert two.work_key != one.work_key
    project.write("new", "m")
    assert resolved(project.path).tree != one.tree


def test_changes_that_are_undone_are_no_changes(project: Repository, resolved: Resolve) -> None:
    clean = resolved(project.path)
    project.write("run.sh", "xxxx\n")
    assert resolved(project.path) != clean
    project.write("run.sh", "echo\n", mode=0o755)
    assert resolved(project.path) == clean


def test_a_change_of_the_same_size_and_time_is_seen(project: Repository, resolved: Resolve) -> None:
    path = project.path / "run.sh"
    resolved(project.path)
    status = path.stat()
    path.write_text("ECHO\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    changes = resolved(project.path).changes
    assert changes is not None
    assert changes.modified == ("run.sh",)


@pytest.mark.parametrize("version", [None, "main", "HEAD~1", "v1"])
def test_the_users_repository_is_byte_identical_afterwards(
    version: str | None, project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("run.sh", "changed").write("new", "n")
    os.utime(project.path / "MLproject")  # the user's index is out of date now
    before = digest_everything(project.path)
    source = resolved(project.path, version)
    with open_files(source, settings=settings) as files:
        files.read("MLproject")
    with checkout(source, settings=settings, progress=Silent()) as made:
        run_git(made.root, "status")
        run_git(made.root, "describe", "--tags", "--always")
        run_git(made.root, "gc", "-q", "--prune=now")
        (made.root / "MLproject").write_text("spoilt")
    assert digest_everything(project.path) == before


def test_a_step_that_commits_writes_nothing_into_the_users_repository(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    def bytes_of_everything() -> dict[str, object]:
        return {path: facts[1] for path, facts in digest_everything(project.path).items()}

    before = bytes_of_everything()
    with checkout(resolved(project.path), settings=settings, progress=Silent()) as made:
        (made.root / "MLproject").write_text("made by the step")
        run_git(made.root, "commit", "-qam", "made by the step")
        run_git(made.root, "tag", "made-by-the-step")
        run_git(made.root, "branch", "made-by-the-step")
        assert run_git(made.root, "remote") == ""
    # git may renew the time of an object that the step would have written and that is there.
    assert bytes_of_everything() == before


def test_a_committed_version_leaves_changes_out(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    first = project.git("rev-parse", "HEAD~1")
    project.write("run.sh", "changed").write("new", "n")
    for version, branch in (("v1", None), (first[:8], None), ("main~1", None), ("old", "old")):
        source = resolved(project.path, version)
        assert (source.commit, source.changes, source.branch) == (first, None, branch)
        assert source.version == version
        assert "new" not in laid_out(source, settings)
    with open_files(resolved(project.path, "v1"), settings=settings) as files:
        assert files.read("MLproject") == b"name: first\n"


def test_versions_that_a_local_repository_lacks(project: Repository, resolved: Resolve) -> None:
    with pytest.raises(UnknownVersion) as caught:
        resolved(project.path, "mian")
    assert caught.value.message == f"{project.path} has no branch, tag or commit `mian`"
    assert caught.value.hint == "did you mean `main`?"
    with pytest.raises(UnknownVersion, match="does not go that far"):
        resolved(project.path, "main~9")


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


def test_pushed_and_remote(project: Repository, resolved: Resolve, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "-q", str(project.path), str(clone))
    mine = Repository(clone)
    mine.git("remote", "set-url", "origin", "https://me:s3cret@example.org/o/n.git?token=t0ken")
    source = resolved(clone)
    assert (source.pushed, source.remote) == (True, "https://example.org/o/n.git")
    assert resolved(clone, "HEAD~1").pushed is True
    mine.write("mine", "").commit()
    assert resolved(clone).pushed is False
    assert resolved(clone, "old").commit == project.git("rev-parse", "old")


def test_a_subfolder_of_a_repository(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path / "models", subdirectory="a")
    assert source.subdirectory == "models/a"
    assert source.commit == project.head
    with (
        open_files(source, settings=settings) as files,
        checkout(source, settings=settings, progress=Silent()) as made,
    ):
        assert files.names() == ("train.py",)
        assert files.read("../../MLproject") == b"name: second\n"
        assert made.project == made.root / "models" / "a"
    project.write("new/MLproject", "name: new\n")
    assert resolved(project.path / "new").subdirectory == "new"
    with pytest.raises(SourceNotFound, match="has no directory `models/b`") as caught:
        resolved(project.path, subdirectory="models/b")
    assert caught.value.hint == "did you mean `#models/a`?"
    with pytest.raises(SourceNotFound, match="has no directory `modles`") as caught:
        resolved(project.path, "v1", "modles")
    assert caught.value.hint == "did you mean `#models`?"


def test_a_directory_that_the_repository_ignores_is_one_of_its_own(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write(".gitignore", "scratch/\n").commit()
    project.write("scratch/try/MLproject", "name: try\n")
    source = resolved(project.path / "scratch" / "try")
    assert (source.kind, source.commit, source.subdirectory) == ("directory", None, "")
    assert list(laid_out(source, settings)) == ["MLproject"]


def test_line_endings_identifiers_and_filters_change_nothing(
    base: Path, resolved: Resolve, settings: Settings
) -> None:
    repository = Repository(base / "converted")
    repository.git("config", "core.autocrlf", "true")
    repository.git("config", "filter.up.clean", "touch ../filter-ran; tr a-z A-Z")
    repository.git("config", "filter.up.smudge", "tr A-Z a-z")
    repository.write(".gitattributes", "*.id ident\n*.up filter=up\n*.bat eol=crlf\n")
    repository.write("a.txt", "one\r\ntwo\r\n").write("b.id", "$Id$\n").write("c.up", "lower\n")
    repository.write("d.bat", "rem\r\n").write("e.bat", "rem\r\n").write("f.txt", "lf\n")
    repository.commit()
    for path in repository.path.glob("[a-z]*.*"):
        path.unlink()
    repository.git("checkout", "-q", "--", ".")
    repository.write("e.bat", "rem\n").write("g.up", "new\n")
    (base / "filter-ran").unlink()
    assert b"$Id: " in (repository.path / "b.id").read_bytes()
    assert (repository.path / "f.txt").read_bytes() == b"lf\r\n"

    before = digest_everything(repository.path)
    source = resolved(repository.path)
    assert laid_out(source, settings) == content(repository.path)
    with open_files(source, settings=settings) as files:
        assert files.read("a.txt") == b"one\r\ntwo\r\n"
        assert files.read("e.bat") == b"rem\n"
    assert not (base / "filter-ran").exists()
    assert digest_everything(repository.path) == before


def test_a_version_is_converted_as_git_does_and_no_filter_runs(
    base: Path, resolved: Resolve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(base / "converted")
    repository.write(".gitattributes", "*.bat eol=crlf\n*.up filter=up\n")
    repository.write("d.bat", "rem\n").write("c.up", "lower\n").commit()
    everybody = base / "gitconfig"
    everybody.write_text(
        f'[filter "up"]\n\tsmudge = touch {base}/filter-ran; cat\n\trequired = true\n'
        "[core]\n\tautocrlf = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(everybody))
    laid = laid_out(resolved(repository.path, "main"), settings)
    assert laid["d.bat"] == (b"rem\r\n", False)
    assert laid["c.up"] == (b"lower\n", False)
    assert not (base / "filter-ran").exists()


def test_a_local_repository_runs_no_program_of_its_own(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    project.git("config", "core.fsmonitor", f"touch {mark}")
    project.git("config", "core.sshCommand", f"touch {mark}")
    project.git("config", "core.hooksPath", str(project.path / "hooks"))
    project.git("config", "diff.external", f"touch {mark}")
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        project.write(f"hooks/{hook}", f"#!/bin/sh\ntouch {mark}\n", mode=0o755)
        (project.path / ".git/hooks").mkdir(exist_ok=True)
        shutil.copy(project.path / f"hooks/{hook}", project.path / f".git/hooks/{hook}")
    project.write("run.sh", "changed")
    for version in (None, "main~1"):
        laid_out(resolved(project.path, version), settings)
    assert not mark.exists()


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


def test_sockets_and_pipes_are_left_out_with_a_word(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path, listener: Listener
) -> None:
    (tmp_path / "plain").mkdir()
    os.mkfifo(tmp_path / "plain" / "pipe")
    (project.path / "run.sh").unlink()
    os.mkfifo(project.path / "run.sh")
    for place in (tmp_path / "plain", project.path):
        laid_out(resolved(place, progress=listener), settings)
    assert "`pipe` is a socket, a pipe or a device, and is left out" in listener.warnings
    assert "`run.sh` is a socket, a pipe or a device, and is left out" in listener.warnings


def test_more_than_a_snapshot_may_have_is_refused(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    for name, size in (("large.bin", 900 << 20), ("second.bin", 200 << 20)):
        with (project.path / name).open("wb") as file:
            file.truncate(size)
    with pytest.raises(SourceTooLarge) as caught:
        resolved(project.path)
    assert "1100.0 MiB that no commit holds, more than the 1024.0 MiB" in caught.value.message
    assert [line.split()[-1] for line in caught.value.details] == ["large.bin", "second.bin"]
    assert "--in-place" in str(caught.value.hint)
    assert not settings.objects.exists()
    project.write(".gitignore", "*.bin\n")
    assert resolved(project.path).changes is not None


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


def test_a_home_without_room_or_rights(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("new", "n")
    settings.data.write_text("a file where the home should be")
    with pytest.raises(SourceError, match="can't keep a snapshot in") as caught:
        resolved(project.path)
    assert "REPRUN_HOME" in str(caught.value.hint)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "log").write_text("one\n")
    entry = bundle.entry_at(tmp_path, "log")
    assert entry is not None
    for text in ("one\ntwo\n", "o"):
        (tmp_path / "log").write_text(text)
        with pytest.raises(SourceError, match="`log`"):
            bundle.store([entry], [], settings=settings)
    assert list(settings.objects.iterdir()) == []


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", ".git/hooks/x"])
def test_a_snapshot_that_was_tampered_with(path: str, tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "x").write_text("x")
    entry = bundle.entry_at(tmp_path, "x")
    assert entry is not None
    evil = bundle.Entry(path, "file", 1, open=entry.open)
    digest, _ = bundle.store([evil], [], settings=settings)
    with pytest.raises(SourceDamaged, match="holds the path"):
        bundle.Bundle(settings.objects / digest)


def test_a_snapshot_whose_bytes_changed(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("new", "n")
    source = resolved(project.path)
    assert source.changes is not None
    stored = settings.objects / source.changes.object
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes().replace(b"n\0", b"m\0", 1))
    with pytest.raises(SourceDamaged, match="is not what its name says"):
        laid_out(source, settings)
    stored.unlink()
    with pytest.raises(SourceDamaged, match="is not in"):
        laid_out(source, settings)


def test_a_full_cache_is_named(project: Repository, resolved: Resolve, settings: Settings) -> None:
    with small_disk(settings.cache, size="1m"):
        fill(settings.cache / "filler")
        with pytest.raises(
            SourceError, match=r"^can't write .*: no space left on device$"
        ) as caught:
            resolved(project.path)
        assert str(settings.cache / "snapshots") in caught.value.message
        assert caught.value.hint == "make room, or set REPRUN_CACHE to a folder that can be written"
    assert resolved(project.path).commit, "nothing half-written is in the way"
