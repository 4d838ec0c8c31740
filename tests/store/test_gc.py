"""Collecting: what no run refers to goes, what one may be about to refer to stays."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.errors import StoreError
from runner.progress import Silent
from runner.source.model import Changes
from runner.store import gc, objects, runs
from runner.store.records import RecordedFile
from tests.store.test_runs import begin
from tests.support.runs import ENDED
from tests.support.work import Work, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.gc import Collected

LATER = -3600.0  # a grace of less than nothing: as if everything had rested for long


def collect(settings: Settings, grace_s: float = LATER) -> Collected:
    return gc.collect(settings=settings, progress=Silent(), grace_s=grace_s)


def add(settings: Settings, content: bytes) -> str:
    with objects.writing(settings) as (handle, name):
        os.write(handle, content)
        objects.keep(name, sha256(content), settings)
    return sha256(content)


def test_only_what_nobody_refers_to_goes(settings: Settings) -> None:
    run = begin(settings, outputs=(), inputs=())
    names = {word: add(settings, word.encode()) for word in ("out", "in", "changes", "nobody")}
    runs.finish(
        replace(
            run,
            outputs=(RecordedFile("o", names["out"], 3),),
            inputs=(RecordedFile("i", names["in"], 2),),
            source=replace(run.source, changes=Changes(names["changes"], 7)),
            **ENDED,
        ),
        settings=settings,
    )
    assert collect(settings, grace_s=gc.GRACE_S).objects == 0
    freed = collect(settings)
    assert (freed.objects, freed.size) == (1, 6)
    assert sorted(os.listdir(settings.objects)) == sorted(set(names.values()) - {names["nobody"]})  # noqa: PTH208
    runs.delete([run.id], settings=settings)
    assert collect(settings).objects == 3
    assert not any(settings.objects.iterdir())


def test_a_run_that_is_being_recorded_loses_nothing(tmp_path: Path, settings: Settings) -> None:
    work = Work(tmp_path / "checkout", settings)
    work.write("out.txt", "x")
    captured = work.capture()
    assert collect(settings).objects == 0, "linked by a run whose record does not say so yet"
    assert (settings.objects / captured.outputs[0].sha256).exists()
    run = begin(settings)
    unlinked = add(settings, b"downloaded a moment ago")
    assert collect(settings, grace_s=60).objects == 0
    assert (settings.objects / unlinked).exists()
    assert run.status == "running"


def test_outputs_of_deleted_runs_go_at_once_and_shared_ones_stay(settings: Settings) -> None:
    contents = {"one": b"only mine", "both": b"of both", "read": b"another's input"}
    files = {name: RecordedFile(name, add(settings, text), 9) for name, text in contents.items()}
    ids = []
    for outputs, inputs in (((*files,), ()), (("both",), ("read",))):
        run = begin(settings, outputs=(), inputs=tuple(files[name] for name in inputs))
        ids.append(run.id)
        made = tuple(files[name] for name in outputs)
        runs.finish(replace(run, outputs=made, **ENDED), settings=settings)
    young = add(settings, b"downloaded a moment ago")
    released = runs.delete(ids[:1], settings=settings)
    assert released == {file.sha256 for file in files.values()}
    freed = gc.collect(settings=settings, progress=Silent(), released=released)
    assert (freed.objects, freed.size) == (1, len(contents["one"]))
    left = {path.name for path in settings.objects.iterdir()}
    assert left == {files["both"].sha256, files["read"].sha256, young}


def test_an_output_that_a_run_is_being_recorded_with_stays(
    tmp_path: Path, settings: Settings
) -> None:
    run = begin(settings, outputs=(), inputs=())
    work = Work(tmp_path / "checkout", settings)
    work.write("out.txt", "x")
    output = work.capture().outputs[0]  # linked by a run whose record does not say so yet
    runs.finish(replace(run, outputs=(output,), **ENDED), settings=settings)
    released = runs.delete([run.id], settings=settings)
    freed = gc.collect(settings=settings, progress=Silent(), released=released)
    assert released == {output.sha256}
    assert freed.objects == 0
    assert (settings.objects / output.sha256).read_text() == "x"


def test_an_old_object_that_is_used_again_is_young(settings: Settings) -> None:
    begin(settings)
    digest = add(settings, b"old")
    old = time.time() - 10 * gc.GRACE_S
    os.utime(settings.objects / digest, (old, old))
    assert objects.present(digest, settings) == settings.objects / digest
    assert collect(settings, grace_s=gc.GRACE_S).objects == 0
    assert objects.present("0" * 64, settings) is None


def test_a_record_that_cannot_be_read_stops_it(settings: Settings) -> None:
    run = begin(settings)
    add(settings, b"maybe mine")
    assert run.directory is not None
    (run.directory / "record.json").write_text("{")
    with pytest.raises(StoreError, match=r"nothing is collected: .*the record is cut off") as error:
        collect(settings)
    assert error.value.hint == "mend the record, or delete the run"
    assert len(list(settings.objects.iterdir())) == 1


def test_leftovers_of_killed_processes_go(settings: Settings) -> None:
    run = begin(settings)
    (settings.objects / ".123-half").write_text("half")
    (settings.runs / ".deleted-x").mkdir()
    (settings.runs / "never-begun").mkdir()
    collect(settings, grace_s=gc.GRACE_S)
    assert (settings.runs / "never-begun").exists()
    collect(settings)
    assert [path.name for path in settings.runs.iterdir()] == [run.id]
    assert not any(settings.objects.iterdir())


def test_sizes_count_every_file_once(tmp_path: Path, settings: Settings) -> None:
    work = Work(tmp_path / "checkout", settings)
    work.write("out.bin", os.urandom(1 << 20))
    work.capture()
    (settings.mirrors / "a").mkdir(parents=True)
    found = {size.name: size for size in gc.sizes(settings)}
    assert 1 << 20 <= found["objects"].size < 1.1 * (1 << 20)
    assert found["objects"].entries == 1
    assert found["runs"].size < 1 << 16
    assert (found["mirrors"].entries, found["mirrors"].size) == (1, 0)
    assert found["wheels"].path == settings.wheels
