"""Tests of local repositories: what is captured of them, and that nothing of theirs is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    SourceError,
    SourceNotFound,
    UnknownVersion,
)
from runner.progress import Silent
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.contents import content, digest_everything, laid_out
from tests.support.disks import fill, small_disk
from tests.support.repositories import Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve


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
