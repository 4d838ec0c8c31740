"""What a step's Python finds of reprun, in whatever Python it is, by a stand-in for MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.executors.step_tools import SITE

PYTHONS = ["2.7", "3.6", "3.7", "3.8", "3.10", "3.12", "3.13", "3.14"]
RUN = """\
class ExecutionException(Exception): pass
def run(uri, entry_point="main", version=None, parameters=None, docker_args=None,
        experiment_name=None, experiment_id=None, backend="local", backend_config=None,
        use_conda=None, storage_dir=None, synchronous=True, run_id=None, run_name=None,
        env_manager=None):
    return "the original"
"""
FILES = {
    "mlflow/__init__.py": "import mlflow.projects\nrun = mlflow.projects.run\n",
    "mlflow/projects/__init__.py": RUN,
    "mlflow/projects/submitted_run.py": "class SubmittedRun(object): pass\n",
    "mlflow/entities.py": "class RunStatus:\n    RUNNING, FINISHED, FAILED = 1, 3, 4\n",
}
PROGRAM = """\
#!{python}
import json, os, sys, time
print("the child speaks", flush=True)
with open(os.environ["HEARD"], "a") as file:
    file.write(json.dumps([os.environ["REPRUN_RUN_ID"], sys.argv[1:]]) + "\\n")
if "slow" in sys.argv: time.sleep(60)
sys.exit(3 if "fail" in sys.argv else 0)
"""
ASKS = """\
import json, mlflow, os, time
from mlflow.projects.submitted_run import SubmittedRun
done = mlflow.run(".", "train", "v1", {"a": "it's \\"q\\"\\nx=y", "b": None, "c": 0.5},
                  experiment_name="e", run_name="n", env_manager="conda")
assert isinstance(done, SubmittedRun) and done.wait() and done.get_status() == 3
mlflow.projects.run(uri="u#s", experiment_id=7, use_conda=False, storage_dir="d", backend=None)
assert mlflow.run(".", run_id="abc", env_manager="virtualenv").run_id == "abc"
assert mlflow.run(".", backend="databricks") == "the original"
later = mlflow.run(".", "slow", synchronous=False)
assert later.get_status() == 1
while len(open(os.environ["HEARD"]).readlines()) < 4: time.sleep(0.01)
later.cancel()
assert later.get_status() == 4
try:
    mlflow.run(".", entrypoint="x")
except TypeError as error:
    assert "entrypoint" in str(error)
else:
    raise AssertionError("MLflow has no such argument")
try:
    mlflow.run(".", "fail")
except mlflow.projects.ExecutionException as error:
    assert "failed" in str(error)
else:
    raise AssertionError("it did not fail")
print(json.dumps([done.run_id, later.run_id]))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the stand-in, and a program in reprun's place that writes down its calls."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return tmp_path


def _says(python: str, code: str, place: Path, **variables: str) -> str:
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{SITE}:{place}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "REPRUN_PROGRAM": str(place / "program"),
        "HEARD": str(place / "heard"),
    }
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code],
        env={**own, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _python(version: str) -> str:
    """An interpreter of that version, by its own path: a shim needs a home."""
    found = shutil.which(f"python{version}")
    if found is not None:
        asked = [found, "-c", "import sys; print(sys.executable)"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    known = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not known:
        pytest.skip(f"no Python {version} here")
    return str(known[-1])


@pytest.mark.parametrize("version", PYTHONS)
def test_mlflows_call_becomes_a_run_of_reprun(place: Path, version: str) -> None:
    said = _says(_python(version), ASKS, place, REPRUN_PARENT_RUN="01parent")
    assert said.count("the child speaks") == 5
    done, later = json.loads(said.splitlines()[-1])
    calls = [json.loads(line) for line in (place / "heard").read_text().splitlines()]
    first = [
        "run", "-e", "train", "-v", "v1", "--experiment-name", "e", "--run-name", "n",
        "-P", "a=it's \"q\"\nx=y", "-P", "b=None", "-P", "c=0.5", "--", ".",
    ]  # fmt: skip
    if version == "2.7":  # its dictionaries have no order
        assert (calls[0][0], sorted(calls[0][1])) == (done, sorted(first))
    else:
        assert calls[0] == [done, first]
    second = ["run", "--experiment-id", "7", "--env-manager", "local", "--storage-dir", "d"]
    assert calls[1][1] == [*second, "--", "u#s"]
    assert calls[2][1] == ["run", "--env-manager", "venv", "--run-id", "abc", "--", "."]
    assert calls[3] == [later, ["run", "-e", "slow", "--", "."]]
    assert calls[4][1] == ["run", "-e", "fail", "--", "."]
    assert len({call[0] for call in calls}) == 5
    assert done < later, "ids sort by time"


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.13"])
def test_nothing_happens_outside_of_a_run(place: Path, version: str) -> None:
    code = "import mlflow, sys; print(mlflow.run('.')); print(len(sys.meta_path))"
    said = _says(_python(version), code, place)
    assert said.splitlines()[0] == "the original"


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.13"])
def test_the_sitecustomize_that_is_shadowed_runs_too(place: Path, version: str) -> None:
    (place / "sitecustomize.py").write_text("import sys\nsys.mine = __name__\n")
    code = "import sys, sitecustomize; print(sys.mine, sitecustomize.__file__)"
    said = _says(_python(version), code, place, REPRUN_PARENT_RUN="x")
    assert f"{place}/sitecustomize.py" in said
    assert "sitecustomize" in said.split()[0]


def test_an_mlflow_that_is_not_as_expected_is_left_alone(place: Path) -> None:
    (place / "mlflow/projects/submitted_run.py").write_text("")
    said = _says(
        sys.executable, "import mlflow; print(mlflow.run('.'))", place, REPRUN_PARENT_RUN=""
    )
    assert said == "the original\n"
