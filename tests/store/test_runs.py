"""The life of a record: begun, finished, found, lost, deleted; whoever is killed, and when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from ulid import ULID

from runner.errors import RequestError, SettingsError, StoreError, UnknownRun
from runner.store import encoding, layout, liveness, runs
from runner.store.records import Process, RecordedFile
from tests.support.disks import fill, read_only, small_disk
from tests.support.runs import ENDED, check_schema, ended_run, make_run

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run


def begin(settings: Settings, **different: object) -> Run:
    layout.prepare(settings)
    return runs.begin(make_run(**different), lock_text="six==1\n", settings=settings)


def python(code: str, settings: Settings) -> subprocess.Popen[str]:
    """Another process that works on the same store."""
    preamble = f"""
        import os, signal, sys, time
        from pathlib import Path
        from runner.settings import Settings
        from runner.store import encoding, files, layout, pending, runs
        from tests.support.runs import ended_run, make_run
        settings = Settings(data=Path({str(settings.data)!r}), cache=Path({str(settings.cache)!r}))
        """
    program = textwrap.dedent(preamble).replace("files, ", "") + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def finished_in_time(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=30)
    return output


def test_ids_are_ulids_that_sort_by_time() -> None:
    ids = [layout.new_id() for _ in range(2000)]
    assert ids == sorted(set(ids))
    assert all(name == name.lower() and layout.is_id(name) for name in ids)
    parsed = ULID.from_str(ids[0].upper())
    assert abs(parsed.timestamp - time.time()) < 60


def test_begin_and_finish(settings: Settings) -> None:
    run = begin(settings)
    assert run.directory is not None
    assert (run.directory / "lock").read_text() == "six==1\n"
    record = json.loads((run.directory / "record.json").read_text())
    check_schema(record)
    assert record["status"] == "running"
    assert run.process is not None
    assert run.process.pid == os.getpid()
    done = runs.finish(replace(run, **ENDED), settings=settings)
    assert runs.read(run.id, settings=settings) == done
    assert sorted(path.name for path in run.directory.iterdir()) == ["lock", "record.json"]
    check_schema(json.loads((run.directory / "record.json").read_text()))


def test_a_folder_with_logs_may_be_there_before_the_record(settings: Settings) -> None:
    layout.prepare(settings)
    run = make_run()
    logs = settings.runs / run.id
    logs.mkdir()
    (logs / "stdout.log").write_text("x")
    runs.begin(run, lock_text="", settings=settings)
    assert (logs / "stdout.log").read_text() == "x"
    with pytest.raises(StoreError, match=f"run {run.id} is recorded already") as error:
        runs.begin(run, lock_text="", settings=settings)
    assert error.value.hint == "choose another --run-id, or none"


def test_two_processes_cannot_take_one_id(settings: Settings) -> None:
    layout.prepare(settings)
    code = """
        print("ready", flush=True)
        try:
            run = runs.begin(make_run(id="mine"), lock_text="", settings=settings)
            print("won")
            time.sleep(1)
        except Exception as error:
            print(error)
        """
    both = [python(code, settings), python(code, settings)]
    said = sorted(finished_in_time(process).split("\n")[1] for process in both)
    assert said == ["run mine is recorded already", "won"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", ".x", "a" * 65, "a b"])
def test_ids_that_cannot_name_a_folder(name: str, settings: Settings) -> None:
    with pytest.raises(RequestError, match="can't be a run id"):
        begin(settings, id=name)
    assert not any(settings.runs.iterdir())


def test_find(settings: Settings) -> None:
    first = begin(settings, id="01abcd", started="2026-05-01T12:00:00.000Z", entry_point="a")
    second = begin(settings, id="01abxy", started="2026-05-01T12:00:01.000Z", entry_point="b/c.py")
    assert runs.find("01abC", settings=settings) == first.id
    assert runs.find("01ABXY", settings=settings) == second.id
    assert runs.find("latest", settings=settings) == second.id
    assert runs.find("LATEST:a", settings=settings) == first.id
    assert runs.find("latest:b/c.py", settings=settings) == second.id
    assert first.directory is not None
    for path in (first.directory, first.directory / "record.json"):
        assert runs.find(str(path), settings=settings) == first.id
        assert runs.read(path, settings=settings).id == first.id
    with pytest.raises(UnknownRun, match="`01ab` could be 2 runs: 01abxy, 01abcd") as error:
        runs.find("01ab", settings=settings)
    assert error.value.hint == "type more of the id"
    assert error.value.exit_code == 2
    with pytest.raises(UnknownRun, match="no run is called `zz`") as error:
        runs.find("zz", settings=settings)
    assert error.value.hint == "`reprun runs list` shows all; the latest are 01abxy, 01abcd"
    with pytest.raises(UnknownRun, match="there is no run of `nope` yet") as error:
        runs.find("latest:nope", settings=settings)
    assert error.value.hint == "there are runs of a, b/c.py"
    with pytest.raises(UnknownRun, match="no record at /nowhere/record"):
        runs.find("/nowhere/record.json", settings=settings)
    with pytest.raises(UnknownRun, match="could be 2 runs"):
        runs.find("", settings=settings)


def test_an_exact_id_is_found_although_it_begins_another(settings: Settings) -> None:
    begin(settings, id="run")
    begin(settings, id="run-2")
    assert runs.find("run", settings=settings) == "run"


def test_an_empty_store_says_so(settings: Settings) -> None:
    for name in ("x", "latest"):
        with pytest.raises(UnknownRun) as error:
            runs.find(name, settings=settings)
        assert "reprun run ." in (error.value.hint or "")


def test_a_record_from_elsewhere_is_read_but_not_of_this_store(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "sent.json"
    file.write_text(encoding.to_text(ended_run(id="theirs")))
    assert runs.read(file, settings=settings).id == "theirs"
    with pytest.raises(UnknownRun, match="lies outside of the store"):
        runs.find(str(file), settings=settings)


def test_a_swapped_record_is_noticed(settings: Settings) -> None:
    run = begin(settings, id="one")
    assert run.directory is not None
    (run.directory / "record.json").write_text(encoding.to_text(ended_run(id="two")))
    with pytest.raises(StoreError, match="the record is of run two"):
        runs.read("one", settings=settings)


def test_a_killed_process_leaves_a_lost_run(settings: Settings) -> None:
    layout.prepare(settings)
    process = python(
        """
        run = runs.begin(make_run(id="gone"), lock_text="", settings=settings)
        print("begun", flush=True)
        time.sleep(60)
        """,
        settings,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    assert runs.read("gone", settings=settings).status == "running"
    assert runs.settle(settings) == ()
    with pytest.raises(StoreError, match=f"run gone is still running .process {process.pid}."):
        runs.delete(["gone"], settings=settings)
    process.kill()
    process.communicate()
    lost = runs.settle(settings)
    assert [run.status for run in lost] == ["lost"]
    assert f"process {process.pid}" in (lost[0].reason or "")
    assert runs.read("gone", settings=settings).status == "lost"
    check_schema(json.loads((settings.runs / "gone" / "record.json").read_text()))
    runs.delete(["gone"], settings=settings)
    assert not (settings.runs / "gone").exists()


def test_whose_process_counts() -> None:
    mine = liveness.current_process()
    assert not liveness.is_gone(mine)
    assert liveness.is_gone(replace(mine, started=mine.started - 5))
    assert liveness.is_gone(replace(mine, boot="another"))
    assert not liveness.is_gone(replace(mine, host="elsewhere", pid=999_999_999))
    assert not liveness.is_gone(replace(mine, namespace="pid:[1]", pid=999_999_999))
    child = subprocess.Popen(["sleep", "60"])
    seen = Process(mine.host, child.pid, liveness._started(child.pid) or 0)
    assert not liveness.is_gone(seen)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert liveness.is_gone(seen), "a zombie looks after nothing"
    child.wait()
    assert liveness.is_gone(seen)


def test_a_lost_run_in_a_read_only_home_is_shown_as_lost(settings: Settings) -> None:
    run = begin(settings, process=replace(liveness.current_process(), boot="another"))
    with read_only(settings.data):
        assert runs.read(run.id, settings=settings).status == "lost"


def test_delete_keeps_to_its_run(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    run = begin(settings, id="bad")
    assert run.directory is not None
    hostile = ended_run(id="bad", outputs=(RecordedFile("../../../outside/precious", "c" * 64, 1),))
    (run.directory / "record.json").write_text(encoding.to_text(hostile))
    (run.directory / "artifacts").mkdir()
    (run.directory / "artifacts" / "link").symlink_to(outside)
    with pytest.raises(StoreError, match="must be a path inside the source"):
        runs.read("bad", settings=settings)
    runs.delete(["bad"], settings=settings)
    assert (outside / "precious").read_text() == "x"
    assert not any(settings.runs.iterdir())
    with pytest.raises(RequestError):
        runs.delete(["../outside"], settings=settings)
    runs.delete(["never-was"], settings=settings)


def test_homes_that_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    layout.prepare(settings)
    assert settings.data.stat().st_mode & 0o777 == 0o700
    assert settings.cache.stat().st_mode & 0o777 == 0o700
    layout.prepare(settings)
    file = tmp_path / "file"
    file.write_text("")
    for home in (file, file / "below"):
        with pytest.raises(SettingsError, match="can't be made: a file is in its place") as error:
            layout.prepare(replace(settings, data=home))
        assert error.value.hint == "set REPRUN_HOME to a folder that you can write to"
    with read_only(settings.data):
        with pytest.raises(SettingsError, match="home is read-only"):
            layout.prepare(settings)
        with pytest.raises(StoreError, match="can't be kept: read-only file system"):
            runs.begin(make_run(), lock_text="", settings=settings)


def test_a_full_disk_leaves_the_old_record(settings: Settings) -> None:
    with small_disk(settings.data, size="256k"):
        run = begin(settings)
        filler = settings.data / "filler"
        fill(filler)
        many = tuple(RecordedFile(f"{n}", "c" * 64, 1) for n in range(1000))
        with pytest.raises(StoreError, match="can't be kept: no space left on device") as error:
            runs.finish(replace(run, outputs=many, **ENDED), settings=settings)
        assert "free some space" in (error.value.hint or "")
        assert runs.read(run.id, settings=settings).status == "running"
        with pytest.raises(StoreError, match="no space left"):
            runs.begin(make_run(outputs=many), lock_text="x" * 9999, settings=settings)
        filler.unlink()
        assert runs.finish(replace(run, **ENDED), settings=settings).status == "finished"


@pytest.mark.parametrize(
    "death",
    [
        "with pending.marked('one', settings): os.kill(os.getpid(), signal.SIGKILL)",
        "os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_killed_before_the_record_stands_there_is_no_run(settings: Settings, death: str) -> None:
    layout.prepare(settings)
    code = f"{death}\nruns.begin(make_run(id='one'), lock_text='', settings=settings)"
    process = python(code, settings)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(UnknownRun):
        runs.find("one", settings=settings)
    assert runs.settle(settings) == ()
    begin(settings, id="one")
    assert runs.read("one", settings=settings).status == "running"
