"""The runs that a step makes: records of their own, ended, reopened, left open; others' runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.store import journal, runs
from tests.support.runs import check_schema, ended_run, make_run
from tests.tracking.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tracking.conftest import Scene


def metric(scene: Scene, run_id: str, value: float, step: int = 0) -> None:
    scene.client.post("runs/log-metric", run_id=run_id, key="a", value=value, step=step)


def test_nested_runs_are_records_of_their_own(scene: Scene) -> None:
    outer = scene.child(run_name="outer", start_time=1_700_000_000_000)
    tags = [{"key": "mlflow.parentRunId", "value": outer}, {"key": "mlflow.runName", "value": "in"}]
    inner = scene.child(tags=tags)
    strange = scene.child(tags=[{"key": "mlflow.parentRunId", "value": "of-another-server"}])
    metric(scene, inner, 1.0)
    scene.client.put(f"0/{inner}/artifacts/a", b"a")
    for run_id, status in ((outer, "FINISHED"), (inner, "FAILED"), (strange, 5)):
        scene.client.post("runs/update", run_id=run_id, status=status, end_time=1_700_000_001_000)
    own = scene.end()
    read = [scene.read(run_id) for run_id in (outer, inner, strange)]
    assert [run.status for run in read] == ["finished", "failed", "killed"]
    assert [run.parent for run in read] == [own.id, outer, own.id]
    assert {run.logged_by for run in read} == {own.id}
    assert [run.name for run in read] == ["outer", "in", None]
    assert [run.exit_code for run in read] == [0, None, None]
    assert read[0].started == "2023-11-14T22:13:20.000Z"
    assert read[0].ended == "2023-11-14T22:13:21.000Z"
    assert read[1].metrics == {"a": 1.0}
    assert read[1].logged is not None
    assert [file.path for file in read[1].logged.artifacts] == ["a"]
    for run in read:
        from runner.store import encoding

        check_schema(encoding.to_json(run))
        assert run.request == {}


def test_a_run_that_is_never_ended_failed(scene: Scene) -> None:
    left = scene.child()
    metric(scene, left, 2.0)
    scene.end()
    run = scene.read(left)
    assert (run.status, run.reason) == ("failed", "the step ended without ending it")
    assert run.metrics == {"a": 2.0}


def test_what_comes_after_the_end_counts(scene: Scene) -> None:
    child = scene.child()
    metric(scene, child, 1.0)
    scene.client.post("runs/update", run_id=child, status="FINISHED")
    assert scene.read(child).metrics == {"a": 1.0}
    metric(scene, child, 2.0, step=1)
    scene.client.post("runs/update", run_id=child, status="RUNNING")
    scene.client.post("runs/update", run_id=child, status="FINISHED")
    assert scene.read(child).metrics == {"a": 2.0}
    metric(scene, child, 3.0, step=2)
    scene.client.post("runs/update", run_id=scene.run.id, status="FINISHED")
    metric(scene, scene.run.id, 7.0)
    assert scene.end().metrics == {"a": 7.0}
    assert scene.read(child).metrics == {"a": 3.0}


def test_the_own_run_is_not_ended_by_its_step(scene: Scene) -> None:
    scene.client.post("runs/update", run_id=scene.run.id, status="FAILED", end_time=5_000)
    info = scene.data()["info"]
    assert (info["status"], info["end_time"]) == ("FAILED", 5_000)
    assert scene.read(scene.run.id).status == "running"


def test_ended_runs_of_others_are_only_read(scene: Scene) -> None:
    begun = runs.begin(make_run(), lock_text="", settings=scene.settings)
    handle = journal.opened(begun.directory) if begun.directory else 0
    journal.append(handle, journal.line_of({"tags": {"a": "b"}}))
    ended = ended_run(id=begun.id, directory=begun.directory)
    runs.finish(ended, settings=scene.settings)
    assert {"key": "a", "value": "b"} in scene.data(begun.id)["data"]["tags"]
    answer = scene.client.refused("runs/set-tag", run_id=begun.id, key="a", value="c")
    assert answer.json["error_code"] == "INVALID_STATE"
    assert "does not change any more" in answer.message
    assert scene.client.put(f"0/{begun.id}/artifacts/a", b"a").status == 400


def test_a_running_run_of_another_process(scene: Scene) -> None:
    foreign = runs.begin(make_run(metrics={}), lock_text="", settings=scene.settings)
    refused = scene.client.refused("runs/log-metric", run_id=foreign.id, key="a", value=1.0)
    assert "is another's" in refused.message
    inside = make_run(metrics={}, parent=scene.run.id)
    other = runs.begin(inside, lock_text="", settings=scene.settings)
    assert other.directory is not None
    metric(scene, other.id, 1.0)
    handle = journal.opened(other.directory)
    journal.append(handle, journal.line_of({"metrics": [("a", 5.0, 9, 9)]}))
    journal.append(handle, b'{"metrics": [["torn", 1.')
    metric(scene, other.id, 2.0, step=10)
    journal.append(
        handle, b'damaged\n{"parameters": 5}\n{"model": {}}\n{"metrics": [["a", "x"]]}\n'
    )
    data = scene.data(other.id)["data"]
    assert [one["value"] for one in data["metrics"]] == [2.0]
    values = scene.client.get("metrics/get-history", run_id=other.id, metric_key="a")["metrics"]
    assert [one["value"] for one in values] == [1.0, 5.0, 2.0]
    ended = replace(inside, status="finished", metrics={"a": 9.0}, directory=other.directory)
    runs.finish(ended, settings=scene.settings)
    metric(scene, other.id, 3.0, step=11)
    scene.end()
    record = scene.read(other.id)
    assert record.logged is not None
    assert record.logged.metrics["a"].count == 4
    assert record.metrics == {"a": 9.0}  # out of a file: it wins


def test_thousands_of_runs_take_no_files_and_little_time(scene: Scene) -> None:
    import os

    began, before = time.monotonic(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    made = [scene.child() for _ in range(150)]
    for run_id in made:
        metric(scene, run_id, 1.0)
    assert len(os.listdir("/proc/self/fd")) < before + 50  # noqa: PTH208
    for run_id in made[:100]:
        scene.client.post("runs/update", run_id=run_id, status="FINISHED")
    found = scene.client.post("runs/search", experiment_ids=["0"], max_results=1000)["runs"]
    assert len(found) == 151
    scene.end()
    assert {scene.read(run_id).status for run_id in made} == {"finished", "failed"}
    assert time.monotonic() - began < 60


def test_nothing_is_logged_after_the_step(scene: Scene, open_scene: Callable[..., Scene]) -> None:
    late = open_scene()
    session = late.endpoint._opened()
    late.end()
    made = session.make(name="late", parent=None, started=None)
    assert late.read(made.run.id).status == "failed"
    refusals: list[str] = []
    from runner.tracking.refusal import Refusal

    for live in (made, session.live(late.run.id)):
        try:
            live.log({"tags": {"a": "b"}})
        except Refusal as refusal:
            refusals.append(refusal.message)
    assert len(refusals) == 2
    scene.end()


def test_the_end_waits_for_what_is_being_said(scene: Scene) -> None:
    ended = threading.Event()

    def log() -> None:
        client = Client(scene.client.address)
        step = 0
        while not ended.is_set():
            try:
                client.post("runs/log-metric", run_id=scene.run.id, key="a", value=1, step=step)
            except (OSError, AssertionError):
                return
            taken.append(step)
            step += 1

    taken: list[int] = []
    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    run = scene.end()
    ended.set()
    for thread in threads:
        thread.join()
    assert run.logged is not None
    assert run.logged.metrics["a"].count >= len(taken)


def test_a_record_that_can_not_be_written_is_said(scene: Scene) -> None:
    child, left = scene.child(), scene.child()
    for run_id in (child, left):
        record = scene.settings.runs / run_id / "record.json"
        record.unlink()
        record.mkdir()
    answer = scene.client.refused("runs/update", run_id=child, status="FINISHED")
    assert answer.json["error_code"] == "RESOURCE_EXHAUSTED"
    assert scene.end().status == "finished"
    assert len(scene.warnings) == 2
    assert f"what was logged to run {child} is not in its record" in scene.warnings[0]


def test_a_journal_that_can_not_be_read_is_said(scene: Scene) -> None:
    (scene.folder / "logged.jsonl").mkdir()
    answer = scene.client.refused("runs/set-tag", run_id=scene.run.id, key="a", value="b")
    assert answer.json["error_code"] == "RESOURCE_EXHAUSTED"
    run = scene.end()
    assert "what the step logged can't be read: no regular file" in run.warnings
