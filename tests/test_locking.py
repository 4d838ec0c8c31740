"""Locks exclude, say who has them, and come back when their holder dies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import locking
from tests.support.filesystems import fill, mounted
from tests.support.processes import wait_until
from tests.support.stand_in import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLD = """
import sys, time
from pathlib import Path
from runner import locking
with locking.hold(Path(sys.argv[-1]), waiting=lambda text: print(text, flush=True)):
    print("held", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def holding(path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that takes the lock and keeps it; it says what it does on stdout."""
    argv = [sys.executable, "-c", HOLD, *arguments, str(path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def blocked(pid: int) -> bool:
    """Whether the kernel has the process waiting for a lock."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any(" -> " in line and f" {pid} " in line for line in lines)


def test_another_process_has_it_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "locks/env"
    with holding(path, "run") as other:
        assert said(other) == "held"
        assert locking.try_hold(path) is None
        assert locking.holder(path).startswith(f"process {other.pid} (-c run), since ")
        other.kill()
    lock = locking.try_hold(path)
    assert lock is not None
    lock.release()
    lock.release()


def test_who_waits_is_told_for_whom_and_gets_it_then(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    mine = locking.try_hold(path)
    assert mine is not None
    with holding(path) as other:
        assert said(other).startswith(f"waiting for process {os.getpid()} (")
        mine.release()
        assert said(other) == "held"
        assert locking.try_hold(path) is None


def test_an_address_with_a_password_isnt_signed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holding(path, "https://me:secret@host/") as other:
        assert said(other) == "held"
        assert "secret" not in locking.holder(path)


def test_a_lock_file_that_is_deleted_doesnt_make_two_holders(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    mine = locking.try_hold(path)
    assert mine is not None
    with holding(path) as waiting:
        assert said(waiting).startswith("waiting for")
        wait_until(lambda: blocked(waiting.pid))
        path.unlink()  # somebody clears the cache
        with holding(path) as third:
            assert said(third) == "held"
            mine.release()
            # It waited for the old file, which is nobody's any more, and now waits for the third.
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.3)
        assert said(waiting) == "held"


def test_a_full_disk_has_room_for_a_lock(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", size="128k") as small:
        (small / "lock").touch()
        fill(small)
        lock = locking.try_hold(small / "lock")
        assert lock is not None
        assert locking.try_hold(small / "lock") is None
        assert locking.holder(small / "lock") == "another process"
        lock.release()


def test_a_folder_that_cant_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError), locking.hold(tmp_path / "file/lock", waiting=print):
        pytest.fail("it can't be held")


def test_an_error_inside_gives_it_back(tmp_path: Path) -> None:
    def fail() -> None:
        with locking.hold(tmp_path / "lock", waiting=print):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    lock = locking.try_hold(tmp_path / "lock")
    assert lock is not None
    assert lock.fileno() >= 0
    lock.release()
    with pytest.raises(ValueError, match="the lock was released"):
        lock.fileno()


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with locking.hold(tmp_path / "lock", waiting=lambda _text: None):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: not any(thread.is_alive() for thread in threads))
    assert most == 1


def test_a_child_that_inherits_it_keeps_it(tmp_path: Path) -> None:
    lock = locking.try_hold(tmp_path / "lock")
    assert lock is not None
    with subprocess.Popen(["sleep", "600"], pass_fds=(lock.fileno(),)) as child:
        lock.release()
        assert locking.try_hold(tmp_path / "lock") is None
        child.kill()
    again = locking.try_hold(tmp_path / "lock")
    assert again is not None
    again.release()
