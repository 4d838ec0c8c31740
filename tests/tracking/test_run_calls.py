"""Metrics, parameters, tags and runs, as they come in and as they are in the record."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.manifest.model import BoundParameter
from runner.store import decoding, encoding, journal
from tests.support import disks
from tests.support.program import ROOT
from tests.support.runs import check_schema
from tests.tracking.conftest import API, Client, taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.store.records import Logged, Run
    from tests.tracking.conftest import Scene

SECRET = "hunter2 'and more"


def logged(run: Run) -> Logged:
    """What the record has of what was logged; the record itself is as it should be."""
    assert run.logged is not None
    assert run.directory is not None
    text = (run.directory / "record.json").read_bytes()
    check_schema(json.loads(text))
    assert encoding.to_text(decoding.from_text(text, run.directory)) == text.decode()
    return run.logged


def points(*values: Any, key: str = "loss") -> list[dict[str, Any]]:  # noqa: ANN401  JSON
    return [
        {"key": key, "value": value, "step": step, "timestamp": 1000 + step}
        for step, value in enumerate(values)
    ]


def values(scene: Scene, key: str, run_id: str | None = None) -> list[Any]:
    said = scene.client.get("metrics/get-history", run_id=run_id or scene.run.id, metric_key=key)
    return [point["value"] for point in said["metrics"]]


def test_a_batch_is_in_the_answers_and_in_the_record(scene: Scene) -> None:
    scene.client.post(
        "runs/log-batch",
        run_id=scene.run.id,
        metrics=points(3.0, 1.0, 2.0),
        params=[{"key": "model", "value": "tree's"}],
        tags=[{"key": "stage", "value": "trial"}],
    )
    data = scene.data()["data"]
    assert {"key": "model", "value": "tree's"} in data["params"]
    assert {"key": "alpha", "value": "1e-4"} in data["params"]
    assert {"key": "stage", "value": "trial"} in data["tags"]
    assert {"key": "mlflow.project.entryPoint", "value": "train"} in data["tags"]
    assert data["metrics"] == [{"key": "loss", "value": 2.0, "timestamp": 1002, "step": 2}]
    run = scene.end()
    kept = logged(run)
    assert kept.parameters == {"model": "tree's"}
    assert kept.tags == {"stage": "trial"}
    loss = kept.metrics["loss"]
    assert (loss.last, loss.count, loss.smallest, loss.largest) == (2.0, 3, 1.0, 3.0)
    assert run.metrics == {"loss": 2.0}


def test_numbers_that_json_lacks(scene: Scene) -> None:
    texts = points("NaN", "Infinity", "-Infinity", "7", 10**30)
    scene.client.post("runs/log-batch", run_id=scene.run.id, metrics=texts)
    bare = b'{"run_id": "%s", "key": "bare", "value": NaN}' % scene.run.id.encode()
    taken(scene.client.raw("POST", f"{API}/mlflow/runs/log-metric", bare))
    assert values(scene, "loss") == ["NaN", "Infinity", "-Infinity", 7.0, 1e30]
    assert values(scene, "bare") == ["NaN"]
    kept = logged(scene.end())
    assert (kept.metrics["loss"].smallest, kept.metrics["loss"].largest) == (-math.inf, math.inf)
    assert math.isnan(kept.metrics["bare"].last)
    assert math.isnan(kept.metrics["bare"].smallest)


def test_whole_numbers_as_texts_and_a_time_that_is_missing(scene: Scene) -> None:
    before = int(time.time() * 1000)
    said = {"run_id": scene.run.id, "key": "a", "value": 1, "step": "3"}
    scene.client.post("runs/log-metric", **said)
    scene.client.post("runs/log-metric", **said, timestamp="5")
    history = scene.client.get("metrics/get-history", run_id=scene.run.id, metric_key="a")
    first, second = history["metrics"]
    assert before <= first["timestamp"] <= time.time() * 1000
    assert (second["timestamp"], second["step"]) == (5, 3)


def test_the_last_value_is_the_one_of_the_greatest_step(scene: Scene) -> None:
    for step, value in ((5, 50.0), (2, 20.0), (9, 90.0), (1, 10.0)):
        said = {"key": "a", "value": value, "step": step, "timestamp": 100 - step}
        scene.client.post("runs/log-metric", run_id=scene.run.id, **said)
    assert values(scene, "a") == [50.0, 20.0, 90.0, 10.0]
    kept = logged(scene.end()).metrics["a"]
    assert (kept.last, kept.step, kept.count) == (90.0, 9, 4)


def test_a_history_page_by_page_and_thinned_out(scene: Scene) -> None:
    scene.client.post("runs/log-batch", run_id=scene.run.id, metrics=points(*range(10)))
    asked: dict[str, Any] = {"run_id": scene.run.id, "metric_key": "loss", "max_results": 4}
    pages = [scene.client.get("metrics/get-history", **asked)]
    while token := pages[-1].get("next_page_token"):
        pages.append(scene.client.get("metrics/get-history", **asked, page_token=token))
    assert [[one["value"] for one in page["metrics"]] for page in pages] == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9],
    ]  # fmt: skip
    bulk = scene.client.get("metrics/get-history-bulk-interval", run_ids=[scene.run.id], **asked)[
        "metrics"
    ]
    assert [one["value"] for one in bulk] == [0, 3, 6, 9]
    two = scene.client.get(
        "metrics/get-history-bulk-interval",
        run_ids=[scene.run.id],
        metric_key="loss",
        max_results=2,
    )["metrics"]
    assert [one["value"] for one in two] == [0, 5, 9]
    assert values(scene, "nothing") == []


@pytest.mark.parametrize(
    ("first", "again"),
    [("a", "a"), ("0.10", "0.1"), ("1e-4", "0.0001"), ("True", "true"), ("10", "10.0")],
)
def test_a_parameter_again(scene: Scene, first: str, again: str) -> None:
    for text in (first, again):
        scene.client.post("runs/log-parameter", run_id=scene.run.id, key="p", value=text)
    assert logged(scene.end()).parameters == {"p": first}


def test_a_parameter_that_was_given_may_be_logged_in_other_words(scene: Scene) -> None:
    scene.client.post("runs/log-parameter", run_id=scene.run.id, key="alpha", value="0.0001")
    params = scene.data()["data"]["params"]
    assert [one["key"] for one in params] == ["alpha"]


def test_a_batch_with_another_value_of_a_parameter_changes_nothing(scene: Scene) -> None:
    run_id = scene.run.id
    scene.client.post("runs/log-parameter", run_id=run_id, key="p", value="1")
    before = (scene.folder / "logged.jsonl").read_bytes()
    params = [{"key": "q", "value": "1"}, {"key": "p", "value": "2"}]
    tags = [{"key": "t", "value": "1"}]
    said = {"run_id": run_id, "params": params, "tags": tags, "metrics": points(1.0)}
    answer = scene.client.refused("runs/log-batch", **said)
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "was already logged with value='1'" in answer.message
    assert (scene.folder / "logged.jsonl").read_bytes() == before
    twice = [{"key": "r", "value": "1"}, {"key": "r", "value": "2"}]
    assert (
        "Duplicate" in scene.client.refused("runs/log-batch", run_id=run_id, params=twice).message
    )
    same = [{"key": "r", "value": "1"}, {"key": "r", "value": "1.0"}]
    scene.client.post("runs/log-batch", run_id=run_id, params=same)
    assert logged(scene.end()).parameters == {"p": "1", "r": "1"}


def test_tags_come_and_go_and_a_run_can_be_renamed(scene: Scene) -> None:
    run_id = scene.run.id
    for key, value in (("a", "1"), ("b", None), ("mlflow.runName", "renamed")):
        scene.client.post("runs/set-tag", run_id=run_id, key=key, value=value)
    scene.client.post("runs/delete-tag", run_id=run_id, key="a")
    scene.client.refused("runs/delete-tag", run_id=run_id, key="a")
    assert scene.data()["info"]["run_name"] == "renamed"
    scene.client.post("runs/update", run_id=run_id, run_name="again")
    scene.client.post("runs/delete", run_id=run_id)
    assert scene.data()["info"]["lifecycle_stage"] == "deleted"
    scene.client.post("runs/restore", run_id=run_id)
    assert scene.data()["info"]["lifecycle_stage"] == "active"
    run = scene.end()
    assert logged(run).tags == {"b": ""}
    assert run.name == "again"


def test_data_sets_are_kept_as_they_were_described(scene: Scene) -> None:
    data = {"tags": [], "dataset": {"name": "d", "digest": "1", "schema": "x" * 100_000}}
    scene.client.post("runs/log-inputs", run_id=scene.run.id, datasets=[data])
    scene.client.post("runs/outputs", run_id=scene.run.id, models=[{"model_id": "m-1"}])
    assert scene.data()["inputs"]["dataset_inputs"] == [data]
    found = scene.client.post("experiments/search-datasets", experiment_ids=["0"])
    assert found["dataset_summaries"] == [{"experiment_id": "0", "name": "d", "digest": "1"}]
    (kept,) = logged(scene.end()).inputs
    assert len(json.dumps(kept)) < 70_000


def secret_scene(open_scene: Callable[..., Scene]) -> Scene:
    secret = BoundParameter("token", SECRET, SECRET, "string", SECRET, "given", secret=True)
    request = {"uri": ".", "parameters": {"token": SECRET, "alpha": "1"}}
    return open_scene(parameters=(secret,), request=request, command="python x ***")


def test_secrets_are_in_no_file_and_no_answer(open_scene: Callable[..., Scene]) -> None:
    scene = secret_scene(open_scene)
    run_id, text = scene.run.id, f"<{SECRET}>"
    client = scene.client
    client.get("experiments/get-by-name", experiment_name=text)
    child = scene.child(run_name=text, tags=[{"key": text, "value": text}])
    for each in (run_id, child):
        client.post("runs/log-parameter", run_id=each, key="token", value=SECRET)
        client.post("runs/log-parameter", run_id=each, key=text, value=text)
        client.post("runs/set-tag", run_id=each, key=text, value=text)
        client.post("runs/log-metric", run_id=each, key=text, value=1)
        client.post("runs/log-inputs", run_id=each, datasets=[{"dataset": {"name": text}}])
        client.post("runs/update", run_id=each, run_name=text, status="FINISHED")
        client.post("logged-models", source_run_id=each, params=[{"key": text, "value": text}])
        model = json.dumps({"path": text}, ensure_ascii=False)
        client.post("runs/log-model", run_id=each, model_json=model)
        assert SECRET not in json.dumps(scene.data(each))
    answer = client.refused("runs/log-parameter", run_id=run_id, key="token", value="else")
    assert SECRET not in answer.message
    scene.end()
    for path in scene.settings.data.rglob("*"):
        assert SECRET not in path.name
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_ten_megabytes_are_whole_beside_the_record_and_cut_off_in_it(scene: Scene) -> None:
    big = "ä" * (5 << 20)
    run_id = scene.run.id
    scene.client.post("runs/log-parameter", run_id=run_id, key="big", value=big)
    scene.client.post("runs/set-tag", run_id=run_id, key="big", value=big)
    data = scene.data()["data"]
    assert {"key": "big", "value": big} in data["params"]
    assert {"key": "big", "value": big} in data["tags"]
    run = scene.end()
    kept = logged(run)
    assert kept.parameters["big"].endswith("… (5,242,880 characters, all of them in logged.jsonl)")
    assert (scene.folder / "record.json").stat().st_size < 2 << 20
    assert journal.state_of(scene.folder).tags["big"] == big


WRITER = """
import http.client, json, sys, urllib.parse
address, run_id, name = sys.argv[1:]
parts = urllib.parse.urlsplit(address)
connection = http.client.HTTPConnection(parts.netloc)
for step in range(100):
    metrics = [{"key": name, "value": step, "step": step, "timestamp": 1}] * 3
    body = json.dumps({"run_id": run_id, "metrics": metrics})
    connection.request("POST", parts.path + "/api/2.0/mlflow/runs/log-batch", body)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
