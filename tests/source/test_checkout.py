"""Tests of checkouts: a git of their own, slots, leftovers, and nothing outside of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import SourceDamaged, SourceError
from runner.progress import Silent
from runner.source import bundle, lay
from runner.source.checkout import checkout, inside
from tests.support.filesystems import mounted
from tests.support.repositories import Daemon, Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve
    from tests.support.listening import Listener


def test_a_checkout_has_a_git_of_its_own(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(f"{daemon.url}/project", "main")
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert made.root == settings.work / source.work_key / "0"
        assert made.project == made.root
        assert run_git(made.root, "status", "--short", "--branch") == "## HEAD (no branch)"
        assert run_git(made.root, "rev-parse", "HEAD") == project.head
        assert run_git(made.root, "describe", "--tags", "--match=v1").startswith("v1-1-g")
        assert run_git(made.root, "describe").startswith("v1-annotated-1-g")
        assert run_git(made.root, "log", "--format=%s") == "second\nfirst"
        assert run_git(made.root, "remote") == ""
        assert run_git(made.root, "fsck", "--no-dangling") == ""
        assert run_git(made.root, "diff-files") == ""  # the index is fresh
        assert (made.root / "run.sh").stat().st_mode & 0o100
        assert os.readlink(made.root / "latest") == "models/a/train.py"  # noqa: PTH115
        assert (made.root.parent.stat().st_mode | made.root.stat().st_mode) & 0o077 in {0, 0o055}
    assert not made.root.exists()


def test_a_checkout_stands_at_the_same_path_for_every_version(
    daemon: Daemon, project: Repository, resolved: Resolve, settings: Settings
) -> None:
    assert project.head
    roots = set()
    for version in ("main", "v1", "old"):
        source = resolved(f"{daemon.url}/project", version)
        with checkout(source, settings=settings, progress=Silent()) as made:
            roots.add(made.root)
    assert len(roots) == 1


def test_a_slot_that_can_not_be_cleared_is_left_alone(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    """As with what a container wrote as root: the next run must not fail for it."""
    source = resolved(project.path)
    with mounted(settings.work / source.work_key / "0"):
        for _ in range(2):
            with checkout(source, settings=settings, progress=Silent()) as made:
                assert made.root.name == "1"
                assert (made.root / "run.sh").exists()


def test_two_at_once_have_a_slot_each(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path)
    with (
        checkout(source, settings=settings, progress=Silent()) as one,
        checkout(source, settings=settings, progress=Silent()) as two,
    ):
        assert (one.root.name, two.root.name) == ("0", "1")
    with checkout(source, settings=settings, progress=Silent()) as again:
        assert again.root.name == "0"


def test_a_checkout_that_is_moved_away_stays(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    with checkout(resolved(project.path), settings=settings, progress=Silent()) as made:
        made.root.rename(tmp_path / "kept")
    assert run_git(tmp_path / "kept", "status", "--short") == ""


def test_an_error_inside_removes_the_checkout_too(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path)

    def fail() -> None:
        with checkout(source, settings=settings, progress=Silent()) as made:
            (made.root / "models").chmod(0o500)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not (settings.work / source.work_key / "0").exists()


_HOLD = """
import sys, time
from pathlib import Path
from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source.checkout import checkout
from runner.source.resolve import resolve
uri, home = sys.argv[1], Path(sys.argv[2])
settings = Settings(data=home / "home", cache=home / "cache")
source = resolve(Request(uri=uri, caller=home), settings=settings, progress=Silent())
with checkout(source, settings=settings, progress=Silent()) as made:
    print(made.root, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_is_cleared(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(project.path), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    root = process.stdout.readline().decode().strip()
    source = resolved(project.path)
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert made.root.name == "1", "the other one still runs"
    (made.root.parent / "0" / "leftover").write_text("x")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert str(made.root) == root
        assert not (made.root / "leftover").exists()


def test_a_path_with_spaces_and_other_letters(
    tmp_path: Path, resolved: Resolve, settings: Settings
) -> None:
    repository = Repository(tmp_path / 'ein "Projekt" mit ü#1')
    repository.write("ä ö/ß .txt", "x").commit()
    source = resolved(repository.path)
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert (made.root / "ä ö" / "ß .txt").read_text() == "x"
        assert run_git(made.root, "status", "--short") == ""
        assert made.root.parent.name.isascii()


def test_a_home_with_spaces_and_other_letters(
    project: Repository, daemon: Daemon, tmp_path: Path
) -> None:
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.resolve import resolve

    home = tmp_path / 'zu "Hause" ü\\#'
    settings = Settings(data=home / "home", cache=home / "# cache")
    request = Request(uri=f"{daemon.url}/project", caller=tmp_path)
    source = resolve(request, settings=settings, progress=Silent())
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert run_git(made.root, "status", "--short") == ""
        assert run_git(made.root, "rev-parse", "HEAD") == project.head


def test_a_link_out_of_the_checkout_is_not_followed(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    project.link("out", str(tmp_path)).link("up", "..").link("fine", "models").commit()
    for subdirectory in ("out", "up"):
        with pytest.raises(SourceError, match=r"leaves the project's source|outside"):
            resolved(project.path, subdirectory=subdirectory)
    source = resolved(project.path, subdirectory="fine/a")
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert (made.project / "train.py").exists()
        assert inside(made.root, "models/a/train.py") == made.root / "models/a/train.py"
        for path in ("out", "out/x", "up", "../x", "models/../../x", "/etc/passwd"):
            with pytest.raises(SourceError, match="leads out of the checkout"):
                inside(made.root, path)


def test_a_snapshot_is_not_written_through_a_link(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "x").write_text("x")
    entry = bundle.entry_at(tmp_path, "x")
    assert entry is not None
    evil = bundle.Entry("link/x", "file", 1, open=entry.open)
    digest, _ = bundle.store([evil], ["link/kept"], settings=settings)
    opened = bundle.Bundle(settings.objects / digest)
    with pytest.raises(SourceDamaged, match="below `link`, which is no folder"):
        lay.snapshot(opened, tmp_path / "root")
    opened.close()
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept"]


def test_a_commit_that_writes_into_git_is_refused(
    base: Path, resolved: Resolve, settings: Settings
) -> None:
    repository = Repository(base / "evil")
    repository.write("x", "[core]\n").commit()
    blob = repository.git("rev-parse", "HEAD:x")
    for name in (".git", ".."):
        inner = _tree(repository, f"100644 blob {blob}\tconfig")
        outer = _tree(repository, f"040000 tree {inner}\t{name}")
        commit = repository.git("commit-tree", outer, "-m", "evil")
        repository.git("update-ref", "refs/heads/evil", commit)
        source = resolved(repository.path, "evil")
        with (
            pytest.raises(SourceError, match=r"git failed|damaged"),
            checkout(source, settings=settings, progress=Silent()),
        ):
            pass


def _tree(repository: Repository, line: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository.path), "mktree"],
        input=line + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_pointers_of_git_lfs_are_told_of(
    project: Repository, resolved: Resolve, settings: Settings, listener: Listener
) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
    project.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    project.write("a.bin", pointer).write("b.bin", pointer).commit()
    source = resolved(project.path, "main")
    with checkout(source, settings=settings, progress=listener) as made:
        assert (made.root / "a.bin").read_text() == pointer
    assert listener.warnings == [
        "`a.bin` and 1 more is kept by git-lfs: the step finds a pointer in its place"
    ]


def test_a_cache_that_can_not_be_written(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path)
    settings.work.write_text("a file where a folder should be")
    with (
        pytest.raises(SourceError, match="can't lay the project out") as caught,
        checkout(source, settings=settings, progress=Silent()),
    ):
        pass
    assert "REPRUN_CACHE" in str(caught.value.hint)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk(base: Path, daemon: Daemon, tmp_path: Path) -> None:
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.resolve import resolve

    repository = Repository(base / "large")
    repository.write("large.bin", os.urandom(3 << 20)).commit()
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(small)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        tight = Settings(data=tmp_path / "home", cache=small / "cache")
        request = Request(uri=f"{daemon.url}/large", caller=tmp_path)
        source = resolve(request, settings=tight, progress=Silent())
        with (
            pytest.raises(SourceError) as caught,
            checkout(source, settings=tight, progress=Silent()),
        ):
            pass
        _assert_speaks_of_room(caught.value)
        assert not (tight.work / source.work_key / "0").exists()
        repository.write("more.bin", os.urandom(4 << 20)).commit()
        with pytest.raises(SourceError) as caught:
            resolve(request, settings=tight, progress=Silent())
        _assert_speaks_of_room(caught.value)
        again = Request(uri=f"{daemon.url}/large", caller=tmp_path, version=source.commit)
        assert resolve(again, settings=tight, progress=Silent()).commit == source.commit
        local = Settings(data=small / "home", cache=tmp_path / "cache")
        (repository.path / "huge").write_bytes(bytes(6 << 20))
        with pytest.raises(SourceError, match="can't keep a snapshot") as caught:
            resolve(
                Request(uri=str(repository.path), caller=tmp_path),
                settings=local,
                progress=Silent(),
            )
        assert list(local.objects.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def _assert_speaks_of_room(error: SourceError) -> None:
    text = " ".join([error.message, str(error.hint), *error.details]).lower()
    assert "room" in text, text


def test_a_large_repository_is_laid_out_in_parallel(
    base: Path, resolved: Resolve, settings: Settings
) -> None:
    repository = Repository(base / "wide")
    for number in range(500):
        repository.write(f"d{number % 7}/f{number}", f"{number}\n" * 50)
    repository.commit()
    source = resolved(repository.path, "main")
    started = time.perf_counter()
    with checkout(source, settings=settings, progress=Silent()) as made:
        assert time.perf_counter() - started < 10
        assert run_git(made.root, "status", "--short") == ""
        assert len(list(made.root.glob("d*/f*"))) == 500
