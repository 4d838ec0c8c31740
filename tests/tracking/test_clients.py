"""MLflow's own clients, unmodified, in steps of the real program: old, new and newest."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.program import person
from tests.support.runs import check_schema

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.program import Program

MANIFEST = """\
name: clients
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      lr: {type: float, default: 0.10}
      name: {type: string, default: "it's"}
    command: "python step.py {lr} {name}"
"""
STEP = '''\
"""Does what people's scripts do."""
import multiprocessing, os, sys, tempfile, threading
import mlflow
from mlflow.tracking import MlflowClient

lr, name = float(sys.argv[1]), sys.argv[2]
mlflow.set_experiment("anything")


def from_a_process(number):
    client = MlflowClient()
    for step in range(5):
        client.log_metric(RUN, "process", number, step=step)
    return number


with mlflow.start_run() as run:
    RUN = run.info.run_id
    assert RUN == os.environ.get("EXPECTED", RUN)
    mlflow.log_param("lr", lr)
    mlflow.log_params({"name": name, "layers": 3, "flag": True})
    mlflow.log_param("lr", lr)
    for step in range(4):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    mlflow.log_metrics({"bad": float("nan"), "acc": 0.5}, step=7)
    mlflow.set_tag("stage", "trial")
    mlflow.set_tags({"a": 1, "gone": "x"})
    mlflow.delete_tag("gone")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a b.txt"), "w") as file:
            file.write("content")
        mlflow.log_artifact(os.path.join(folder, "a b.txt"))
        mlflow.log_artifacts(folder, "folder/deep")
    mlflow.log_text("text", "notes/t.txt")
    mlflow.log_dict({"k": 1}, "d.json")
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_param("lr", 7)
        mlflow.log_metric("loss", 9)
    try:
        with mlflow.start_run(nested=True) as failing:
            raise KeyError("no")
    except KeyError:
        pass

    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert sorted(pool.map(from_a_process, range(4))) == [0, 1, 2, 3]

    def from_a_thread():
        for step in range(10):
            MlflowClient().log_metric(RUN, "thread", step, step=step)

    threads = [threading.Thread(target=from_a_thread) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

client = MlflowClient()
client.log_metric(RUN, "late", 1.0)
data = client.get_run(RUN).data
assert data.params["layers"] == "3" and data.tags["stage"] == "trial", data
assert data.metrics["loss"] == 0.25, data.metrics
assert [m.value for m in client.get_metric_history(RUN, "loss")] == [1.0, 0.5, 1 / 3, 0.25]
listed = [f.path for f in client.list_artifacts(RUN)]
assert sorted(listed) == ["a b.txt", "d.json", "folder", "notes"], listed
assert [f.path for f in client.list_artifacts(RUN, "folder/deep")] == ["folder/deep/a b.txt"]
with tempfile.TemporaryDirectory() as folder:
    got = client.download_artifacts(RUN, "folder", folder)
    with open(os.path.join(got, "deep", "a b.txt")) as file:
        assert file.read() == "content"
mine = f"tags.mlflow.parentRunId = '{RUN}'"
found = client.search_runs([run.info.experiment_id], f"metrics.loss > 5 and {mine}")
assert [one.info.run_id for one in found] == [inner.info.run_id], found
found = client.search_runs([run.info.experiment_id], mine, order_by=["metrics.loss DESC"])
assert [one.info.run_id for one in found] == [inner.info.run_id, failing.info.run_id], found
assert client.get_run(failing.info.run_id).info.status == "FAILED"
assert client.get_run(inner.info.run_id).data.tags["mlflow.parentRunId"] == RUN
if hasattr(mlflow, "last_active_run"):
    client.update_run(RUN, name="renamed") if hasattr(client, "update_run") else None
print("client", mlflow.__version__)
'''


@pytest.fixture(scope="module")
def somebody(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """One person for all clients, so that they share what uv has fetched."""
    reprun = person(tmp_path_factory.mktemp("somebody"))
    if "UV_SYSTEM_CERTS" in os.environ:
        reprun.variables["UV_SYSTEM_CERTS"] = os.environ["UV_SYSTEM_CERTS"]
    return reprun


def lay(somebody: Program, name: str, step: str, *packages: str) -> Path:
    folder = somebody.directory / name
    folder.mkdir()
    (folder / "MLproject").write_text(MANIFEST)
    (folder / "step.py").write_text(step)
    listed = "".join(f"  - {json.dumps(package)}\n" for package in packages)
    (folder / "python_env.yaml").write_text(f'python: "3.11"\ndependencies:\n{listed}')
    return folder


def run(somebody: Program, folder: Path, *arguments: str) -> dict[str, Any]:
    said = somebody("run", str(folder), *arguments, "--json")
    if said.code == 125 and "no Python 3.11" in said.err:
        pytest.skip(f"the client can't be had here: {said.err[-300:]}")
    assert said.code == 0, said.err
    document: dict[str, Any] = said.document
    check_schema(document)
    return document


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("1.30", ("mlflow-skinny==1.30.1", "setuptools<70")),
        ("2.9.2", ("mlflow-skinny==2.9.2", "setuptools<70")),
        ("2", ("mlflow-skinny<3",)),
        ("3", ("mlflow-skinny>=3",)),
    ],
)
def test_a_client_logs_into_its_run(
    somebody: Program, name: str, packages: tuple[str, ...]
) -> None:
    folder = lay(somebody, name, STEP, *packages)
    record = run(somebody, folder, "-P", "lr=0.10")
    logged = record["logged"]
    # What it was given is there once, unquoted and as it was given.
    assert logged["parameters"] == {"layers": "3", "flag": "True"}
    given = {name: one["text"] for name, one in record["parameters"].items()}
    assert (given["lr"], given["name"]) == ("0.10", "it's")
    assert {key: logged["tags"][key] for key in ("stage", "a")} == {"stage": "trial", "a": "1"}
    assert "gone" not in logged["tags"]
    loss = logged["metrics"]["loss"]
    assert (loss["last"], loss["step"], loss["count"], loss["largest"]) == (0.25, 3, 4, 1.0)
    assert logged["metrics"]["process"]["count"] == 20
    assert logged["metrics"]["thread"]["count"] == 40
    assert record["metrics"]["bad"] == "NaN"
    assert record["metrics"]["late"] == 1.0
    assert [file["path"] for file in logged["artifacts"]] == [
        "a b.txt", "d.json", "folder/deep/a b.txt", "notes/t.txt",
    ]  # fmt: skip
    assert record["experiment"] == "anything"
    assert record["warnings"] == []
    below = [one for one in somebody.records() if one["parent"] == record["id"]]
    assert [one["status"] for one in below] == ["finished", "failed"]
    assert below[0]["name"] == "inner"
    assert below[0]["logged"]["parameters"] == {"lr": "7"}
    assert below[0]["metrics"] == {"loss": 9.0}