"""


def test_threads_and_processes_at_once_lose_nothing(scene: Scene) -> None:
    address, run_id = scene.client.address, scene.run.id
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, address, run_id, f"p{one}"])
        for one in range(2)
    ]

    def log(name: str) -> None:
        client = Client(address)
        for step in range(50):
            metrics = points(step, step, key=f"{name}.{step % 20}")
            client.post("runs/log-batch", run_id=run_id, metrics=metrics)
            client.get("runs/get", run_id=run_id)

    threads = [threading.Thread(target=log, args=(f"t{one}",)) for one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    kept = logged(scene.end()).metrics
    assert sum(one.count for name, one in kept.items() if name[0] == "t") == 8 * 50 * 2
    assert [kept[name].count for name in ("p0", "p1")] == [300, 300]


def test_a_batch_of_metrics_is_quick(scene: Scene) -> None:
    session = scene.endpoint._opened()
    from runner.tracking.live import measured

    live = session.live(scene.run.id)
    took = []
    for step in range(200):
        began = time.perf_counter()
        live.log(measured([(f"m{one}", 1.5, step, 1) for one in range(50)], None))
        took.append(time.perf_counter() - began)
    assert sorted(took)[100] < 0.002


def test_a_full_disk_is_said_and_the_run_goes_on(
    open_scene: Callable[..., Scene], tmp_path: Path
) -> None:
    with disks.small_disk(tmp_path / "home", size="2m"):
        scene = open_scene()
        said = {"run_id": scene.run.id, "key": "a", "value": "x"}
        scene.client.post("runs/set-tag", **said)
        filler = tmp_path / "home/filler"
        disks.fill(filler)
        before = journal.state_of(scene.folder)
        big = {
            "run_id": scene.run.id,
            "tags": [{"key": "big", "value": "y" * 9000}],
            "params": [{"key": "p", "value": "z" * 9000}],
            "metrics": points(1.0),
        }
        answer = scene.client.refused("runs/log-batch", **big)
        assert answer.json["error_code"] == "RESOURCE_EXHAUSTED"
        assert "No space left on device" in answer.message
        upload = scene.client.put(f"{scene.place}/big", b"x" * (4 << 20))
        assert (upload.status, upload.json["error_code"]) == (400, "RESOURCE_EXHAUSTED")
        assert scene.client.refused("runs/create").json["error_code"] == "RESOURCE_EXHAUSTED"
        assert journal.state_of(scene.folder) == before
        filler.unlink()
        scene.client.post("runs/set-tag", run_id=scene.run.id, key="b", value="y")
        kept = logged(scene.end())
        assert kept.tags == {"a": "x", "b": "y"}
        assert kept.parameters == {}
        assert list(scene.folder.glob(".*")) == []


KILLED = """
import sys, time
from pathlib import Path
from runner.settings import Settings
from runner.store import runs
from runner.tracking.endpoint import Endpoint
from tests.support.runs import make_run
home = Path(sys.argv[1])
settings = Settings(data=home / "home", cache=home / "cache")
run = runs.begin(make_run(metrics={}, outputs=()), lock_text="", settings=settings)
endpoint = Endpoint()
endpoint.serve(run, settings=settings, hide=str)
print(run.id, endpoint.address, flush=True)
time.sleep(60)
"""


def test_kill_9_settles_the_run_and_its_nested_ones_with_all_that_was_logged(
    scene: Scene, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    run_id, address = process.stdout.readline().split()
    client = Client(address)
    client.post("runs/log-batch", run_id=run_id, metrics=points(1.0, 2.0))
    client.put(f"0/{run_id}/artifacts/a.txt", b"a")
    made = client.post("runs/create", run_name="below")["run"]["info"]["run_id"]
    client.post("runs/set-tag", run_id=made, key="a", value="b")
    folder = scene.settings.runs / run_id
    (folder / ".uploading-half").write_bytes(b"half")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with (folder / "logged.jsonl").open("ab") as file:
        file.write(b'{"tags": {"torn": "of')
    run, child = scene.read(run_id), scene.read(made)
    assert (run.status, child.status, child.parent) == ("lost", "lost", run_id)
    assert run.metrics == {"loss": 2.0}
    assert logged(run).tags == {}
    assert [file.path for file in logged(run).artifacts] == ["a.txt"]
    assert logged(child).tags == {"a": "b"}
    assert not (folder / ".uploading-half").exists()
