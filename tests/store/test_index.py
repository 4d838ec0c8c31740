"""The index: derived, healed, rebuilt; never right where the records say otherwise."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.progress import Silent
from runner.store import encoding, index, layout, pending, runs, summaries
from runner.store.summaries import Filter
from tests.store.test_runs import begin, python
from tests.support.disks import read_only
from tests.support.listening import Listener
from tests.support.runs import ENDED, ended_run, make_run

if TYPE_CHECKING:
    from runner.settings import Settings
    from runner.store.summaries import Summary


def listed(settings: Settings, wanted: Filter | None = None) -> list[Summary]:
    return index.list_runs(wanted or Filter(), settings=settings, progress=Silent())


def ids(settings: Settings, wanted: Filter | None = None) -> list[str]:
    return [summary.id for summary in listed(settings, wanted)]


def three_runs(settings: Settings) -> None:
    for number, entry_point in enumerate(["train", "train", "evaluate"]):
        run = begin(
            settings,
            id=f"r{number}",
            started=f"2026-05-01T12:00:0{number}.000Z",
            entry_point=entry_point,
            experiment="a" if number else "b",
            experiment_id=f"{number}",
            tags={"n": str(number), "caf\udce9": "\udcff"},
        )
        if number:
            runs.finish(replace(run, **ENDED), settings=settings)


def test_no_store_has_no_runs(settings: Settings) -> None:
    assert listed(settings) == []
    assert not settings.data.exists()


def test_filters_and_order(settings: Settings) -> None:
    three_runs(settings)
    assert ids(settings) == ["r2", "r1", "r0"]
    chosen = {
        "limit": ["r2"],
        "train": ["r1", "r0"],
        "running": ["r0"],
        "a": ["r2", "r1"],
        "by id": ["r2"],
        "tag": ["r1"],
        "any tag": ["r2", "r1", "r0"],
        "no tag": [],
        "source": ["r2", "r1", "r0"],
        "oldest": ["r0", "r1", "r2"],
    }
    filters = {
        "limit": Filter(limit=1),
        "train": Filter(entry_point="train"),
        "running": Filter(status="running"),
        "a": Filter(experiment="a"),
        "by id": Filter(experiment="2"),
        "tag": Filter(tag=("n", "1")),
        "any tag": Filter(tag=("n", None)),
        "no tag": Filter(tag=("m", None)),
        "source": Filter(source="example.org"),
        "oldest": Filter(newest_first=False),
    }
    assert {name: ids(settings, wanted) for name, wanted in filters.items()} == chosen


def test_a_summary_survives_the_index(settings: Settings) -> None:
    run = begin(settings, metrics={"loss": float("inf")}, tags={"caf\udce9": "x"})
    expected = summaries.summarise(run)
    assert listed(settings) == [expected]
    assert summaries.to_json(expected)["metrics"] == {"loss": "Infinity"}


def test_marks_are_taken_once_the_index_knows(settings: Settings) -> None:
    three_runs(settings)
    assert len(pending.marks(settings)) == 5
    listed(settings)
    assert pending.marks(settings) == []


def test_deleted_index_comes_back(settings: Settings) -> None:
    three_runs(settings)
    expected = listed(settings)
    settings.index.unlink()
    assert listed(settings) == expected


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 99])
def test_a_foreign_file_is_replaced(settings: Settings, content: bytes) -> None:
    three_runs(settings)
    expected = listed(settings)
    settings.index.write_bytes(content)
    assert listed(settings) == expected


def test_an_index_of_another_version_or_program_is_rebuilt(settings: Settings) -> None:
    three_runs(settings)
    expected = listed(settings)
    for pragma in ("user_version = 99", "application_id = 5"):
        with sqlite3.connect(settings.index) as database:
            database.execute(f"PRAGMA {pragma}")
            database.execute("DELETE FROM runs")
        database.close()
        assert listed(settings) == expected


def test_a_damaged_index_is_rebuilt(settings: Settings) -> None:
    three_runs(settings)
    expected = listed(settings)
    whole = settings.index.read_bytes()
    for start in range(4096, len(whole), 4096):
        settings.index.write_bytes(whole[:start] + b"\xa5" * 4096 + whole[start + 4096 :])
        assert listed(settings) == expected
    settings.index.write_bytes(whole[: len(whole) // 2])
    assert listed(settings) == expected


def test_a_locked_index_is_replaced(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    three_runs(settings)
    expected = listed(settings)
    monkeypatch.setattr("runner.store.tables.BUSY_S", 0.1)
    stranger = sqlite3.connect(settings.index)
    stranger.execute("BEGIN EXCLUSIVE")
    try:
        assert listed(settings) == expected
    finally:
        stranger.close()
    assert listed(settings) == expected


def test_records_win_over_the_index(settings: Settings) -> None:
    three_runs(settings)
    listed(settings)
    record = settings.runs / "r2" / "record.json"
    changed = replace(runs.load(record), status="failed", entry_point="other")
    record.write_text(encoding.to_text(changed))
    assert listed(settings)[0].status == "failed"
    assert ids(settings, Filter(entry_point="evaluate")) == []
    record.unlink()
    assert ids(settings) == ["r1", "r0"]


def test_folders_that_come_and_go_are_noticed(settings: Settings) -> None:
    three_runs(settings)
    listed(settings)
    (settings.runs / "r1").rename(settings.data / "r1")
    assert ids(settings) == ["r2", "r0"]
    (settings.data / "r1").rename(settings.runs / "r1")
    assert ids(settings) == ["r2", "r1", "r0"]
    runs.delete(["r1"], settings=settings)
    assert ids(settings) == ["r2", "r0"]


def test_a_broken_record_is_left_out_with_a_warning(settings: Settings) -> None:
    three_runs(settings)
    (settings.runs / "r1" / "record.json").write_text("{")
    heard = Listener()
    found = index.list_runs(Filter(), settings=settings, progress=heard)
    assert [summary.id for summary in found] == ["r2", "r0"]
    assert "a run is left out" in heard.warnings[0]
    assert "r1/record.json:1:2: the record is cut off" in heard.warnings[0]


def test_a_run_killed_between_record_and_index_is_listed(settings: Settings) -> None:
    three_runs(settings)
    listed(settings)
    process = python(
        """
        from msgspec.structs import replace
        from tests.support.runs import ENDED
        run = runs.load_id("r0", settings)
        with pending.marked("r0", settings):
            text = encoding.to_text(replace(run, **ENDED)).encode()
            from runner import files
            files.atomic_write(settings.runs / "r0" / "record.json", text)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        settings,
    )
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert ids(settings, Filter(status="running")) == []
    assert len(ids(settings, Filter(status="finished"))) == 3
    assert pending.marks(settings) == []


