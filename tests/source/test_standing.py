"""A project's manifest is read where it stands: nothing is captured, no link leads out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import SourceError, SourceNotFound
from runner.source.standing import look
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path


def test_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("a")
    files = look(".", "", caller=tmp_path)
    assert files is not None
    assert files.names() == ("a.txt", "b")
    assert files.read("a.txt") == b"a"
    assert files.read("b") is None
    assert files.read("gone") is None
    assert files.tree_digest("gone") is None
    assert files.tree_digest("b") is not None


def test_only_the_source_is_read(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository").write("top.txt", "top")
    repository.write("project/MLproject", "").link("project/out", "../../secret")
    (tmp_path / "secret").write_text("secret")
    files = look(str(repository.path), "project", caller=tmp_path)
    assert files is not None
    assert files.read("../top.txt") == b"top"
    for path in ("out", "../../secret", str(tmp_path / "secret")):
        with pytest.raises(SourceError, match="is outside of the source"):
            files.read(path)


def test_entries_stay_in_the_source(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository").write("project/a/b", "b", mode=0o755)
    repository.write("top", "t").link("project/out", "../..").commit()
    files = look(str(repository.path), "project", caller=tmp_path)
    assert files is not None
    found = [(entry.path, entry.kind, entry.target) for entry in files.entries(".")]
    assert found == [("a", "folder", ""), ("a/b", "program", ""), ("out", "link", "../..")]
    assert [entry.path for entry in files.entries("../")][:2] == ["project", "project/a"]
    (entry,) = files.entries("a")
    with entry.open() as file:
        assert file.read() == b"b"
    with pytest.raises(SourceError, match="is outside of the source"):
        next(files.entries("out"))


def test_what_stands_nowhere(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit()
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert look("bare", "", caller=tmp_path) is None
    assert look("https://example.org/x", "", caller=tmp_path) is None
    with pytest.raises(SourceNotFound, match="has no directory `gone`") as caught:
        look("repository", "gone", caller=tmp_path)
    assert ".git" not in (caught.value.hint or "")
