"""Files are there whole or not at all: full disks, other file systems, hostile folders."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from runner import files
from runner.copying import copy
from tests.support.filesystems import fill, mounted
from tests.support.nobody import as_nobody
from tests.support.processes import wait_until
from tests.support.stand_in import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class TestAtomicWrite:
    """`atomic_write`."""

    def test_it_makes_folders_and_replaces(self, tmp_path: Path) -> None:
        path = tmp_path / "a/b/record.json"
        for content in (b"one", b"two"):
            files.atomic_write(path, content, mode=0o600)
        assert path.read_bytes() == b"two"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert listing(tmp_path) == ["a", "a/b", "a/b/record.json"]

    def test_a_name_as_long_as_can_be(self, tmp_path: Path) -> None:
        path = tmp_path / ("ä" * 127)
        files.atomic_write(path, b"x")
        assert path.read_bytes() == b"x"

    def test_a_link_is_replaced_not_written_through(self, tmp_path: Path) -> None:
        (tmp_path / "other").write_text("other")
        (tmp_path / "link").symlink_to("other")
        files.atomic_write(tmp_path / "link", b"new")
        assert (tmp_path / "other").read_text() == "other"
        assert not (tmp_path / "link").is_symlink()

    def test_a_full_disk_leaves_what_was_there(self, tmp_path: Path) -> None:
        with mounted(tmp_path / "small", size="256k") as small:
            files.atomic_write(small / "record", b"before")
            ballast = fill(small)
            with pytest.raises(OSError, match="No space left"):
                files.atomic_write(small / "record", b"x" * 100_000)
            ballast.unlink()
            assert (small / "record").read_bytes() == b"before"
            assert listing(small) == ["record"]

    def test_a_read_only_folder(self) -> None:
        def tried(folder: Path) -> None:
            (folder / "inner").mkdir(mode=0o555)
            with pytest.raises(PermissionError):
                files.atomic_write(folder / "inner/file", b"x")
            assert listing(folder) == ["inner"]

        as_nobody(tried)

    def test_readers_see_whole_files_while_a_writer_is_killed(self, tmp_path: Path) -> None:
        code = "import sys; from pathlib import Path; from runner import files\n"
        code += "while True:\n for letter in b'ab':\n  "
        code += "files.atomic_write(Path(sys.argv[1]), bytes([letter]) * 1_000_000)"
        path = tmp_path / "file"
        with subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) as writer:
            wait_until(path.exists)
            for _ in range(50):
                content = path.read_bytes()
                assert len(content) == 1_000_000
                assert content.count(content[:1]) == 1_000_000
            writer.send_signal(signal.SIGKILL)
        assert len(path.read_bytes()) == 1_000_000
        others = [name for name in listing(tmp_path) if name != "file"]
        assert all(name.startswith(files.UNFINISHED) for name in others)


class TestMove:
    """`move`, and `copy` below it."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        root = tmp_path / "tree"
        (root / "sub").mkdir(parents=True)
        (root / "sub/program").write_text("#!/bin/sh\n")
        (root / "sub/program").chmod(0o750)
        (root / "link").symlink_to("./sub/../nowhere")
        (root / b"\xff\n".decode(errors="surrogateescape")).write_bytes(b"\0" * 10)
        os.utime(root / "sub/program", ns=(1, 1_500_000_000_123_456_789))
        (root / "sub").chmod(0o555)
        return root

    def facts(self, root: Path) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            link = os.readlink(path) if path.is_symlink() else ""  # noqa: PTH115
            content = path.read_bytes() if path.is_file() else b""
            name = path.relative_to(root)
            found.append((name, status.st_mode, status.st_mtime_ns, link, content))
        return found

    def test_in_one_file_system_it_is_a_rename(self, tree: Path) -> None:
        inode = tree.stat().st_ino
        files.move(tree, tree.with_name("moved"))
        assert tree.with_name("moved").stat().st_ino == inode
        assert not tree.exists()

    def test_to_another_file_system(self, tree: Path, tmp_path: Path) -> None:
        before = self.facts(tree)
        with mounted(tmp_path / "other") as other:
            files.move(tree, other / "moved")
            assert self.facts(other / "moved") == before
            assert listing(other) == [
                "moved",
                *(f"moved/{name}" for name in listing(other / "moved")),
            ]
        assert not tree.exists()

    def test_a_link_is_moved_as_a_link(self, tree: Path, tmp_path: Path) -> None:
        with mounted(tmp_path / "other") as other:
            files.move(tree / "link", other / "link")
            assert os.readlink(other / "link") == "./sub/../nowhere"  # noqa: PTH115
        assert not (tree / "link").is_symlink()

    @pytest.mark.parametrize("to_another", [True, False])
    def test_holes_stay_holes(self, tmp_path: Path, *, to_another: bool) -> None:
        source = tmp_path / "sparse"
        with source.open("wb") as file:
            file.seek(100 << 20)
            file.write(b"middle")
            file.truncate(300 << 20)
        with mounted(tmp_path / "other", size="2m") as other:
            target = (other if to_another else tmp_path) / "target"
            copy(source, target)
            assert target.stat().st_size == 300 << 20
            assert target.stat().st_blocks * 512 < 1 << 20
            with target.open("rb") as file:
                file.seek((100 << 20) - 1)
                assert file.read(8) == b"\0middle\0"

    def test_large_content_arrives(self, tmp_path: Path) -> None:
        content = os.urandom(1 << 20) * 5 + b"end"
        (tmp_path / "file").write_bytes(content)
        with mounted(tmp_path / "other", size="16m") as other:
            files.move(tmp_path / "file", other / "file")
            assert (other / "file").read_bytes() == content

    def test_a_full_disk_leaves_the_source(self, tmp_path: Path) -> None:
        source = tmp_path / "folder"
        source.mkdir()
        for name in ("a", "b", "c"):
            (source / name).write_bytes(b"x" * 100_000)
        with mounted(tmp_path / "small", size="256k") as small:
            with pytest.raises(OSError, match="No space left"):
                files.move(source, small / "folder")
            assert listing(small) == []
        assert listing(source) == ["a", "b", "c"]

    def test_what_is_no_file_is_refused(self, tmp_path: Path) -> None:
        with mounted(tmp_path / "other") as other, socket.socket(socket.AF_UNIX) as listening:
            (tmp_path / "folder").mkdir()
            listening.bind(str(tmp_path / "folder/socket"))
            with pytest.raises(OSError, match="not a file, a folder or a symlink"):
                files.move(tmp_path / "folder", other / "folder")
            assert listing(other) == []
        assert listing(tmp_path / "folder") == ["socket"]

    def test_a_source_that_isnt_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            files.move(tmp_path / "a", tmp_path / "b")

    def test_a_copy_never_replaces(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).write_text(name)
        with pytest.raises(FileExistsError):
            copy(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").read_text() == "b"


class TestLinkOrCopy:
    """`link_or_copy`."""

    def test_it_links(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a")
        files.link_or_copy(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").stat().st_ino == (tmp_path / "a").stat().st_ino

    def test_it_copies_to_another_file_system(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a")
        (tmp_path / "a").chmod(0o444)
        with mounted(tmp_path / "other") as other:
            files.link_or_copy(tmp_path / "a", other / "b")
            assert (other / "b").read_text() == "a"
            assert stat.S_IMODE((other / "b").stat().st_mode) == 0o444
            assert listing(other) == ["b"]

    @pytest.mark.parametrize("to_another", [True, False])
    def test_what_is_there_stays(self, tmp_path: Path, *, to_another: bool) -> None:
        (tmp_path / "a").write_text("a")
        with mounted(tmp_path / "other") as other:
            target = (other if to_another else tmp_path) / "b"
            target.write_text("b")
            with pytest.raises(FileExistsError):
                files.link_or_copy(tmp_path / "a", target)
            assert target.read_text() == "b"


class TestReplaceDirectory:
    """`replace_directory`."""

    def folder(self, path: Path) -> Path:
        path.mkdir()
        (path / "name").write_text(path.name)
        return path

    def test_it_replaces_a_folder_and_nothing(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            files.replace_directory(self.folder(tmp_path / name), tmp_path / "target")
            assert (tmp_path / "target/name").read_text() == name
        assert listing(tmp_path) == ["target", "target/name"]

    def test_without_a_new_one_the_old_one_stays(self, tmp_path: Path) -> None:
        self.folder(tmp_path / "target")
        with pytest.raises(FileNotFoundError):
            files.replace_directory(tmp_path / "new", tmp_path / "target")
        assert listing(tmp_path) == ["target", "target/name"]

    def test_many_at_once_leave_one_whole(self, tmp_path: Path) -> None:
        faults: list[BaseException] = []

        def replace(number: int) -> None:
            try:
                for turn in range(20):
                    new = self.folder(tmp_path / f"{number}-{turn}")
                    files.replace_directory(new, tmp_path / "target")
            except BaseException as fault:  # noqa: BLE001  looked at below
                faults.append(fault)

        threads = [threading.Thread(target=replace, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert listing(tmp_path) == ["target", "target/name"]


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_file(tmp_path / "a") == digest


def test_importing_it_costs_no_slow_library() -> None:
    code = "import sys; from runner import files, locking; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-S", "-c", code], cwd=ROOT, text=True)
    assert not {"shutil", "tempfile", "hashlib", "logging", "inspect"} & set(modules.split())


def test_the_errors_we_expect_are_those_of_this_system(tmp_path: Path) -> None:
    with mounted(tmp_path / "other") as other:
        (tmp_path / "a").touch()
        with pytest.raises(OSError, match="cross-device") as caught:
            os.link(tmp_path / "a", other / "a")
        assert caught.value.errno == errno.EXDEV
