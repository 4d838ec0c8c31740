"""The port itself: when it is open, what the step is told, and what happens at its end."""

from __future__ import annotations

import resource
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from runner.errors import ExecutionError
from runner.tracking.endpoint import Endpoint
from runner.tracking.experiments import id_of

if TYPE_CHECKING:
    from tests.tracking.conftest import Scene


def told(**inherited: str) -> dict[str, str]:
    endpoint = Endpoint()
    try:
        return endpoint.variables("id", experiment=None, experiment_id=None, inherited=inherited)
    finally:
        endpoint.close()


def test_what_the_step_is_told() -> None:
    variables = told()
    assert variables["MLFLOW_RUN_ID"] == "id"
    assert variables["MLFLOW_EXPERIMENT_ID"] == "0"
    parts = urlsplit(variables["MLFLOW_TRACKING_URI"])
    assert parts.hostname == "127.0.0.1"
    assert len(parts.path) == 33
    assert "no_proxy" not in variables
    assert told()["MLFLOW_TRACKING_URI"] != variables["MLFLOW_TRACKING_URI"]


def test_experiments_have_one_id_in_every_store() -> None:
    assert id_of(None) == id_of("Default") == "0"
    assert id_of("wine") == id_of("wine") != id_of("Wine")
    assert len(id_of("wine")) == 18


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_does_not_come_between(name: str) -> None:
    assert told(**{name: "http://proxy"})["no_proxy"] == "127.0.0.1"
    both = told(**{name: "http://proxy", "NO_PROXY": "a,b"})
    assert both["no_proxy"] == both["NO_PROXY"] == "a,b,127.0.0.1"


def test_the_port_is_closed_at_the_end(scene: Scene) -> None:
    port = urlsplit(scene.client.address).port
    assert scene.client.raw("GET", "/health").status == 200
    session, _ = scene.endpoint.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert scene.endpoint.close() == (session, ())


def test_nobody_called(scene: Scene) -> None:
    assert scene.endpoint.close() == (None, ())
    assert not (scene.folder / "logged.jsonl").exists()


def test_a_silent_client_does_not_hold_up_the_end(scene: Scene) -> None:
    port = urlsplit(scene.client.address).port
    with (
        socket.create_connection(("127.0.0.1", port)),
        socket.create_connection(("127.0.0.1", port)) as half,
    ):
        half.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        began = time.monotonic()
        scene.endpoint.close()
        assert time.monotonic() - began < 5


def test_too_many_open_files_are_said_or_waited_for(scene: Scene) -> None:
    assert scene.client.raw("GET", "/health").status == 200
    port = urlsplit(scene.client.address).port
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = socket.socket()
    try:
        with socket.socket() as probe:
            resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno(), hard))
        waiting.connect(("127.0.0.1", port))
        time.sleep(0.2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        waiting.close()
    assert scene.client.raw("GET", "/health").status == 200


def test_no_port_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ExecutionError, match="no port") as caught:
        Endpoint()
    assert caught.value.hint == "pass `--no-tracking`"
