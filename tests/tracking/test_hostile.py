"""A step knows where its run lies, and may leave anything there."""

from __future__ import annotations

import http.client
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from runner.errors import StoreError
from runner.store import journal, runs
from tests.support.runs import make_run
from tests.tracking.conftest import API

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.support.work import Work
    from tests.tracking.conftest import Scene

DEEP = b'{"model": {"id": "m", "x": ' + b"[" * 900 + b"]" * 900 + b"}}\n"


@pytest.mark.parametrize(
    "lines",
    [
        b'{"model": {"id": "m", "tags": 5}}\n{"model": {"id": "m", "tags": {"a": "b"}}}\n',
        b'{"model": {"id": "m", "metrics": 5}}\n{"metrics": [["a", 1.0, 1, 1]], "model": "m"}\n',
        b'{"parameters": {"a": 5}}\n{"inputs": ["x", 5]}\n{"name": 5}\n',
        DEEP,
    ],
)
def test_whatever_stands_in_the_journal_the_run_is_recorded(scene: Scene, lines: bytes) -> None:
    scene.client.post("runs/log-metric", run_id=scene.run.id, key="loss", value=0.5)
    with (scene.folder / "logged.jsonl").open("ab") as file:
        file.write(lines)
    scene.end()
    assert scene.read(scene.run.id).status == "finished"
    assert runs.settle(scene.settings) == ()


@pytest.mark.parametrize("kind", ["fifo", "endless", "link"])
def test_what_is_no_journal_is_not_read(scene: Scene, tmp_path: Path, kind: str) -> None:
    place = scene.folder / "logged.jsonl"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "endless":
        place.symlink_to("/dev/zero")
    else:
        (tmp_path / "other").write_bytes(b'{"tags": {"a": "b"}}\n')
        place.symlink_to(tmp_path / "other")
    run = scene.end()
    assert (run.status, run.logged) == ("finished", None)
    assert any("what the step logged can't be read" in text for text in run.warnings)
    with pytest.raises(OSError, match=r"regular|levels|symbolic"):
        journal.readable(scene.folder)


def test_outputs_do_not_go_where_a_link_leads(work: Work, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    work.run_directory.mkdir(parents=True)
    (work.run_directory / "artifacts").symlink_to(tmp_path / "victim")
    work.write("made.txt", "made")
    captured = work.capture()
    assert [file.path for file in captured.outputs] == ["made.txt"]
    assert list((tmp_path / "victim").iterdir()) == []
    assert (work.run_directory / "artifacts" / "made.txt").read_text() == "made"


def test_a_run_does_not_begin_in_a_folder_with_links(settings: Settings, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run = make_run()
    folder = settings.runs / run.id
    folder.mkdir(parents=True)
    (folder / "stdout.log").symlink_to(precious)
    with pytest.raises(StoreError, match=r"a link `stdout\.log` lies in it"):
        runs.begin(run, lock_text="", settings=settings)
    assert precious.read_text() == "precious"


def test_the_folder_of_a_model_is_the_runs(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "secret").write_text("x")
    (scene.folder / "logged").mkdir()
    (scene.folder / "logged" / "link").symlink_to(tmp_path / "victim")
    for name in ("../../../../victim", "link"):
        line = json.dumps({"model": {"id": "m-1", "folder": name}}).encode() + b"\n"
        with (scene.folder / "logged.jsonl").open("ab") as file:
            file.write(line)
        answer = scene.client.ask("GET", "logged-models/m-1/artifacts/directories")
        assert answer.status in {400, 404}
        assert b"secret" not in answer.content


def test_a_search_by_name_is_about_that_name_alone(scene: Scene) -> None:
    """As MLflow's client does it: look-ups, then the search, in one connection."""
    scene.client.get("experiments/get-by-name", experiment_name="A")
    scene.client.post("runs/log-metric", run_id=scene.run.id, key="acc", value=0.9)
    scene.client.get("experiments/get-by-name", experiment_name="B")
    made = scene.child()
    parts = urlsplit(scene.client.address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)

    def ask(method: str, path: str, said: dict[str, Any]) -> Any:  # noqa: ANN401  JSON
        query = f"?{urlencode(said)}" if method == "GET" else ""
        body = None if method == "GET" else json.dumps(said).encode()
        agent = {"User-Agent": scene.client.agent}
        connection.request(method, f"{parts.path}{API}/mlflow/{path}{query}", body, agent)
        return json.loads(connection.getresponse().read())

    found = {}
    for name in ("A", "B", "never"):
        asked = ask("GET", "experiments/get-by-name", {"experiment_name": name})["experiment"]
        ids = [asked["experiment_id"]]
        answer = ask("POST", "runs/search", {"experiment_ids": ids})
        found[name] = [one["info"]["run_id"] for one in answer["runs"]]
    every = ask("POST", "runs/search", {"experiment_ids": ids})["runs"]
    connection.close()
    assert found == {"A": [scene.run.id], "B": [made], "never": []}
    assert {one["info"]["run_id"] for one in every} == {scene.run.id, made}
    scene.client.post("runs/update", run_id=made, status="FINISHED")
    assert scene.end().experiment == "A"
    assert scene.read(made).experiment == "B"
