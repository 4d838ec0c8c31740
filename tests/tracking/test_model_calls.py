"""Logged models of every age, and what is asked of a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.tracking.conftest import ARTIFACTS

if TYPE_CHECKING:
    from tests.tracking.conftest import Scene


def create(scene: Scene, **said: Any) -> Any:  # noqa: ANN401  JSON
    return scene.client.post("logged-models", source_run_id=scene.run.id, **said)["model"]


def patch(scene: Scene, path: str, **said: Any) -> Any:  # noqa: ANN401  JSON
    answer = scene.client.ask("PATCH", f"logged-models/{path}", said)
    assert answer.status == 200, answer.content
    return answer.json["model"]


def test_a_logged_model_from_its_beginning_to_its_end(scene: Scene) -> None:
    client = scene.client
    client.agent = "mlflow-python-client/3.1.0"
    said = {"params": [{"key": "depth", "value": "3"}], "tags": [{"key": "a", "value": "b"}]}
    model_id = create(scene, name="tree", model_type="agent", **said)["info"]["model_id"]
    place = f"0/{scene.run.id}/models/{model_id}"
    assert client.put(f"{place}/MLmodel", b"flavors: {}").status == 200
    assert client.put(f"{place}/data/model.bin", b"bin").status == 200
    assert client.raw("GET", f"{ARTIFACTS}/{place}/MLmodel").content == b"flavors: {}"
    patch(scene, f"{model_id}/tags", tags=[{"key": "c", "value": "d"}])
    gone = client.ask("DELETE", f"logged-models/{model_id}/tags/a")
    assert gone.status == 200
    client.post(f"logged-models/{model_id}/params", params=[{"key": "leaf", "value": "1"}])
    metrics = [{"key": "rmse", "value": 0.5, "model_id": model_id}, {"key": "x", "value": "NaN"}]
    client.post("runs/log-batch", run_id=scene.run.id, metrics=metrics)
    ready = patch(scene, model_id, status="LOGGED_MODEL_READY")
    assert ready["info"]["status"] == "LOGGED_MODEL_READY"
    got = client.get(f"logged-models/{model_id}")["model"]
    assert got["info"]["tags"] == [{"key": "c", "value": "d"}]
    assert [one["key"] for one in got["data"]["params"]] == ["depth", "leaf"]
    assert [one["value"] for one in got["data"]["metrics"]] == [0.5]
    files = client.get(f"logged-models/{model_id}/artifacts/directories")["files"]
    assert [one["path"] for one in files] == ["MLmodel", "data"]
    # A client of MLflow 3 lists a model by itself, an older one among the run's artifacts.
    assert client.raw("GET", f"{ARTIFACTS}?path={scene.place}").json["files"] == []
    assert client.raw("GET", f"{ARTIFACTS}?path={scene.place}/tree").json["files"] == []
    client.agent = "mlflow-python-client/2.9.2"
    (listed,) = client.raw("GET", f"{ARTIFACTS}?path={scene.place}").json["files"]
    assert listed == {"path": "tree", "is_dir": True}
    run = scene.end()
    assert run.logged is not None
    (model,) = run.logged.models
    assert (model["name"], model["folder"], model["metrics"]) == ("tree", "tree", {"rmse": 0.5})
    assert [file.path for file in run.logged.artifacts] == ["tree/MLmodel", "tree/data/model.bin"]


def test_models_of_one_name_lie_beside_each_other(scene: Scene) -> None:
    first, second = create(scene, name="m"), create(scene, name="m")
    for number, model in enumerate((first, second)):
        place = f"0/{scene.run.id}/models/{model['info']['model_id']}/a"
        scene.client.put(place, b"%d" % number)
    run = scene.end()
    assert run.logged is not None
    assert len({file.path for file in run.logged.artifacts}) == 2


def test_searching_models(scene: Scene) -> None:
    names = [create(scene, name=f"m{one}")["info"]["name"] for one in range(3)]
    order = [{"field_name": "name", "ascending": False}]
    found = scene.client.post("logged-models/search", experiment_ids=["0"], order_by=order)
    assert [one["info"]["name"] for one in found["models"]] == names[::-1]
    one = scene.client.post("logged-models/search", filter="name = 'm1'", max_results=5)["models"]
    assert [each["info"]["name"] for each in one] == ["m1"]
    model_id = one[0]["info"]["model_id"]
    assert scene.client.ask("DELETE", f"logged-models/{model_id}").status == 200
    scene.client.refused("logged-models/m-none", "GET")


def test_models_of_mlflow_1_and_2_are_a_tag(scene: Scene) -> None:
    client, run_id = scene.client, scene.run.id
    for name in ("a", "b"):
        client.post("runs/log-model", run_id=run_id, model_json=json.dumps({"path": name}))
    client.refused("runs/log-model", run_id=run_id, model_json="{")
    run = scene.end()
    assert run.logged is not None
    history = json.loads(run.logged.tags["mlflow.log-model.history"])
    assert history == [{"path": "a"}, {"path": "b"}]


def test_a_registration_is_kept_as_a_tag(scene: Scene) -> None:
    client = scene.client
    assert client.post("registered-models/create", name="wine")["registered_model"]
    for number in ("1", "2"):
        said = {"name": "wine", "source": f"s{number}", "run_id": scene.run.id}
        made = client.post("model-versions/create", **said)["model_version"]
        assert made["version"] == number
    got = client.get("model-versions/get", name="wine", version="2")["model_version"]
    assert (got["source"], got["run_id"]) == ("s2", scene.run.id)
    uri = client.get("model-versions/get-download-uri", name="wine", version="1")
    assert uri == {"artifact_uri": "s1"}
    for method, path in (
        ("GET", "registered-models/search"),
        ("GET", "model-versions/get"),
        ("POST", "model-versions/transition-stage"),
        ("PATCH", "registered-models/update"),
        ("DELETE", "model-versions/delete"),
    ):
        answer = client.refused(path, method, name="wine", version="9")
        assert "--no-tracking" in answer.message
        assert "registry" in answer.message
    run = scene.end()
    assert run.logged is not None
    assert run.logged.tags == {"reprun.registered.wine.1": "s1", "reprun.registered.wine.2": "s2"}
