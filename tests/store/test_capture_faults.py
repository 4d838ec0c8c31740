"""Capturing under bad luck: closed files, full disks, other disks, kills, hostile paths."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runner.errors import SourceDamaged, StoreError
from runner.files import remove_tree
from runner.settings import Settings
from runner.store import copies, parallel
from runner.store.records import RecordedFile
from tests.support.disks import fill, small_disk
from tests.support.nobody import as_nobody
from tests.support.runs import make_run
from tests.support.work import Work, paths, sha256

if TYPE_CHECKING:
    from pathlib import Path


def test_files_closed_to_their_owner() -> None:
    def tried(folder: Path) -> None:
        work = Work(folder / "c", Settings(data=folder / "data", cache=folder / "cache"))
        work.write("closed/file", "1").chmod(0)
        work.write("secret", "2").chmod(0)
        (work.root / "closed").chmod(0)
        captured = work.capture(in_place=True)
        assert captured.outputs == ()
        assert captured.warnings == (
            "`closed` can't be listed and is not kept: permission denied",
            "`secret` can't be read and is not kept: permission denied",
        )
        assert (work.root / "secret").stat().st_mode & 0o777 == 0, "the user's own file"
        captured = work.capture("secret")
        assert [(file.path, file.mode) for file in captured.outputs] == [
            ("closed/file", 0),
            ("secret", 0),
        ]
        assert captured.warnings == ()
        assert work.artifact("secret").read_text() == "2"

    as_nobody(tried)


def test_a_checkout_that_the_step_deleted(work: Work) -> None:
    remove_tree(work.root)
    captured = work.capture()
    assert captured.outputs == ()
    assert set(captured.deleted) >= {"kept.txt", "sub/file"}
    assert captured.warnings == (
        "the checkout can't be listed and is not kept: no such file or directory",
    )


@pytest.mark.parametrize("mode", [0o755, 0o000])
def test_a_checkout_that_the_step_replaced_by_a_link(work: Work, mode: int) -> None:
    """What it leads to is somebody else's: not read, not made read-only, not opened up."""
    outside = work.root.with_name("outside")
    outside.mkdir()
    theirs = outside / "theirs"
    theirs.write_text("private")
    theirs.chmod(0o600)
    outside.chmod(mode)
    remove_tree(work.root)
    work.root.symlink_to(outside)
    captured = work.capture()
    assert outside.stat().st_mode & 0o777 == mode
    assert theirs.stat().st_mode & 0o777 == 0o600
    assert captured.outputs == ()
    assert list(work.settings.objects.iterdir()) == []
    assert captured.warnings == (
        "the checkout can't be listed and is not kept: a link is in its place",
    )


def test_a_full_disk_loses_nothing(tmp_path: Path, settings: Settings) -> None:
    with small_disk(settings.data, size="2m"):
        work = Work(tmp_path / "checkout", settings)
        content = os.urandom(1 << 20)
        for number in range(4):
            work.write(f"{number}.bin", content[number:])
        with pytest.raises(StoreError, match="no space left on device") as error:
            work.capture()
        assert str(work.root) in error.value.message
        assert str(work.root) in (error.value.hint or "")
        for number in range(4):
            assert (work.root / f"{number}.bin").read_bytes() == content[number:]
        left = [path.name for path in settings.objects.iterdir()]
        assert not [name for name in left if name.startswith(".")], "nothing half-written"
        for name in left:
            assert sha256((settings.objects / name).read_bytes()) == name


def test_keeping_on_the_same_disk_takes_no_space(tmp_path: Path, settings: Settings) -> None:
    with small_disk(tmp_path / "disk", size="2m") as disk:
        here = replace(settings, data=disk / "home", cache=disk / "cache")
        work = Work(disk / "checkout", here)
        work.write("out.bin", os.urandom(1 << 20))
        fill(disk / "filler")
        assert paths(work.capture()) == ["out.bin"]


