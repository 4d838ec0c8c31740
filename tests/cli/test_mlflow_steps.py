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