def test_a_mark_stays_while_its_writer_works(settings: Settings) -> None:
    three_runs(settings)
    with pending.marked("r0", settings):
        assert listed(settings)[2].status == "running"
        assert len(pending.marks(settings)) == 1
        (settings.runs / "r0" / "record.json").write_text(
            encoding.to_text(ended_run(id="r0", started="2026-05-01T12:00:00.000Z"))
        )
    assert ids(settings, Filter(status="running")) == []
    assert pending.marks(settings) == []


def test_killed_while_it_rebuilds(settings: Settings) -> None:
    three_runs(settings)
    process = python(
        """
        from runner.progress import Silent
        from runner.store import index, tables
        tables.remember = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        index.refresh(settings=settings, progress=Silent())
        """,
        settings,
    )
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert ids(settings) == ["r2", "r1", "r0"]


def test_two_listings_and_two_writers_at_once(settings: Settings) -> None:
    layout.prepare(settings)
    writer = """
        from msgspec.structs import replace
        from tests.support.runs import ENDED
        for number in range(40):
            run = runs.begin(make_run(), lock_text="", settings=settings)
            runs.finish(replace(run, **ENDED), settings=settings)
        """
    lister = """
        from runner.progress import Silent
        from runner.store import index
        from runner.store.summaries import Filter
        for number in range(40):
            index.list_runs(Filter(), settings=settings, progress=Silent())
        """
    processes = [python(code, settings) for code in (writer, lister, writer, lister)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(ids(settings, Filter(status="finished"))) == 80
    assert pending.marks(settings) == []


def test_a_sweep_does_not_leave_it_all_to_the_first_listing(settings: Settings) -> None:
    layout.prepare(settings)
    for _ in range(150):
        run = runs.begin(make_run(), lock_text="", settings=settings)
        runs.finish(replace(run, **ENDED), settings=settings)
    assert len(pending.marks(settings)) < 257
    assert len(ids(settings)) == 150


def test_a_read_only_home_is_listed(settings: Settings) -> None:
    three_runs(settings)
    with read_only(settings.data):
        assert ids(settings) == ["r2", "r1", "r0"]
    listed(settings)
    with read_only(settings.data):
        assert ids(settings) == ["r2", "r1", "r0"]


def test_threads_may_list_too(settings: Settings) -> None:
    three_runs(settings)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(ids(settings)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3, 3, 3, 3]


def test_a_writer_never_pays_for_sqlite(settings: Settings) -> None:
    layout.prepare(settings)
    process = python(
        """
        runs.begin(make_run(), lock_text="", settings=settings)
        print("sqlite3" in sys.modules)
        """,
        settings,
    )
    assert process.communicate(timeout=30)[0] == "False\n"
    assert os.listdir(layout.pending_directory(settings))  # noqa: PTH208


def test_children_are_found_by_their_parent(settings: Settings) -> None:
    for number, parent in enumerate([None, "r0", "r1", "r0", None]):
        run = begin(
            settings,
            id=f"r{number}",
            started=f"2026-05-01T12:00:0{number}.000Z",
            entry_point="main" if parent is None else "inner",
            parent=parent,
        )
        runs.finish(replace(run, **ENDED), settings=settings)
    assert ids(settings, Filter(parent="")) == ["r4", "r0"]
    assert [one.id for one in runs.children("r0", settings)] == ["r1", "r3"]
    assert sorted(runs.with_descendants(["r0"], settings)) == ["r0", "r1", "r2", "r3"]
    assert runs.with_descendants(["r1", "r2"], settings) == ["r1", "r2"]
    runs.delete(["r4"], settings=settings)
    assert runs.find("latest", settings=settings) == "r0", "not what a step started"
    assert runs.find("latest:inner", settings=settings) == "r3"
    assert ids(settings) == ["r3", "r2", "r1", "r0"]


def test_an_index_of_an_earlier_version_is_made_again(settings: Settings) -> None:
    three_runs(settings)
    expected = listed(settings)
    with sqlite3.connect(settings.index) as database:
        database.execute("PRAGMA user_version = 1")
    database.close()
    assert listed(settings) == expected
