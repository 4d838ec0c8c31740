"""What was logged, in the record: gathered at the end, whatever the folder holds."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from runner.store import decoding, encoding, layout, runs
from tests.support.runs import check_schema, ended_run, make_run

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run


@pytest.fixture
def folder(settings: Settings) -> Path:
    layout.prepare(settings)
    begun = runs.begin(make_run(id="a-run"), lock_text="", settings=settings)
    assert begun.directory is not None
    return begun.directory


def finished(folder: Path, settings: Settings) -> Run:
    """The record, as it is read back; it is as it should be."""
    run = ended_run(id="a-run", directory=folder)
    done = runs.finish(run, settings=settings)
    text = (folder / "record.json").read_bytes()
    check_schema(json.loads(text))
    assert encoding.to_text(decoding.from_text(text, folder)) == text.decode()
    return done


def test_nothing_logged_is_nothing_in_the_record(folder: Path, settings: Settings) -> None:
    (folder / "logged").mkdir()
    (folder / ".uploading-1").write_bytes(b"half")
    assert finished(folder, settings).logged is None
    assert not (folder / ".uploading-1").exists()


def test_long_texts_are_cut_off_wherever_they_stand(folder: Path, settings: Settings) -> None:
    long = "x" * 100_000
    event = {
        "inputs": [{"dataset": {"schema": long, "size": 3}, "tags": [long]}],
        "parameters": {"p": long},
        "name": long,
    }
    model = {"model": {"id": "m", "params": {"a": long}, "metrics": {"nan": "NaN"}}}
    lines = [json.dumps(one) + "\n" for one in (event, model)]
    (folder / "logged.jsonl").write_text("".join(lines))
    run = finished(folder, settings)
    assert run.logged is not None
    assert len((folder / "record.json").read_bytes()) < 6 * 66_000
    assert (run.name or "").endswith("all of them in logged.jsonl)")


def test_numbers_that_json_lacks_in_what_mlflow_describes(folder: Path, settings: Settings) -> None:
    (folder / "logged.jsonl").write_text('{"metrics": [["a", "NaN", 0, 0]], "model": "m-1"}\n')
    run = finished(folder, settings)
    assert run.logged is not None
    assert encoding.to_json(run)["logged"]["models"] == [{"id": "m-1", "metrics": {"a": "NaN"}}]


def test_a_journal_that_can_not_be_read_is_a_warning(folder: Path, settings: Settings) -> None:
    (folder / "logged.jsonl").mkdir()
    run = finished(folder, settings)
    assert run.logged is None
    assert run.warnings[-1] == "what the step logged can't be read: no regular file"


def test_artifacts_that_can_not_be_kept_are_warnings(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "logged").mkdir()
    (folder / "logged/a").write_text("a")
    (folder / "logged/b").write_text("b")
    link = os.link

    def full(source: object, target: object, **how: bool) -> None:
        if str(source).endswith("/a"):
            raise OSError(28, "No space left on device")
        link(source, target, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", full)
    run = finished(folder, settings)
    assert run.logged is not None
    assert [file.path for file in run.logged.artifacts] == ["b"]
    assert any("`a` can't be kept as an object" in text for text in run.warnings)
    assert (folder / "logged/a").read_text() == "a"


def test_an_artifact_is_the_object_itself(folder: Path, settings: Settings) -> None:
    (folder / "logged").mkdir()
    (folder / "logged/a").write_text("a")
    inode = (folder / "logged/a").stat().st_ino
    run = finished(folder, settings)
    assert run.logged is not None
    (file,) = run.logged.artifacts
    assert (settings.objects / file.sha256).stat().st_ino == inode
    assert (folder / "logged/a").stat().st_ino == inode
