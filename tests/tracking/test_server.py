"""HTTP as it comes: tokens, odd bodies, clients that break off, requests in a row."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.processes import wait_until
from tests.tracking.conftest import API, ARTIFACTS, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.tracking.conftest import Scene

LOG = f"{API}/mlflow/runs/log-batch"


def connect(scene: Scene) -> socket.socket:
    port = urlsplit(scene.endpoint.address).port
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def head(scene: Scene, method: str, path: str, *headers: str) -> bytes:
    """The head of a request."""
    token = urlsplit(scene.endpoint.address).path
    lines = [f"{method} {token}{path} HTTP/1.1", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode()


def exchange(scene: Scene, sent: bytes) -> bytes:
    """All that the endpoint answers to these bytes, after which the client sends no more."""
    with connect(scene) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def nothing_logged(scene: Scene) -> None:
    assert scene.data()["data"]["tags"]
    assert not (scene.folder / "logged.jsonl").exists()
    assert [path.name for path in scene.folder.iterdir() if path.name.startswith(".upl")] == []


def test_without_the_runs_token_nothing_is_written(
    scene: Scene, open_scene: Callable[..., Scene]
) -> None:
    parts = urlsplit(scene.client.address)
    other = urlsplit(open_scene().client.address).path
    for token in ("", "/", "/wrong", f"{parts.path}0", parts.path[:-1], "/%C3%BC", other):
        stranger = Client(f"{parts.scheme}://{parts.netloc}{token}")
        answer = stranger.ask("POST", "runs/set-tag", {"run_id": scene.run.id, "key": "a"})
        assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
        assert stranger.put(f"{scene.place}/a", b"a").status == 403
    nothing_logged(scene)


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/api/2.0/mlflow/nothing", "GET /mlflow/nothing"),
        ("POST", "/api/3.0/mlflow/traces", "traces"),
        ("POST", "/api/2.0/mlflow/traces/search", "traces"),
        ("POST", "/v1/traces", "traces"),
        ("PUT", "/api/2.0/mlflow/runs/create", "PUT /mlflow/runs/create"),
        ("PATCH", "/somewhere", "PATCH /somewhere"),
    ],
)
def test_what_is_not_kept_is_refused_with_the_way_out(
    scene: Scene, method: str, path: str, named: str
) -> None:
    answer = scene.client.raw(method, path, b"{}")
    assert (answer.status, answer.json["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert named in answer.message
    assert "--no-tracking" in answer.message
    assert "MLFLOW_TRACKING_URI" in answer.message


def test_health_and_what_the_server_can_do(scene: Scene) -> None:
    assert scene.client.raw("GET", "/health").json == {"status": "OK"}
    assert scene.client.get("server-info")["multipart_uploads_enabled"] is True
    assert scene.client.raw("GET", "/ajax-api/2.0/preview/mlflow/server-info").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nothing", b"[1]", b'"text"', b"\xff\xfe", b'{"metrics": 1}',
        b'{"run_id": 3}', b'{"metrics": [{"key": "a"}]}', b'{"metrics": [{"value": 1}]}',
        b'{"metrics": [{"key": "a", "value": "high"}]}',
        b'{"metrics": [{"key": "a", "value": []}]}',
        b'{"metrics": [{"key": "a", "value": 1, "step": 1.5}]}',
        b'{"metrics": [{"key": "a", "value": 1, "step": 9223372036854775808}]}',
        b'{"params": [{"key": 1, "value": 2}]}', b'{"tags": {"a": "b"}}', b"[" * 100_000,
        b'{"run_id": ' + b"[" * 100_000, b'{"run_id": "../x"}', b"{}", b"",
    ],
)  # fmt: skip
def test_a_body_that_makes_no_sense_is_refused_and_changes_nothing(
    scene: Scene, body: bytes
) -> None:
    answer = scene.client.raw("POST", LOG, body)
    assert answer.status in {400, 404}
    assert answer.json["error_code"] in {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"}
    nothing_logged(scene)


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "runs/set-tag", {"key": "a", "value": "b"}),
        ("POST", "runs/set-tag", {"run_id": "RUN", "value": "b"}),
        ("POST", "runs/log-inputs", {"run_id": "RUN", "datasets": ["x"]}),
        ("POST", "runs/log-inputs", {"run_id": "RUN", "datasets": "abc"}),
        ("POST", "runs/outputs", {"run_id": "RUN", "models": {"a": 1}}),
        ("POST", "runs/create", {"tags": "abc"}),
        ("POST", "runs/create", {"tags": [{"value": 1}]}),
        ("POST", "runs/create", {"start_time": "yesterday"}),
        ("POST", "runs/create", {"start_time": 1e300}),
        ("POST", "runs/update", {"run_id": "RUN", "status": "HAPPY"}),
        ("POST", "runs/update", {"run_id": "RUN", "status": "FINISHED", "end_time": 10**20}),
        ("POST", "runs/search", {"max_results": "all"}),
        ("POST", "runs/search", {"max_results": -1}),
        ("POST", "runs/search", {"page_token": "ä"}),
        ("POST", "runs/search", {"order_by": {"a": 1}}),
        ("POST", "runs/search", {"experiment_ids": 7}),
        ("GET", "metrics/get-history", {"run_id": "RUN", "metric_key": "a", "max_results": "x"}),
        ("POST", "runs/delete-tag", {"run_id": "RUN", "key": "gone"}),
        ("POST", "logged-models", {"name": "../out"}),
        ("POST", "logged-models", {"tags": 3}),
        ("POST", "logged-models/search", {"order_by": ["name"]}),
    ],
)
def test_wrong_types_are_the_clients_fault(
    scene: Scene, method: str, path: str, said: dict[str, object]
) -> None:
    said = {key: scene.run.id if value == "RUN" else value for key, value in said.items()}
    answer = scene.client.refused(path, method, **said)
    assert answer.json["error_code"] in {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"}
    nothing_logged(scene)


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "²", "9" * 5000, "0x10"])
def test_a_length_that_is_none(scene: Scene, length: str) -> None:
    said = exchange(scene, head(scene, "POST", LOG, f"Content-Length: {length}") + b"{}")
    assert said.startswith(b"HTTP/1.1 400 "), said
    nothing_logged(scene)


def test_a_length_that_no_memory_has(scene: Scene) -> None:
    said = exchange(scene, head(scene, "POST", LOG, f"Content-Length: {1 << 50}") + b"{}")
    assert said.startswith(b"HTTP/1.1 400 "), said
    assert b"too long" in said


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def test_bodies_in_chunks(scene: Scene) -> None:
    text = json.dumps({"run_id": scene.run.id, "key": "a", "value": "ä" * 50_000}).encode()
    body = chunked(text[:7], text[7:9000], text[9000:])
    request = head(scene, "POST", f"{API}/mlflow/runs/set-tag", "Transfer-Encoding: chunked")
    upload = head(scene, "PUT", f"{ARTIFACTS}/{scene.place}/a.bin", "Transfer-Encoding: Chunked")
    said = exchange(scene, request + body + upload + chunked(b"one", b"two"))
    assert said.count(b"HTTP/1.1 200 ") == 2
    run = scene.end()
    assert run.logged is not None
    assert len(run.logged.tags["a"]) == 50_000
    assert (scene.folder / "logged/a.bin").read_bytes() == b"onetwo"


@pytest.mark.parametrize("chunk", [b"-5\r\nhello", b"0x5\r\nhello", b"\r\nhello", b"5_0\r\n", b""])
def test_chunks_that_are_none(scene: Scene, chunk: bytes) -> None:
    upload = head(scene, "PUT", f"{ARTIFACTS}/{scene.place}/a.bin", "Transfer-Encoding: chunked")
    said = exchange(scene, upload + chunk + b"\r\n0\r\n\r\n" * bool(chunk))
    assert said.startswith(b"HTTP/1.1 400 "), said
    nothing_logged(scene)
    assert not (scene.folder / "logged/a.bin").exists()


def test_another_coding_is_refused(scene: Scene) -> None:
    request = head(scene, "POST", LOG, "Transfer-Encoding: gzip, chunked")
    assert b"must be `chunked`" in exchange(scene, request + b"0\r\n\r\n")


@pytest.mark.parametrize("kind", ["json", "upload", "chunks"])
def test_a_client_that_breaks_off_leaves_nothing(scene: Scene, kind: str) -> None:
    path = LOG if kind == "json" else f"{ARTIFACTS}/{scene.place}/a.bin"
    method = "POST" if kind == "json" else "PUT"
    length = "Transfer-Encoding: chunked" if kind == "chunks" else "Content-Length: 100000"
    begun = b"2710\r\n" + b"x" * 9000 if kind == "chunks" else b'{"tags": [' + b" " * 9000
    said = exchange(scene, head(scene, method, path, length) + begun)
    assert said.startswith(b"HTTP/1.1 400 "), said
    assert b"broke off" in said
    with connect(scene) as rude:
        rude.sendall(head(scene, method, path, length) + begun)
    assert scene.end().logged is None  # what is being said is heard out first
    assert [one.name for one in scene.folder.iterdir() if one.name.startswith(".upl")] == []
    assert list(scene.folder.glob("logged/*")) == []


def test_requests_in_a_row_on_one_connection(scene: Scene) -> None:
    def tag(name: str) -> bytes:
        body = json.dumps({"run_id": scene.run.id, "key": name, "value": "x"}).encode()
        path = f"{API}/mlflow/runs/set-tag"
        return head(scene, "POST", path, f"Content-Length: {len(body)}") + body

    # The second one has a body that nobody reads.
    health = head(scene, "GET", "/health", "Content-Length: 5") + b"POST "
    unread = head(scene, "GET", f"{API}/mlflow/server-info", "Content-Length: 7") + b"GET / H"
    said = exchange(scene, tag("a") + unread + health + tag("b"))
    assert said.count(b"HTTP/1.1 200 OK") == 4, said
    run = scene.end()
    assert run.logged is not None
    assert run.logged.tags == {"a": "x", "b": "x"}


def test_after_a_refusal_the_rest_is_no_request(scene: Scene) -> None:
    hidden = head(scene, "POST", f"{API}/mlflow/runs/create", "Content-Length: 2") + b"{}"
    request = head(scene, "POST", "/nowhere", f"Content-Length: {len(hidden)}") + hidden
    assert exchange(scene, request).count(b"HTTP/1.1") == 1


def test_a_long_upload_that_is_refused_hears_why(scene: Scene) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * (1 << 20)

    answer = scene.client.put("0/nothing/artifacts/a", blocks())
    assert answer.status == 404
    assert "Run with id=nothing not found" in answer.message


def test_half_characters_do_not_reach_the_record(scene: Scene) -> None:
    text = json.dumps({"run_id": scene.run.id, "key": "\ud800k", "value": "a\udfff"})
    assert scene.client.raw("POST", f"{API}/mlflow/runs/set-tag", text.encode()).status == 200
    run = scene.end()
    assert run.logged is not None
    assert run.logged.tags == {"?k": "a?"}


def test_a_thing_nested_without_end_is_refused(scene: Scene) -> None:
    deep = b'{"run_id": "%s", "datasets": [{"dataset": %s%s}]}' % (
        scene.run.id.encode(), b'{"a":' * 200 + b"1", b"}" * 200,
    )  # fmt: skip
    answer = scene.client.raw("POST", f"{API}/mlflow/runs/log-inputs", deep)
    assert answer.status == 400
    assert "nested deeper" in answer.message
    huge = b'{"run_id": "%s", "datasets": [{"a": %s}]}' % (scene.run.id.encode(), b"9" * 400)
    assert scene.client.raw("POST", f"{API}/mlflow/runs/log-inputs", huge).status in {200, 400}
    assert scene.end().status == "finished"


def test_a_client_that_does_not_wait_for_its_answer(scene: Scene) -> None:
    scene.client.put(f"{scene.place}/big", b"x" * (8 << 20))
    with connect(scene) as rude:
        rude.sendall(head(scene, "GET", f"{ARTIFACTS}/{scene.place}/big"))
        rude.recv(10)
    wait_until(lambda: scene.client.raw("GET", "/health").status == 200)


@pytest.mark.parametrize(("release", "connection"), [("1.30.0", "close"), ("2.9.2", None)])
def test_old_clients_get_a_connection_for_each_call(
    scene: Scene, release: str, connection: str | None
) -> None:
    scene.client.put(f"{scene.place}/a", b"a")
    scene.client.agent = f"mlflow-python-client/{release}"
    for path in ("/health", f"{ARTIFACTS}/{scene.place}/a"):
        answer = scene.client.raw("GET", path)
        assert answer.headers.get("Connection") == connection
