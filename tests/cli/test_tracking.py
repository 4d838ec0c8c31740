"""What a step logs through MLflow's calls, as the person sees it who runs the program."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support import samples
from tests.support.processes import wait_until
from tests.support.program import end, nothing_left

if TYPE_CHECKING:
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
MANIFEST = """\
name: tracked
entry_points:
  main: {command: python step.py log}
  wait: {command: python step.py log wait}
  show: {command: "python step.py show"}
  elsewhere:
    env: {MLFLOW_TRACKING_URI: "http://127.0.0.1:9/elsewhere"}
    command: python step.py show
  wrong: {command: python step.py wrong}
  hide:
    parameters: {token: {type: string, secret: true}}
    command: python step.py hide {token}
  use:
    parameters: {data: path}
    command: cat {data}
  both:
    command: python step.py log
    outputs: [made.txt]
"""
STEP = """\
import json, os, sys, time, urllib.request
URI, RUN = os.environ.get("MLFLOW_TRACKING_URI"), os.environ.get("MLFLOW_RUN_ID")


def call(path, method="POST", body=None, **said):
    data = json.dumps(said).encode() if body is None else body
    request = urllib.request.Request(f"{URI}/api/2.0/{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def log():
    for step, value in enumerate((3.0, 1.0, float("nan"), 2.0)):
        call("mlflow/runs/log-metric", run_id=RUN, key="loss", value=value, step=step, timestamp=9)
    call("mlflow/runs/log-parameter", run_id=RUN, key="depth", value="3")
    call("mlflow/runs/set-tag", run_id=RUN, key="stage", value="trial")
    for name in ("made.txt", "plots/a b.txt"):
        place = f"mlflow-artifacts/artifacts/0/{RUN}/artifacts/{name}".replace(" ", "%20")
        call(place, "PUT", b"made")
    made = call("mlflow/runs/create", run_name="below")["run"]["info"]["run_id"]
    call("mlflow/runs/update", run_id=made, status="FINISHED")
    open("made.txt", "w").write("made")
    print(URI, flush=True)


if "log" in sys.argv:
    log()
if "show" in sys.argv:
    print(json.dumps([URI, RUN]))
if "wait" in sys.argv:
    open("started", "w").close()
    time.sleep(60)
if "hide" in sys.argv:
    token = f"<{sys.argv[2]}>"
    call("mlflow/experiments/create", name=token)
    below = call("mlflow/runs/create", run_name=token)["run"]["info"]["run_id"]
    for run in (RUN, below):
        for kind in ("set-tag", "log-parameter"):
            call(f"mlflow/runs/{kind}", run_id=run, key=token, value=token)
        call("mlflow/runs/log-metric", run_id=run, key=token, value=1)
if "wrong" in sys.argv:
    sys.exit(f"mlflow.exceptions.MlflowException: Run '{RUN}' not found")
"""


@pytest.fixture
def tracked(reprun: Program) -> Program:
    """Somebody who stands in a project whose step logs."""
    samples.lay(reprun.directory, MANIFEST, step_py=STEP)
    return reprun


def test_metrics_as_a_table_a_history_and_json(tracked: Program) -> None:
    tracked.record(".", *LOCAL)
    lines = tracked("runs", "metrics", "latest:main").out.splitlines()
    assert lines[0].split() == ["metric", "last", "smallest", "largest", "times", "step"]
    assert lines[1].split() == ["loss", "2", "1", "3", "4", "3"]
    history = tracked("runs", "metrics", "latest:main", "loss").out.splitlines()
    assert history == ["step,value,time", "0,3.0,9", "1,1.0,9", "2,nan,9", "3,2.0,9"]
    points = tracked("runs", "metrics", "latest:main", "loss", "--json").document
    assert points[2] == {"step": 2, "value": "NaN", "time": 9}
    short = tracked("runs", "metrics", "latest:main", "--json").document
    assert (short["loss"]["value"], short["loss"]["count"]) == (2.0, 4)
    unknown = tracked("runs", "metrics", "latest:main", "los")
    assert unknown.code == 2
    assert "has no metric `los`" in unknown.err
    assert "did you mean `loss`?" in unknown.err


def test_a_metric_out_of_a_file_and_a_run_without(tracked: Program) -> None:
    samples.lay(tracked.directory / "sample")
    tracked.record("sample", *LOCAL)
    assert "length" in tracked("runs", "metrics").out
    assert tracked("runs", "metrics", "latest", "length").out == "step,value,time\n0,5.0,0\n"
    assert tracked("runs", "metrics", "--json").document == {"length": {"value": 5.0}}
    tracked.record(".", *LOCAL, "-e", "show")
    assert "no metrics" in tracked("runs", "metrics").out
    assert "it has: none" in tracked("runs", "metrics", "latest", "a").err


def test_what_was_logged_is_shown_and_found(tracked: Program) -> None:
    record = tracked.record(".", *LOCAL, "-e", "both")
    shown = tracked("runs", "show", record["id"]).out
    for text in ("loss", "depth", "stage", "trial"):
        assert text in shown
    listed = tracked("runs", "artifacts", record["id"]).out
    assert listed.count("made.txt") == 1
    assert "plots/a b.txt" in listed
    said = tracked("runs", "get", record["id"], "plots/*", "--to", "got")
    assert said.code == 0, said.err
    assert (tracked.directory / "got/plots/a b.txt").read_text() == "made"
    assert tracked("cache", "gc").code in {0, 2}
    digest = record["logged"]["artifacts"][0]["sha256"]
    assert (tracked.home / "objects" / digest).exists()
    ids = [one["id"] for one in tracked.records()]
    assert len(ids) == 2
    assert tracked("runs", "delete", *ids, "--yes").code == 0
    assert not (tracked.home / "objects" / digest).exists()


def test_the_port_is_closed_after_the_run(tracked: Program) -> None:
    said = tracked("run", ".", *LOCAL)
    assert said.code == 0, said.err
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(said.out.split()[-1]).port or 0))
    assert tracked.leftovers() == []


def test_without_tracking_nothing_is_announced(tracked: Program) -> None:
    said = tracked("run", ".", *LOCAL, "-e", "show", "--no-tracking")
    assert said.out == "[null, null]\n"


def test_a_store_that_the_caller_names_is_the_steps(tracked: Program) -> None:
    uri = "http://127.0.0.1:9/theirs"
    said = tracked("run", ".", *LOCAL, "-e", "show", MLFLOW_TRACKING_URI=uri)
    assert said.out == f'["{uri}", null]\n'
    said = tracked("run", ".", *LOCAL, "-e", "elsewhere")
    assert said.out == '["http://127.0.0.1:9/elsewhere", null]\n'


def test_the_own_endpoint_is_announced_with_the_runs_id(tracked: Program) -> None:
    said = tracked("run", ".", *LOCAL, "-e", "show")
    assert '"http://127.0.0.1:' in said.out
    assert tracked.records()[0]["id"] in said.out


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_does_not_swallow_loopback(tracked: Program, name: str) -> None:
    del tracked.variables["NO_PROXY"]
    for other in [one for one in tracked.variables if one.lower() == "no_proxy"]:
        del tracked.variables[other]
    record = tracked.record(".", *LOCAL, **{name: "http://127.0.0.1:9"})
    assert record["metrics"] == {"loss": 2.0}


def test_ctrl_c_keeps_what_was_logged(tracked: Program) -> None:
    process = tracked.start("run", ".", *LOCAL, "-e", "wait")
    wait_until(lambda: list(tracked.home.glob("cache/work/*/*/started")))
    assert end(process, signal.SIGINT).code == 130
    nothing_left(tracked)
    run, below = tracked.records()
    assert (run["status"], below["status"]) == ("killed", "finished")
    assert run["metrics"] == {"loss": 2.0}
    assert [file["path"] for file in run["logged"]["artifacts"]] == ["made.txt", "plots/a b.txt"]


def test_kill_9_keeps_what_was_logged(tracked: Program) -> None:
    process = tracked.start("run", ".", *LOCAL, "-e", "wait")
    wait_until(lambda: list(tracked.home.glob("cache/work/*/*/started")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    tracked("runs", "list")
    run = tracked.records()[0]
    assert run["status"] == "lost"
    assert run["logged"]["parameters"] == {"depth": "3"}


def test_a_step_that_logs_elsewhere_under_our_id_is_told_why_it_failed(tracked: Program) -> None:
    said = tracked("run", ".", *LOCAL, "-e", "wrong")
    assert said.code == 1
    assert "the step logs to a store of its own" in said.err
    assert "--no-tracking" in said.err


def test_a_shell_of_a_nested_run_is_the_one_of_its_step(tracked: Program) -> None:
    tracked.record(".", *LOCAL)
    below = tracked.records()[1]
    said = tracked("shell", below["id"], "-c", "ls; pwd")
    assert said.code == 0, said.err
    assert "step.py" in said.out


def test_a_logged_artifact_is_an_input_of_another_step(tracked: Program) -> None:
    run_id = tracked.record(".", *LOCAL)["id"]
    for run in (run_id, "latest:main"):
        said = tracked("run", ".", *LOCAL, "-e", "use", "-P", f"data=run:{run}/plots/a b.txt")
        assert (said.code, said.out) == (0, "made"), said.err
    inputs = tracked.records()[-1]["inputs"]
    assert [one["origin"] for one in inputs] == [f"run:{run_id}"]


def test_a_secret_that_the_step_logs_is_kept_nowhere(tracked: Program) -> None:
    secret = "hunter2-and-more"
    record = tracked.record(".", *LOCAL, "-e", "hide", "-P", f"token={secret}")
    assert record["logged"]["tags"] == {"<***>": "<***>"}
    assert record["experiment"] == "<***>"
    below = tracked.records()[1]
    assert (below["name"], below["parent"]) == ("<***>", record["id"])
    tracked("runs", "list")
    for path in tracked.home.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_runs_that_a_step_logged_are_listed_when_they_are_asked_for(tracked: Program) -> None:
    tracked.record(".", *LOCAL)
    own, below = tracked.records()
    assert below["logged_by"] == own["id"]
    assert [one["id"] for one in tracked("runs", "list", "--json").document] == [own["id"]]
    every = tracked("runs", "list", "--nested", "--json").document
    assert {one["id"] for one in every} == {own["id"], below["id"]}
    said = tracked("runs", "show", own["id"]).out
    assert f"logged run  {below['id']}" in said
