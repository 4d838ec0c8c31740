"""What it costs a step to log: through our endpoint, and through `mlflow server` on SQLite.

The step is the same program in the same environment, MLflow's own; it times its calls itself, so
that neither starting Python nor importing MLflow counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.figure import Figure, Limit, Ratio
from tests.benchmarks.measure import Measurement, Sample
from tests.support.repositories import commit_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

BATCHES, POINTS, SINGLES = 100, 1000, 300
MANIFEST = b"""\
name: logging
entry_points:
  main:
    parameters: {out: string, python: string}
    command: "{python} log.py {out}"
"""
# Every figure in seconds: MLflow's client, then bare HTTP, which shows what the server costs.
STEP = f"""\
import http.client, json, os, sys, time
from urllib.parse import urlsplit
import mlflow
from mlflow.entities import Metric

address = urlsplit(mlflow.get_tracking_uri())
client = mlflow.MlflowClient()
run_id = os.environ.get("MLFLOW_RUN_ID") or client.create_run("0").info.run_id
connection = http.client.HTTPConnection(address.hostname, address.port)
client.log_metric(run_id, "first", 1.0)


def post(call, body):
    connection.request("POST", f"{{address.path}}/api/2.0/mlflow/runs/{{call}}", body,
                       {{"Content-Type": "application/json"}})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content


def batches():
    for batch in range({BATCHES}):
        client.log_batch(run_id, [Metric("loss", 0.5, batch, batch * {POINTS} + i)
                                  for i in range({POINTS})])


def singles():
    for step in range({SINGLES}):
        client.log_metric(run_id, "single", 0.5, step=step)


BODIES = [json.dumps({{"run_id": run_id, "metrics": [
    {{"key": "bare", "value": 0.5, "timestamp": batch, "step": batch * {POINTS} + i}}
    for i in range({POINTS})]}}) for batch in range({BATCHES})]
SINGLE = json.dumps({{"run_id": run_id, "key": "one", "value": 0.5, "timestamp": 1, "step": 1}})


def bare_batches():
    for body in BODIES:
        post("log-batch", body)


def bare_singles():
    for _ in range({SINGLES}):
        post("log-metric", SINGLE)


taken = {{}}
for measured in (batches, singles, bare_batches, bare_singles):
    start = time.perf_counter()
    measured()
    taken[measured.__name__] = time.perf_counter() - start
with open(sys.argv[1], "w") as file:
    json.dump(taken, file)
"""
TITLES = {
    "batches": f"{BATCHES * POINTS:,} metric points in batches of {POINTS:,}, MLflow's client",
    "singles": f"{SINGLES} calls of log_metric, MLflow's client",
    "bare_batches": f"{BATCHES * POINTS:,} metric points in batches of {POINTS:,}, bare HTTP",
    "bare_singles": f"{SINGLES} log-metric requests, bare HTTP",
}
FASTER = {"batches": 5, "singles": 10, "bare_batches": 5, "bare_singles": 10}
OURS, THEIRS = "reprun's endpoint", "mlflow server, SQLite"
ROUNDS = 3


def figures(place: Place) -> Iterator[Figure]:
    """One table for each way to log."""
    if place.mlflow is None:
        raise RuntimeError("it needs MLflow: set REPRUN_BENCH_MLFLOW to its executable")
    python = Path(place.mlflow).with_name("python")
    files = {"MLproject": MANIFEST, "log.py": STEP.encode()}
    project = commit_files(place.folder("logging"), files).path
    taken: dict[str, list[dict[str, float]]] = {OURS: [], THEIRS: []}
    with _server(place) as address:
        for _ in range(min(place.rounds, ROUNDS)):
            taken[OURS].append(_ours(place, project, python))
            taken[THEIRS].append(_theirs(place, project, python, address))
    for name, title in TITLES.items():
        measured = tuple(
            Measurement(who, tuple(Sample(one[name], 0) for one in taken[who])) for who in taken
        )
        goals: tuple[Ratio | Limit, ...] = (Ratio(OURS, THEIRS, 1 / FASTER[name]),)
        if name == "bare_batches":
            goals += (Limit(OURS, 0.002 * BATCHES),)
        yield Figure(title, measured, THEIRS, goals)


def _ours(place: Place, project: Path, python: Path) -> dict[str, float]:
    out = place.root / "taken.json"
    command = [*place.reprun, "run", str(project), "--env-manager", "local"]
    command += ["-P", f"out={out}", "-P", f"python={python}"]
    subprocess.run(
        command, cwd=place.root, env=place.own_variables, check=True, capture_output=True
    )
    return _read(out)


def _theirs(place: Place, project: Path, python: Path, address: str) -> dict[str, float]:
    out = place.root / "taken.json"
    variables = {**place.variables, "MLFLOW_TRACKING_URI": address}
    command = [str(python), "log.py", str(out)]
    subprocess.run(command, cwd=project, env=variables, check=True, capture_output=True)
    return _read(out)


def _read(out: Path) -> dict[str, float]:
    taken: dict[str, float] = json.loads(out.read_text())
    out.unlink()
    return taken


@contextlib.contextmanager
def _server(place: Place) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    folder = place.folder("server")
    command = [str(place.mlflow), "server", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/store.db"]
    process = subprocess.Popen(
        [*command, "--artifacts-destination", str(folder / "artifacts")],
        cwd=folder,
        env=dict(place.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(address, process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise RuntimeError("`mlflow server` ended by itself")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health"):  # noqa: S310
            return
        time.sleep(0.5)
    raise RuntimeError("`mlflow server` does not answer")
