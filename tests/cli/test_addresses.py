"""A project is run from wherever it lies: a URL, a repository, a directory, an archive."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.repositories import Repository
from tests.support.web import serve_http

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Served
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def _zip(at: Path, *, below: str = "") -> Path:
    with zipfile.ZipFile(at, "w") as archive:
        archive.writestr(f"{below}MLproject", samples.MANIFEST)
        archive.writestr(f"{below}main.py", samples.MAIN)
    return at


def test_a_git_url_at_a_branch_and_at_a_commit_without_network(
    reprun: Program, served: Served
) -> None:
    first = reprun.record(served.url, *LOCAL, "-v", "main")
    assert first["source"] | {"kind": "git", "url": served.url, "branch": "main"} == first["source"]
    assert first["source"]["commit"] == served.repository.head
    assert first["source"]["tree"] == served.repository.tree
    assert first["source"]["pushed"] is True
    served.daemon.stop()
    again = reprun.record(served.url, *LOCAL, "-v", served.repository.head)
    assert again["source"]["commit"] == first["source"]["commit"]
    assert again["outputs"] == first["outputs"]


def test_a_subdirectory_of_a_git_url(reprun: Program, served: Served) -> None:
    samples.lay(served.repository.path / "models" / "one", main_py="print('below')")
    served.repository.commit()
    record = reprun.record(f"{served.url}#models/one", *LOCAL, "-e", "main.py")
    assert record["source"]["subdirectory"] == "models/one"
    assert reprun("runs", "logs").out == "below\n"


def test_a_local_repository_with_what_is_not_committed(reprun: Program) -> None:
    repository = samples.commit(reprun.directory)
    (reprun.directory / "main.py").write_text("print('changed')")
    record = reprun.record(".", *LOCAL, "-e", "main.py")
    assert record["source"]["commit"] == repository.head
    assert record["source"]["branch"] == "main"
    assert record["source"]["pushed"] is False
    assert record["source"]["changes"]["modified"] == ["main.py"]
    assert reprun("runs", "logs").out == "changed\n"


def test_a_file_url_is_a_local_repository(reprun: Program) -> None:
    repository = samples.commit(reprun.directory)
    record = reprun.record(f"file://{reprun.directory}", *LOCAL)
    assert record["source"]["commit"] == repository.head


def test_a_plain_directory(reprun: Program, sample: Path) -> None:
    record = reprun.record(str(sample), *LOCAL)
    assert record["source"]["kind"] == "directory"
    assert record["source"]["commit"] is None
    assert record["source"]["changes"]["added"] == ["MLproject", "main.py"]


@pytest.mark.parametrize("below", ["", "project-1.0/"])
def test_a_local_zip(reprun: Program, below: str) -> None:
    _zip(reprun.directory / "project.zip", below=below)
    record = reprun.record("project.zip", *LOCAL)
    assert record["source"]["kind"] == "archive"
    assert record["metrics"] == {"length": 5}


def test_a_zip_behind_http(reprun: Program, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    _zip(tmp_path / "site" / "project.zip")
    with serve_http(tmp_path / "site") as server:
        record = reprun.record(f"{server.url}/project.zip", *LOCAL)
    assert record["source"]["kind"] == "archive"
    assert record["source"]["url"] == f"{server.url}/project.zip"


def test_an_http_address_is_warned_of(reprun: Program, tmp_path: Path) -> None:
    samples.commit(tmp_path / "site" / "sample")
    with serve_http(tmp_path / "site") as server:
        said = reprun("run", f"{server.url}/sample", *LOCAL)
    assert said.code == 0
    assert "warning: " in said.err
    assert "http" in said.err


def test_paths_with_spaces_and_letters_of_other_languages(tmp_path: Path, reprun: Program) -> None:
    place = tmp_path / "Jürgens Äpfel & 数据"
    reprun.home = place / "daheim ☂"
    reprun.variables["REPRUN_HOME"] = str(reprun.home)
    samples.commit(place / "mein projekt", dätá_txt="x")
    (reprun.directory / "größe 1.csv").write_text("1")
    values = ("-P", "alpha=1", "-P", "data=größe 1.csv")
    record = reprun.record(f"{place}/mein projekt", "-e", "need", *values)
    assert record["inputs"][0]["path"].endswith("größe 1.csv")
    assert "error" not in reprun("runs", "show").err
    Repository(place / "mein projekt").write("ö/ü.txt", "new")
    assert reprun.record(f"{place}/mein projekt")["source"]["changes"]["added"] == ["ö/ü.txt"]
    assert reprun("shell", "latest", "-c", "ls ö").out == "ü.txt\n"
