"""Steps that call MLflow's own `run`, with real MLflows: reprun runs it, and no conda is wanted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.program import Program

MANIFEST = """\
name: steps
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      note: {type: string, default: "it's \\"q\\"\\nof two lines"}
    command: "python main.py {note}"
  download:
    command: "echo 1,2 > data.csv; echo downloading"
  train:
    parameters: {alpha: float, note: string}
    command: "cat data.csv > model.txt; printf '%s|%s' {alpha} {note} >> model.txt"
  fail:
    command: "exit 3"
  cli:
    command: "mlflow run . -e download && ! mlflow run . -e fail"
"""
MAIN = """\
import json, sys
import mlflow
import mlflow.projects

done = mlflow.run(".", "download")
later = mlflow.projects.run(
    uri=".", entry_point="train", parameters={"alpha": 1e-4, "note": sys.argv[1]},
    env_manager="virtualenv", synchronous=False,
)
assert later.wait()
try:
    mlflow.run(".", "fail")
except mlflow.exceptions.ExecutionException:
    json.dump([done.run_id, later.run_id], open("ids.json", "w"))
"""


@pytest.mark.parametrize("version", ["==1.30.0", "==2.9.2", ">=3"])
def test_a_pipeline_of_mlflow_runs(reprun: Program, version: str) -> None:
    # The package cache alone is not fresh, for the index's sake.
    reprun.variables["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR") or f"{Path.home()}/.cache/uv"
    packages = f"dependencies: ['mlflow-skinny{version}', 'setuptools<80']\n"
    samples.commit(reprun.directory, MANIFEST, main_py=MAIN, python_env_yaml=packages)
    (reprun.directory / "main.py").write_text(MAIN)
    said = reprun("run", ".", UV_HTTP_RETRIES="3")
    assert (said.code, said.out) == (0, "downloading\n"), said.err
    main, download, train, fail = reprun.records()
    assert [one["parent"] for one in (download, train, fail)] == [main["id"]] * 3
    assert (fail["status"], fail["exit_code"]) == ("failed", 3)
    assert train["parameters"]["alpha"]["text"] == "0.0001"
    artifacts = reprun.home / "runs" / main["id"] / "artifacts"
    assert json.loads((artifacts / "ids.json").read_text()) == [download["id"], train["id"]]
    model = (artifacts / "model.txt").read_text()
    assert model == '1,2\n0.0001|it\'s "q"\nof two lines'
    assert {one["environment"]["hash"] for one in (download, train)} == {
        main["environment"]["hash"]
    }
    assert reprun("run", ".", "-e", "cli").code == 0
    assert len(reprun.records()) == 4 + 3


ELSEWHERE = """\
import os, sys
import mlflow

where, uri = sys.argv[1:]
if where == "call":
    mlflow.set_tracking_uri(uri)
elif where == "variable":
    os.environ["MLFLOW_TRACKING_URI"] = uri
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5)
    mlflow.log_param("where", where)
"""
STORES = """\
python_env: python_env.yaml
entry_points:
  main:
    parameters: {where: string, uri: string}
    command: "python main.py {where} {uri}"
    env: {MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0", MLFLOW_ALLOW_FILE_STORE: "true"}
"""
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def stores(reprun: Program) -> Program:
    """Somebody whose step logs wherever it is told to."""
    reprun.variables["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR") or f"{Path.home()}/.cache/uv"
    reprun.variables["UV_HTTP_RETRIES"] = "3"
    packages = "dependencies: ['mlflow-skinny==2.22.2']\n"
    samples.commit(reprun.directory, STORES, main_py=ELSEWHERE, python_env_yaml=packages)
    (reprun.directory / "main.py").write_text(ELSEWHERE)
    return reprun


def test_a_step_that_logs_elsewhere(stores: Program) -> None:
    def run(where: str, uri: str, *flags: str) -> tuple[int, str, dict[str, object]]:
        said = stores("run", ".", "-P", f"where={where}", "-P", f"uri={uri}", *flags)
        return said.code, said.err, stores.records()[-1]

    # Another store does not have the run: the step is told of it only at home.
    code, err, record = run("call", "file:./elsewhere")
    assert (code, record["logged"]) == (0, None), err
    assert any(one["path"].endswith("metrics/loss") for one in record["outputs"])  # type: ignore[attr-defined]
    # A script that changes the variable is told what to do.
    code, err, record = run("variable", "file:./elsewhere")
    assert code == 1
    assert (
        f"the step logs to a store of its own, and that does not have the run {record['id']}" in err
    )
    assert "hint: pass `--no-tracking` to let it start a run there, or `--log-here`" in err
    code, err, record = run("variable", "file:./elsewhere", "--no-tracking")
    assert (code, record["logged"]) == (0, None), err
    # A server that does not answer: what the step logs may stay at home.
    code, err, record = run("call", NOWHERE)
    assert code == 1
    assert "logs to a tracking server at 127.0.0.1:9, which does not answer" in err
    code, err, record = run("call", NOWHERE, "--log-here")
    assert (code, record["metrics"]) == (0, {"loss": 0.5}), err
    assert record["logged"]["parameters"] == {}  # type: ignore[index]  # given, and the same
    assert record["request"]["log_here"] is True  # type: ignore[index]
