"""Tests of reading a project's files without a checkout."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runner.errors import SourceDamaged, SourceError
from runner.source.files import open_files

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve
    from tests.support.repositories import Repository


def test_files_of_a_commit(project: Repository, resolved: Resolve, settings: Settings) -> None:
    source = resolved(project.path, "main")
    with open_files(source, settings=settings) as files:
        assert files.names() == ("MLproject", "latest", "models", "run.sh")
        assert files.read("MLproject") == b"name: second\n"
        assert files.read("./models//a/../a/train.py") == b"print('a')\n"
        assert files.read("latest") == b"print('a')\n"
        assert files.list_folder("models") == ("a",)
        assert files.is_folder("models")
        assert not files.is_folder("MLproject")
        assert list(files.walk()) == [
            ("MLproject", False),
            ("models/a/train.py", False),
            ("run.sh", True),
        ]
        for path in ("nothing", "models", "models/b/c", "MLproject/x", "new\nline", ".git/config"):
            assert files.read(path) is None


def test_paths_that_leave_the_source(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    project.link("passwd", "/etc/passwd").link("up", "../../x").link("round", "round")
    project.link("far", str(tmp_path))
    source = resolved(project.path)
    with open_files(source, settings=settings) as files:
        for path in ("../x", "models/../../x", "/etc/passwd", "passwd", "up", "far/x"):
            with pytest.raises(SourceError, match=r"leaves|outside"):
                files.read(path)
        assert files.read("round") is None
    below = resolved(project.path, subdirectory="models/a")
    with open_files(below, settings=settings) as files:
        assert files.read("../../run.sh") == b"echo\n"
        assert files.names() == ("train.py",)
        with pytest.raises(SourceError, match="leaves"):
            files.read("../../../x")


def test_local_changes_lie_over_the_commit(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("models/b/new", "n").write("MLproject", "name: third\n")
    project.write("models/c/deep/er", "").commit()
    project.write("models/b/new", "changed").write("extra/one", "1")
    (project.path / "run.sh").unlink()
    shutil.rmtree(project.path / "models" / "c")
    (project.path / "latest").unlink()
    project.link("latest", "extra")
    with open_files(resolved(project.path), settings=settings) as files:
        assert files.names() == ("MLproject", "extra", "latest", "models")
        assert files.list_folder("models") == ("a", "b")
        assert files.read("models/b/new") == b"changed"
        assert files.read("models/a/train.py") == b"print('a')\n"
        assert files.read("latest/one") == b"1"
        assert files.read("run.sh") is None
        assert files.read("models/c/deep/er") is None


def test_tree_digests_are_gits_names(
    project: Repository, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    with open_files(resolved(project.path), settings=settings) as files:
        assert files.tree_digest(".") == project.tree
        assert files.tree_digest("models") == project.git("rev-parse", "HEAD:models")
        assert files.tree_digest("run.sh") == project.git("rev-parse", "HEAD:run.sh")
        assert files.tree_digest("nothing") is None
        clean = files.tree_digest("models")
    # Names that sort differently as files and as folders, programs, links.
    project.write("a/x", "1").write("a.b", "2").write("a-b", "3").write("p", "4", mode=0o755)
    project.link("l", "a/x").write("models/a/train.py", "changed")
    os.replace(project.path / "run.sh", project.path / "run2.sh")  # noqa: PTH105
    shutil.copytree(
        project.path, tmp_path / "plain", ignore=shutil.ignore_patterns(".git"), symlinks=True
    )
    with open_files(resolved(project.path), settings=settings) as files:
        changed = files.tree_digest(".")
        assert files.tree_digest("models") != clean
    with open_files(resolved(tmp_path / "plain"), settings=settings) as files:
        assert files.tree_digest(".") == changed
    project.commit()
    assert changed == project.tree


def test_entries_tell_files_programs_and_links_apart(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    large = os.urandom(3 << 20)
    project.write("large", large).commit()
    project.write("models/b/new", "n", mode=0o755).write("run.sh", "changed")
    with open_files(resolved(project.path), settings=settings) as files:
        found = {entry.path: entry for entry in files.entries(".")}
        assert [(path, entry.kind) for path, entry in found.items()] == [
            ("MLproject", "file"),
            ("large", "file"),
            ("latest", "link"),
            ("models", "folder"),
            ("models/a", "folder"),
            ("models/a/train.py", "file"),
            ("models/b", "folder"),
            ("models/b/new", "program"),
            ("run.sh", "program"),
        ]
        assert found["latest"].target == "models/a/train.py"
        for path, content in (("large", large), ("models/b/new", b"n"), ("MLproject", None)):
            with found[path].open() as file:
                assert file.read() == (files.read(path) if content is None else content)
                assert file.seek(0, os.SEEK_END) == len(files.read(path) or b"")
        assert [entry.path for entry in files.entries("models/b")] == ["new"]
        assert list(files.entries("run.sh")) == list(files.entries("nothing")) == []
        with pytest.raises(SourceError, match="leaves"):
            next(files.entries(".."))
    below = resolved(project.path, subdirectory="models")
    with open_files(below, settings=settings) as files:
        assert "large" in {entry.path for entry in files.entries("..")}


def test_an_object_that_is_gone_is_told_of_when_it_is_opened(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(project.path)
    name = project.git("rev-parse", "HEAD:run.sh")
    (project.path / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with open_files(source, settings=settings) as files:
        (entry,) = [one for one in files.entries(".") if one.path == "run.sh"]
        with pytest.raises(SourceDamaged, match=name):
            entry.open()
