"""The example in a container: trained and evaluated, recorded, built once, the caller's own.

Its image stays in the engine: another test may be about to run in it, for all of them have it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.examples.conftest import ROOT

if TYPE_CHECKING:
    from tests.examples.conftest import Reader
    from tests.support.engine import Engine

WINE = "docker-wine"
SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "run-1.schema.json").read_text())
SOMEBODY = 1234


def _valid(record: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(record)


def _digests(record: dict[str, Any]) -> dict[str, str]:
    return {output["path"]: output["sha256"] for output in record["outputs"]}


def _folder(reader: Reader, record: dict[str, Any]) -> Path:
    return reader.home / "runs" / str(record["id"])


def test_wines_are_told_apart_in_a_container(reader: Reader, engine: Engine) -> None:
    trained = reader.runs(WINE, "-e", "train", "-P", "c=0.5")
    _valid(trained)
    assert trained["metrics"] == pytest.approx(
        {"train_accuracy": 1, "train_log_loss": 0.0490949, "iterations": 15}, abs=1e-6
    )
    assert set(_digests(trained)) == {"model.json", "metrics.json"}
    model = f"model=run:{trained['id']}/model.json"
    evaluated = reader.runs(WINE, "-e", "evaluate", "-P", model)
    _valid(evaluated)
    assert evaluated["metrics"] == pytest.approx(
        {"accuracy": 53 / 54, "log_loss": 0.0934152}, abs=1e-6
    )
    assert set(_digests(evaluated)) == {"confusion.csv", "evaluation.json"}
    (taken,) = evaluated["inputs"]
    assert taken["sha256"] == _digests(trained)["model.json"]
    assert trained["id"] in taken["origin"]
    left = engine.client.containers.list(all=True)
    assert {trained["id"], evaluated["id"]}.isdisjoint(one.labels.get("reprun.run") for one in left)


def test_its_record_says_what_it_ran_in(reader: Reader, engine: Engine) -> None:
    asked = ("--no-network", "--read-only", "-A", "pids-limit=99")
    seen = ("-A", f"v={reader.directory}:/seen:ro")
    record = reader.runs(WINE, "-e", "train", *asked, *seen)
    environment, container = record["environment"], record["container"]
    assert environment["kind"] == "docker"
    assert environment["lock"]["format"] == "dockerfile"
    assert environment["lock"]["locked"] is False  # pip checks hashes, which nothing can see
    lock = json.loads((_folder(reader, record) / "lock").read_text())
    base = lock["bases"]["python:3.11-slim"]
    known = engine.client.images.get("python:3.11-slim").attrs["RepoDigests"]
    assert base.rpartition("@")[2] in {one.rpartition("@")[2] for one in known}
    assert lock["unlocked"] == [
        "Dockerfile:5: RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt"
    ]
    assert environment["image"]["id"] == engine.client.images.get(environment["image"]["id"]).id
    pinned = {one["name"]: one["version"] for one in environment["packages"]}
    assert (pinned["numpy"], pinned["scikit-learn"]) == ("2.3.5", "1.7.2")
    assert container["directory"] == f"/mlflow/projects/code/example-projects/{WINE}"
    assert container["network"] == "none"
    host = container["settings"]["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (2 << 30, 2 * 10**9, 99)
    assert record["variables"]["OPENBLAS_NUM_THREADS"]["value"] == "1"
    shown = reader.types("runs", "show", "latest").stdout
    assert f"image       {environment['image']['id'][:19]}…, built from Dockerfile" in shown
    assert "what its own steps installed is not locked" in shown
    assert "container   network none, " in shown
    assert f"volume      {reader.directory} at /seen, read-only\n" in shown


def test_a_second_run_builds_nothing_and_gives_the_same_bytes(
    reader: Reader, engine: Engine
) -> None:
    first = reader.runs(WINE, "-e", "train")
    made = engine.client.images.get(first["environment"]["image"]["id"]).attrs
    built = list((reader.home / "cache" / "envs" / "docker").glob("*/*"))
    before = {path: path.stat().st_mtime_ns for path in built if path.is_file()}
    second = reader.runs(WINE, "-e", "train")
    assert second["environment"]["lock"]["made"] == "reused"
    assert second["environment"]["image"] == first["environment"]["image"]
    assert engine.client.images.get(made["Id"]).attrs["Created"] == made["Created"]
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(_digests(first)) == 2
    assert _digests(second) == _digests(first)


def test_its_files_belong_to_the_caller(reader: Reader, engine: Engine) -> None:
    caller = SOMEBODY if os.getuid() == 0 else os.getuid()
    # Not below pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, caller, -1)
        home = Path(folder)
        record = _runs_as(caller, replace(reader, home=home), engine)
        _valid(record)
        assert record["container"]["user"].split(":")[0] == str(caller)
        files = [path for path in home.rglob("*") if path.is_file()]
        assert any(path.name == "model.json" for path in files)
        assert {path.stat().st_uid for path in files} == {caller}


def _runs_as(caller: int, reader: Reader, engine: Engine) -> dict[str, Any]:
    """As a user who may read what root may, for root's Python runs it, and write like anybody."""
    if os.getuid() == caller:
        return reader.runs(WINE, "-e", "train")
    socket, allowed = Path(engine.address.removeprefix("unix://")), "+dac_read_search"
    done = subprocess.run(
        [
            *("setpriv", "--reuid", str(caller), "--regid", str(caller)),
            *("--groups", str(socket.stat().st_gid)),
            *("--inh-caps", allowed, "--ambient-caps", allowed),
            *(sys.executable, "-m", "runner", "run", f"{reader.url}#example-projects/{WINE}"),
            *("-e", "train", "--json"),
        ],
        cwd="/",
        env={
            # Coverage's own files would be written where this user may not write.
            **{name: value for name, value in os.environ.items() if "COVERAGE" not in name},
            "HOME": str(reader.home),
            "REPRUN_HOME": str(reader.home),
            "PYTHONPATH": str(ROOT),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def test_a_wrong_value_builds_nothing(reader: Reader, engine: Engine) -> None:
    nowhere = replace(reader, variables={"DOCKER_HOST": "unix:///nowhere"})
    done = nowhere.types("run", "example-projects/docker-wine", "-e", "train", "-P", "c=0")
    assert engine.address != "unix:///nowhere"
    assert done.returncode == 2
    assert "parameter `c` of `train` must be at least 0.0001, not `0`" in done.stderr


def test_every_command_of_its_readme_does_what_it_says(reader: Reader, engine: Engine) -> None:
    assert engine.client.ping()
    reader.follows(WINE)
