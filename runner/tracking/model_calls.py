"""Logged models: as tags in MLflow 1 and 2, as things of their own in MLflow 3."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from runner.store import layout
from runner.tracking import finding, forms, search
from runner.tracking.call import Call, Routes, number, objects, pairs, texts
from runner.tracking.refusal import missing, wrong

if TYPE_CHECKING:
    from runner.store.records import Run
    from runner.tracking.session import Session

routes = Routes()
_PLACE = "/mlflow/logged-models"
_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
_HISTORY = "mlflow.log-model.history"


@routes.on("POST", "/mlflow/runs/log-model")
def log_model(session: Session, call: Call) -> dict[str, Any]:
    """A model of MLflow 1 and 2: its description joins the list in a tag."""
    said = call.fields()
    live = session.live(texts(said, "run_id", "run_uuid"))
    with live.alone() as state:
        try:
            model = json.loads(texts(said, "model_json"))
            known = json.loads(state.tags.get(_HISTORY, "[]"))
        except (ValueError, RecursionError):
            raise wrong("Malformed model info: model_json is not JSON") from None
        # A step may have given the tag any text.
        known = known if isinstance(known, list) else []
        live.log({"tags": {_HISTORY: json.dumps([*known, model], ensure_ascii=False)}})
    return {}


@routes.on("POST", _PLACE)
def create(session: Session, call: Call) -> dict[str, Any]:
    """A model whose files are about to come."""
    said = call.fields()
    live = session.live(str(said.get("source_run_id") or session.own.id))
    name = str(said.get("name") or "model").strip("/")
    if not layout.clean_path(name):
        raise wrong(f"Invalid name of a model: {name!r}")
    model_id = f"m-{os.urandom(16).hex()}"
    model = {
        "id": model_id,
        "name": name,
        "folder": name,
        "status": _STATUSES[1],
        "model_type": str(said.get("model_type") or ""),
        "created": int(time.time() * 1000),
        "params": pairs(said.get("params") or []),
        "tags": pairs(said.get("tags") or []),
    }
    with live.alone() as state:
        # The first of a name lies where `log_artifacts(…, name)` would put it.
        if name in {one.get("folder") for one in state.models.values()}:
            model["folder"] = f"{name}-{model_id[2:10]}"
        live.log({"model": model})
    return {"model": _form(session, live.run, live.state.models[model_id])}


@routes.on("POST", f"{_PLACE}/search")
def search_models(session: Session, call: Call) -> dict[str, Any]:
    """The models of the step's run and of those below and beside it."""
    said = call.fields()
    wanted = search.parse(str(said.get("filter") or ""))
    runs, _ = finding.runs(session, {"experiment_ids": said.get("experiment_ids")})
    models = []
    for run in runs:
        for model in session.state(run).models.values():
            facts: search.Facts = {
                ("attributes", "name"): model.get("name"),
                ("attributes", "run_name"): model.get("name"),
                ("attributes", "model_id"): model["id"],
                ("attributes", "source_run_id"): run.id,
                ("attributes", "status"): model.get("status"),
                ("attributes", "creation_timestamp"): float(model.get("created", 0)),
            }
            facts |= {("params", key): text for key, text in model.get("params", {}).items()}
            facts |= {("tags", key): text for key, text in model.get("tags", {}).items()}
            facts |= {("metrics", key): value for key, value in model.get("metrics", {}).items()}
            if search.matches(facts, wanted):
                models.append((_form(session, run, model), facts))
    orders = [
        f"{one.get('field_name', '')} {'ASC' if one.get('ascending', True) else 'DESC'}"
        for one in objects(said, "order_by")
    ]
    ordered = search.ordered(models, orders, default=("attributes", "creation_timestamp"))
    most = number(said, "max_results", 100)
    return {"models": [form for form, _ in ordered[:most]]}


@routes.on("GET", f"{_PLACE}/{{}}")
def get(session: Session, call: Call) -> dict[str, Any]:
    """A model."""
    run, model = _find(session, call.parts[0])
    return {"model": _form(session, run, model)}


@routes.on("PATCH", f"{_PLACE}/{{}}")
def finalize(session: Session, call: Call) -> dict[str, Any]:
    """Its files are there, or won't come."""
    said = call.fields()
    status = said.get("status") or 2
    known = _STATUSES.get(status, str(status)) if isinstance(status, int) else str(status)
    return _changed(session, call.parts[0], {"status": known})


@routes.on("PATCH", f"{_PLACE}/{{}}/tags")
def set_tags(session: Session, call: Call) -> dict[str, Any]:
    """Tags of a model."""
    return _changed(session, call.parts[0], {"tags": pairs(call.fields().get("tags") or [])})


@routes.on("DELETE", f"{_PLACE}/{{}}/tags/{{}}")
def delete_tag(session: Session, call: Call) -> dict[str, Any]:
    """Take a tag of a model away."""
    return _changed(session, call.parts[0], {"tags": {call.parts[1]: None}})


@routes.on("POST", f"{_PLACE}/{{}}/params")
def log_params(session: Session, call: Call) -> dict[str, Any]:
    """Parameters of a model."""
    return _changed(session, call.parts[0], {"params": pairs(call.fields().get("params") or [])})


@routes.on("DELETE", f"{_PLACE}/{{}}")
def delete(session: Session, call: Call) -> dict[str, Any]:
    """Mark a model as deleted; its files stay with the run."""
    return _changed(session, call.parts[0], {"deleted": True})


@routes.on("GET", f"{_PLACE}/{{}}/artifacts/directories")
def list_files(session: Session, call: Call) -> dict[str, Any]:
    """What lies in a folder of a model."""
    from runner.tracking.artifact_calls import confined, listed

    run, model = _find(session, call.parts[0])
    assert run.directory is not None
    below = str(call.fields().get("artifact_directory_path") or "").strip("/")
    # What stands in the journal may be anybody's word.
    top = confined(run.directory / layout.LOGGED, str(model.get("folder")))
    if top.is_symlink():
        raise missing(f"Logged model with ID '{model['id']}' has no folder.")
    return {"root_uri": _uri(session, run, model), "files": listed(top, below, whole=True)}


def _changed(session: Session, model_id: str, change: dict[str, Any]) -> dict[str, Any]:
    run, _ = _find(session, model_id)
    live = session.live(run.id)
    live.log({"model": {"id": model_id, "updated": int(time.time() * 1000), **change}})
    return {"model": _form(session, live.run, live.state.models[model_id])}


def _find(session: Session, model_id: str) -> tuple[Run, dict[str, Any]]:
    """The model and the run that made it: the step's own runs first, then the store's others."""
    for run in session.known():
        if (model := session.state(run).models.get(model_id)) is not None:
            return run, model
    runs, _ = finding.runs(session, {"max_results": 200})
    for run in runs:
        if (model := session.state(run).models.get(model_id)) is not None:
            return run, model
    raise missing(f"Logged model with ID '{model_id}' not found.")


def _form(session: Session, run: Run, model: dict[str, Any]) -> dict[str, Any]:
    return forms.model_form(
        model,
        run=run,
        experiment_id=session.experiment.id_for(run, session.own),
        uri=_uri(session, run, model),
    )


def _uri(session: Session, run: Run, model: dict[str, Any]) -> str:
    return f"mlflow-artifacts:/{session.experiment.id}/{run.id}/models/{model['id']}"
