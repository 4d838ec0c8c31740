"""What no commit holds is kept whole, the same for the same, and never believed blindly."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    SourceDamaged,
    SourceError,
    SourceTooLarge,
)
from runner.source import bundle
from tests.support.contents import laid_out

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve
    from tests.support.listening import Listener
    from tests.support.repositories import Repository


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