def test_a_disk_without_inodes_loses_nothing(tmp_path: Path, settings: Settings) -> None:
    with small_disk(tmp_path / "disk", inodes=100) as disk:
        here = replace(settings, data=disk / "home", cache=disk / "cache")
        work = Work(disk / "checkout", here)
        with contextlib.suppress(OSError):
            for number in range(100):
                work.write(f"out/{number}", f"{number}")
        with pytest.raises(StoreError, match="no space left on device"):
            work.capture()
        made = sorted((work.root / "out").iterdir())
        assert len(made) > 10
        assert all(path.read_text() in {path.name, ""} for path in made)


def test_another_file_system_is_copied(tmp_path: Path, settings: Settings) -> None:
    with small_disk(tmp_path / "disk", size="8m") as disk:
        work = Work(disk / "checkout", settings)
        work.write("out.bin", b"x" * 100_000)
        captured = work.capture()
        assert (work.root / "out.bin").stat().st_nlink == 1
        kept = settings.objects / captured.outputs[0].sha256
        assert kept.read_bytes() == b"x" * 100_000
        assert kept.stat().st_mode & 0o777 == 0o444


def test_a_damaged_object_is_replaced(work: Work) -> None:
    damaged = work.settings.objects / sha256(b"content")
    damaged.write_text("")
    work.write("out.txt", "content")
    work.capture()
    assert damaged.read_text() == "content"


def test_many_threads_capture_the_same(work: Work) -> None:
    for number in range(40):
        work.write(f"out/{number % 4}/{number}.bin", bytes([number % 3]) * (1 << 19))
    captured = work.capture()
    assert len(captured.outputs) == 40
    assert len(list(work.settings.objects.iterdir())) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../../../../etc/passwd", "leaves the run"),
        ("/etc/passwd", "leaves the run"),
        ("link/passwd", "goes through a symbolic link"),
        ("absent", "is gone from"),
        ("link", "is gone from"),
    ],
)
def test_hostile_paths_are_not_read(work: Work, path: str, message: str) -> None:
    work.artifact("").mkdir(parents=True)
    work.artifact("link").symlink_to("/etc")
    run = make_run(directory=work.run_directory)
    with pytest.raises(StoreError, match=message):
        copies.path_of(run, RecordedFile(path, "c" * 64, 1))


def test_killed_in_the_middle_loses_nothing(tmp_path: Path, settings: Settings) -> None:
    work = Work(tmp_path / "checkout", settings)
    for number in range(10):
        work.write(f"{number}.bin", f"content {number}")
    child = os.fork()
    if child == 0:
        links, link = [0], os.link

        def dying(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
            links[0] += 1
            if links[0] == 8:
                os.kill(os.getpid(), signal.SIGKILL)
            link(*arguments, **options)

        os.link = dying
        work.capture()
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    for number in range(10):
        assert (work.root / f"{number}.bin").read_text() == f"content {number}"
    assert 0 < len(list(settings.objects.iterdir())) < 10
    for kept in settings.objects.iterdir():
        assert sha256(kept.read_bytes()) == kept.name
    assert len(work.capture().outputs) == 10, "and it can be done again"


def test_ctrl_c_before_anything_is_kept_loses_nothing(work: Work) -> None:
    """While the checkout is still looked through, which takes seconds where it is large."""

    def interrupted(_path: str) -> bytes:
        raise KeyboardInterrupt

    work.write("out.txt", "an hour's work")
    work.write("kept.txt", "kept")
    rescue = work.root.with_name("rescue")
    with pytest.raises(KeyboardInterrupt) as caught:
        work.capture(original=interrupted, rescues=(rescue,))
    assert caught.value.__notes__ == [f"the step's outputs are in {rescue}"]
    assert (rescue / "out.txt").read_text() == "an hour's work"


def test_a_source_that_can_not_be_read_any_more(work: Work) -> None:
    """Nobody can tell then whether a file was only touched, which is no reason to lose the run."""

    def damaged(_path: str) -> bytes:
        raise SourceDamaged("git was killed")

    work.write("kept.txt", "kept")
    assert paths(work.capture(original=damaged)) == ["kept.txt"]


def test_ctrl_c_ends_the_threads_too() -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.2)

    signal.setitimer(signal.ITIMER_REAL, 0.3)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            parallel.each(work, range(100), weight=lambda _: 1 << 20)
    finally:
        signal.signal(signal.SIGALRM, before)
    time.sleep(1)
    assert len(begun) <= 3 * (os.cpu_count() or 1)
