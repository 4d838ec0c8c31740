"""Trees go whole: deep ones, read-only ones, and nothing beside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner import files
from tests.support.nobody import as_nobody

if TYPE_CHECKING:
    from pathlib import Path


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class TestRemoveTree:
    """`remove_tree`."""

    def test_nothing_a_file_and_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept/file").touch()
        (tmp_path / "file").touch()
        (tmp_path / "link").symlink_to("kept")
        (tmp_path / "broken").symlink_to("nowhere")
        for name in ("none", "file", "link", "broken"):
            files.remove_tree(tmp_path / name)
        assert listing(tmp_path) == ["kept", "kept/file"]

    def test_links_in_it_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept/file").touch()
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree/link").symlink_to(tmp_path / "kept")
        os.mkfifo(tmp_path / "tree/pipe")
        files.remove_tree(tmp_path / "tree")
        assert listing(tmp_path) == ["kept", "kept/file"]

    def test_a_tree_deeper_than_a_path_can_name(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        here = os.open(tmp_path / "tree", os.O_RDONLY)
        for _ in range(2500):
            os.mkdir("deep", dir_fd=here)
            inner = os.open("deep", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
        files.remove_tree(tmp_path / "tree")
        assert listing(tmp_path) == []

    def test_read_only_and_unreadable_folders(self) -> None:
        def make_and_remove(folder: Path) -> None:
            top = folder / "tree"
            (top / "a/b").mkdir(parents=True)
            (top / "a/b/file").touch()
            (top / "unreadable/c").mkdir(parents=True)
            for name, mode in (("a/b", 0o555), ("a", 0o500), ("unreadable", 0), ("", 0o400)):
                (top / name).chmod(mode)
            files.remove_tree(top)
            assert listing(folder) == []

        as_nobody(make_and_remove)

    def test_what_is_somebody_elses_is_an_error(self) -> None:
        def theirs(folder: Path) -> None:
            (folder / "theirs").mkdir(mode=0o755)
            (folder / "theirs/file").touch()

        def tried(folder: Path) -> None:
            with pytest.raises(PermissionError):
                files.remove_tree(folder / "theirs")
            assert listing(folder) == ["theirs", "theirs/file"]

        as_nobody(tried, before=theirs)
