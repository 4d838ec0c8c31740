"""Artifacts: whole or not at all, streamed, and never outside of their run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from runner.progress import Silent
from runner.store import gc, runs
from runner.store.records import RecordedFile
from tests.support.processes import resident_bytes
from tests.tracking.conftest import API, ARTIFACTS, Answer, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.tracking.conftest import Scene

MPU = f"{API}/mlflow-artifacts/mpu"


def get(scene: Scene, path: str) -> Answer:
    return scene.client.raw("GET", f"{ARTIFACTS}/{scene.place}/{path}")


def listed(scene: Scene, path: str = "") -> list[str]:
    said = scene.client.get("artifacts/list", run_id=scene.run.id, path=path)
    return [one["path"] + "/" * one["is_dir"] for one in said["files"]]


def test_artifacts_go_in_and_come_out(scene: Scene) -> None:
    for path, content in (
        ("a.txt", b"a"),
        ("sub/deep/b.txt", b"bb"),
        ("a.txt", b"new"),
        ("e", b""),
    ):
        assert taken(scene.client.put(f"{scene.place}/{path}", content)) == {}
    assert listed(scene) == ["a.txt", "e", "sub/"]
    assert listed(scene, "sub") == ["sub/deep/"]
    assert listed(scene, "a.txt") == listed(scene, "gone") == []
    below = scene.client.raw("GET", f"{ARTIFACTS}?path={scene.place}/sub/deep").json
    assert below == {"files": [{"path": "b.txt", "is_dir": False, "file_size": 2}]}
    answer = get(scene, "a.txt")
    assert answer.content == b"new"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert get(scene, "e").content == b""
    assert get(scene, "gone").status == get(scene, "sub").status == 404
    run = scene.end()
    assert run.logged is not None
    assert [(one.path, one.size) for one in run.logged.artifacts] == [
        ("a.txt", 3), ("e", 0), ("sub/deep/b.txt", 2),
    ]  # fmt: skip
    assert run.warnings == ("something doubtful",)


@pytest.mark.parametrize(
    "name", ["a b.txt", "grün/日本.txt", "100%.txt", "%2e%2e", 'q"uote\r\n.txt', "back\\slash", "~"]
)
def test_odd_names(scene: Scene, name: str) -> None:
    assert scene.client.put(f"{scene.place}/{name}", b"x").status == 200
    from urllib.parse import quote

    answer = get(scene, quote(name))
    assert answer.content == b"x"
    assert "\n" not in answer.headers["Content-Disposition"]
    run = scene.end()
    assert run.logged is not None
    assert [one.path for one in run.logged.artifacts] == [name]


@pytest.mark.parametrize(
    "path",
    [
        "..", "../x", "a/../../x", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "/etc/passwd", "//x", "a//b",
        ".", "a/./b", "nul%00l", "", "link/x", "link/sub/x",
    ],
)  # fmt: skip
def test_nothing_leaves_the_run(scene: Scene, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "x").write_text("theirs")
    (scene.folder / "logged").mkdir()
    (scene.folder / "logged/link").symlink_to(outside)
    place = f"{ARTIFACTS}/{scene.place}/{path}"
    before = sorted(str(one) for one in tmp_path.rglob("*"))
    for method in ("PUT", "GET", *(("DELETE",) if path else ())):
        assert scene.client.raw(method, place, b"mine").status in {400, 404}, method
    assert sorted(str(one) for one in tmp_path.rglob("*")) == before
    assert (outside / "x").read_text() == "theirs"


def test_a_planted_link_shows_nothing(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("theirs")
    (scene.folder / "logged").mkdir()
    (scene.folder / "logged/link").symlink_to(tmp_path)
    (scene.folder / "logged/file").symlink_to(tmp_path / "secret")
    assert listed(scene) == ["file", "link"]
    assert listed(scene, "link") == []
    assert get(scene, "file").status == 404
    assert scene.client.put(f"{scene.place}/file", b"mine").status == 200
    assert (tmp_path / "secret").read_text() == "theirs"
    run = scene.end()
    assert any("`link` is no file" in text for text in run.warnings)


def test_a_link_in_the_place_of_all_artifacts(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (scene.folder / "logged").symlink_to(tmp_path / "elsewhere")
    assert scene.client.put(f"{scene.place}/a", b"a").status == 400
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert scene.end().status == "finished"


def test_a_pipe_and_a_name_of_bytes(scene: Scene) -> None:
    (scene.folder / "logged").mkdir()
    os.mkfifo(scene.folder / "logged/pipe")
    (scene.folder / os.fsdecode(b"logged/\xff")).write_text("x")
    assert listed(scene) == ["pipe", "\ufffd"]
    assert get(scene, "pipe").status == 404
    run = scene.end()
    assert run.logged is not None
    assert [one.path for one in run.logged.artifacts] == ["\udcff"]


def test_a_file_in_the_way(scene: Scene) -> None:
    scene.client.put(f"{scene.place}/a", b"a")
    answer = scene.client.put(f"{scene.place}/a/b", b"b")
    assert (answer.status, answer.json["error_code"]) == (400, "RESOURCE_EXHAUSTED")
    scene.client.put(f"{scene.place}/folder/b", b"b")
    assert scene.client.put(f"{scene.place}/folder", b"b").status == 400
    assert scene.client.put(f"{scene.place}/{'n' * 300}", b"b").status == 400


def test_a_name_that_no_file_system_takes(scene: Scene) -> None:
    for path in ("n" * 300, "/".join(["deep"] * 2000)):
        for method in ("PUT", "GET", "DELETE"):
            answer = scene.client.raw(method, f"{ARTIFACTS}/{scene.place}/{path}", b"x")
            assert answer.status in {400, 404}
            assert b"INTERNAL" not in answer.content
        scene.client.refused("artifacts/list", "GET", run_id=scene.run.id, path=path)


def test_deleting(scene: Scene) -> None:
    for path in ("a", "sub/b", "sub/c"):
        scene.client.put(f"{scene.place}/{path}", b"x")
    for path in ("a", "sub"):
        assert scene.client.raw("DELETE", f"{ARTIFACTS}/{scene.place}/{path}").status == 200
    assert scene.client.raw("DELETE", f"{ARTIFACTS}/{scene.place}/a").status == 404
    assert listed(scene) == []
    scene.client.put(f"{scene.place}/a", b"x")
    assert scene.client.raw("DELETE", f"{ARTIFACTS}/{scene.place}").status == 200
    assert scene.end().logged is None


def begin_parts(scene: Scene, count: Any = 3) -> Any:  # noqa: ANN401  JSON
    said = json.dumps({"path": "/local/big.bin", "num_parts": count}).encode()
    return scene.client.raw("POST", f"{MPU}/create/{scene.place}/sub", said).json


def finish_parts(scene: Scene, upload_id: str, *numbers: object, verb: str = "complete") -> Answer:
    parts = [{"part_number": one, "etag": str(one)} for one in numbers]
    said = json.dumps({"path": "big.bin", "upload_id": upload_id, "parts": parts}).encode()
    return scene.client.raw("POST", f"{MPU}/{verb}/{scene.place}/sub", said)


def send_part(scene: Scene, credential: dict[str, Any], content: bytes) -> Answer:
    path = credential["url"].removeprefix(scene.client.address)
    return scene.client.raw("PUT", path, content)


def test_an_upload_in_parts(scene: Scene) -> None:
    begun = begin_parts(scene)
    for credential in reversed(begun["credentials"]):
        number = credential["part_number"]
        answer = send_part(scene, credential, b"%d" % number * 3)
        assert answer.headers["ETag"] == str(number)
    assert listed(scene) == []
    assert finish_parts(scene, begun["upload_id"], 2, 1, 3).status == 200
    assert get(scene, "sub/big.bin").content == b"111222333"
    assert finish_parts(scene, begun["upload_id"], 1).status == 404
    assert send_part(scene, begun["credentials"][0], b"x").status == 404
    assert [one.name for one in scene.folder.iterdir() if one.name.startswith(".")] == []


def test_an_upload_in_parts_that_is_not_completed(scene: Scene) -> None:
    begun, other = begin_parts(scene), begin_parts(scene)
    send_part(scene, begun["credentials"][0], b"1")
    for numbers in ((1, 2), (), ("x",), (-1,), (None,), (10**6,)):
        assert finish_parts(scene, begun["upload_id"], *numbers).status == 400
    odd = begun["credentials"][0]["url"].removesuffix("/1")
    for number in ("0", "x", "10001", "-1"):
        assert send_part(scene, {"url": f"{odd}/{number}"}, b"x").status == 400
    for count in (-1, "many", 10_001, [1]):
        assert begin_parts(scene, count)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert finish_parts(scene, "../x", 1).status == 404
    assert finish_parts(scene, begun["upload_id"], verb="abort").status == 200
    assert finish_parts(scene, begun["upload_id"], 1).status == 404
    send_part(scene, other["credentials"][0], b"1")
    assert scene.end().logged is None
    assert [one.name for one in scene.folder.iterdir() if one.name.startswith(".")] == []


def test_what_is_no_artifact_of_a_run(scene: Scene) -> None:
    for place in ("x", "0/gone/artifacts/a", f"0/{scene.run.id}/other/a", "0/../artifacts/a"):
        assert scene.client.put(place, b"x").status == 404, place
    assert scene.client.put(f"0/{scene.run.id}/models/m-1/a", b"x").status == 404


def test_a_big_upload_takes_no_memory(scene: Scene) -> None:
    def blocks() -> Iterator[bytes]:
        block = os.urandom(1 << 20)
        for _ in range(200):
            yield block

    scene.client.put(f"{scene.place}/small", b"x")
    before = resident_bytes(os.getpid())
    assert scene.client.put(f"{scene.place}/big", blocks()).status == 200
    assert resident_bytes(os.getpid()) - before < 32 << 20
    assert (scene.folder / "logged/big").stat().st_size == 200 << 20


def test_an_old_client_writes_to_the_folder_itself(scene: Scene) -> None:
    scene.client.agent = "mlflow-python-client/1.14.0"
    uri = scene.data()["info"]["artifact_uri"]
    assert uri == str(scene.folder / "logged")
    (scene.folder / "logged/a.txt").write_text("a")
    assert listed(scene) == ["a.txt"]


def test_objects_are_kept_counted_once_and_freed(open_scene: Callable[..., Scene]) -> None:
    import hashlib

    digest = hashlib.sha256(b"same").hexdigest()
    scene = open_scene(
        outputs=(RecordedFile("a", digest, 4, origin="declared"), RecordedFile("b", "c" * 64, 3))
    )
    for name in ("a", "b", "c"):
        scene.client.put(f"{scene.place}/{name}", {"a": b"same", "b": b"b", "c": b"c"}[name])
    run = scene.end()
    assert sorted(file.path for file in run.files) == ["a", "b", "c", "logged/b"]
    kept = {path.name for path in scene.settings.objects.iterdir()}
    assert len(kept) == 3
    settings = scene.settings
    gc.collect(settings=settings, progress=Silent(), grace_s=-10)
    assert {path.name for path in settings.objects.iterdir()} == kept
    released = runs.delete([run.id], settings=settings)
    assert kept <= released
    gc.collect(settings=settings, progress=Silent(), released=released)
    assert list(settings.objects.iterdir()) == []
