"""Tests of sources that are made again from a record."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.errors import SourceDamaged, SourceError
from runner.progress import Silent
from runner.running.recording import recorded_source
from runner.source.files import open_files
from runner.source.resolve import from_record
from tests.source.test_archives import pack
from tests.support.contents import laid_out
from tests.support.repositories import Daemon, Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Source
    from runner.store.records import RecordedSource
    from tests.source.conftest import Resolve


def recorded(source: Source) -> RecordedSource:
    """What the record of a run of `source` holds."""
    return recorded_source(source, in_place=False)


def test_a_url_without_network_and_without_cache(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    source = resolved(f"{daemon.url}/project", "old", "models/a")
    record = recorded(source)
    expected = laid_out(source, settings)
    seen = daemon.connections
    assert from_record(record, settings=settings, progress=Silent()) == source
    assert daemon.connections == seen
    shutil.rmtree(settings.cache)
    again = from_record(record, settings=settings, progress=Silent())
    assert again == source
    assert laid_out(again, settings) == expected
    project.git("branch", "-D", "old")
    assert from_record(record, settings=settings, progress=Silent()) == source


def test_a_local_directory_with_changes(
    project: Repository, resolved: Resolve, settings: Settings
) -> None:
    project.write("new", "n").write("run.sh", "changed")
    source = resolved(project.path)
    expected = laid_out(source, settings)
    project.write("run.sh", "changed again").commit("later")
    project.write("newer", "m")
    again = from_record(recorded(source), settings=settings, progress=Silent())
    assert again == source
    assert laid_out(again, settings) == expected


def test_a_local_repository_that_is_gone_is_had_from_its_remote(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    run_git(tmp_path, "clone", "-q", f"{daemon.url}/project", "clone")
    clone = Repository(tmp_path / "clone").write("new", "n")
    source = resolved(clone.path)
    assert (source.pushed, source.remote) == (True, f"{daemon.url}/project")
    expected = laid_out(source, settings)
    shutil.rmtree(clone.path)
    again = from_record(recorded(source), settings=settings, progress=Silent())
    assert again.store.parent == settings.mirrors
    assert laid_out(again, settings) == expected
    assert project.head == again.commit


def test_a_commit_that_is_nowhere_any_more(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    record = recorded(resolved(project.path))
    gone = replace(record, commit="f" * 40)
    with pytest.raises(SourceError, match=r"is not in .* any more; it was never pushed"):
        from_record(gone, settings=settings, progress=Silent())
    with pytest.raises(SourceError, match="any more"):
        from_record(
            replace(gone, remote=f"{daemon.url}/project", pushed=True),
            settings=settings,
            progress=Silent(),
        )
    moved = replace(record, url=f"file://{tmp_path}/elsewhere")
    with pytest.raises(SourceError, match="any more; it was never pushed"):
        from_record(moved, settings=settings, progress=Silent())


def test_directories_and_archives_need_only_their_object(
    resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "MLproject").write_text("name: x\n")
    pack(tmp_path / "p.zip", {"top/MLproject": "name: z\n"})
    sources = [resolved(tmp_path / "plain"), resolved(tmp_path / "p.zip")]
    shutil.rmtree(tmp_path / "plain")
    (tmp_path / "p.zip").unlink()
    for source in sources:
        again = from_record(recorded(source), settings=settings, progress=Silent())
        assert laid_out(again, settings) == laid_out(source, settings) != {}
        with open_files(again, settings=settings) as files:
            assert files.names() == ("MLproject",)
        assert source.changes is not None
        (settings.objects / source.changes.object).unlink()
        with pytest.raises(SourceDamaged, match=r"is not in .* any more"):
            from_record(recorded(source), settings=settings, progress=Silent())
        with pytest.raises(SourceDamaged, match="names no snapshot"):
            from_record(
                replace(recorded(source), changes=None), settings=settings, progress=Silent()
            )


def test_a_repository_without_a_commit(
    resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    fresh = Repository(tmp_path / "fresh").write("MLproject", "name: x\n")
    source = resolved(fresh.path)
    shutil.rmtree(fresh.path)
    again = from_record(recorded(source), settings=settings, progress=Silent())
    assert list(laid_out(again, settings)) == ["MLproject"]


def test_submodules_are_found_again(
    base: Path, daemon: Daemon, resolved: Resolve, settings: Settings, tmp_path: Path
) -> None:
    library = Repository(base / "library").write("lib.py", "one\n")
    library.commit()
    parent = Repository(base / "parent").submodule("../library", "lib")
    parent.commit()
    run_git(tmp_path, "clone", "-q", "--recurse-submodules", f"{daemon.url}/parent", "mine")
    (tmp_path / "mine" / "lib" / "lib.py").write_text("changed\n")
    for uri in (f"{daemon.url}/parent", tmp_path / "mine"):
        source = resolved(uri)
        expected = laid_out(source, settings)
        for lost in (settings.cache, tmp_path / "mine"):
            shutil.rmtree(lost, ignore_errors=True)
            again = from_record(recorded(source), settings=settings, progress=Silent())
            assert laid_out(again, settings) == expected
        run_git(tmp_path, "clone", "-q", "--recurse-submodules", f"{daemon.url}/parent", "mine")
        (tmp_path / "mine" / "lib" / "lib.py").write_text("changed\n")


def test_an_unknown_kind(project: Repository, resolved: Resolve, settings: Settings) -> None:
    strange = replace(recorded(resolved(project.path)), kind="svn")
    with pytest.raises(SourceError, match="unknown kind `svn`"):
        from_record(strange, settings=settings, progress=Silent())
