"""Answers what MLflow's clients ask and say of runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from runner.store import journal, layout, logged
from runner.tracking import finding, forms
from runner.tracking.call import Call, Routes, moment, number, objects, pairs, texts, words
from runner.tracking.live import measured
from runner.tracking.refusal import missing, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.store.journal import Event, Point
    from runner.store.records import Run
    from runner.tracking.session import Session

routes = Routes()
_PAGE = 25_000
_THINNED = 2_500
_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class _Measured(Struct):
    key: str
    value: float
    timestamp: _Whole = 0
    step: _Whole = 0
    model_id: str | None = None


class _Named(Struct):
    key: str
    value: str = ""


class _Batch(Struct):
    run_id: str = ""
    run_uuid: str = ""
    metrics: list[_Measured] = field(default_factory=list)
    params: list[_Named] = field(default_factory=list)
    tags: list[_Named] = field(default_factory=list)


class _Metric(_Measured, kw_only=True):
    run_id: str = ""
    run_uuid: str = ""


_batch = msgspec.json.Decoder(_Batch, strict=False)
_metric = msgspec.json.Decoder(_Metric, strict=False)


def artifact_uri(session: Session, run: Run, *, old: bool) -> str:
    """Where a client puts the artifacts of a run; an old one writes to the folder itself."""
    if old and run.directory is not None:
        folder = run.directory / layout.LOGGED
        folder.mkdir(exist_ok=True)
        return str(folder)  # before 1.0 they know no `file:`
    return f"mlflow-artifacts:/{session.experiment.id}/{run.id}/artifacts"


def form_of(session: Session, run: Run, *, old: bool) -> dict[str, Any]:
    """A run as MLflow has it."""
    return forms.run_form(
        run,
        session.state(run),
        experiment_id=session.experiment.id_for(run, session.own),
        artifact_uri=artifact_uri(session, run, old=old),
    )


@routes.on("POST", "/mlflow/runs/log-batch")
def log_batch(session: Session, call: Call) -> dict[str, Any]:
    """Metrics, parameters and tags of a run, all of them or none."""
    batch: _Batch = call.decoded(_batch)
    live = session.live(batch.run_id or batch.run_uuid)
    events = list(_points_logged(batch.metrics))
    if batch.tags:
        events.append({"tags": {one.key: one.value for one in batch.tags}})
    live.log(*events, parameters=_once(batch.params))
    return {}


def _once(named: list[_Named]) -> dict[str, str]:
    """Parameters by name.

    Raises:
        Refusal: one is there twice, with two values.
    """
    found: dict[str, str] = {}
    for one in named:
        if not logged.alike(found.setdefault(one.key, one.value), one.value):
            raise wrong(f"Duplicate parameter keys have been submitted: ['{one.key}']")
    return found


@routes.on("POST", "/mlflow/runs/log-metric")
def log_metric(session: Session, call: Call) -> dict[str, Any]:
    """One measurement."""
    metric: _Metric = call.decoded(_metric)
    session.live(metric.run_id or metric.run_uuid).log(*_points_logged([metric]))
    return {}


def _points_logged(metrics: Sequence[_Measured]) -> Iterator[Event]:
    now = int(time.time() * 1000)
    by_model: dict[str | None, list[Point]] = {}
    for one in metrics:
        points = by_model.setdefault(one.model_id or None, [])
        points.append((one.key, one.value, one.step, one.timestamp or now))
    return (measured(points, model) for model, points in by_model.items())


@routes.on("POST", "/mlflow/runs/log-parameter")
def log_parameter(session: Session, call: Call) -> dict[str, Any]:
    """One parameter."""
    said = call.fields()
    live = session.live(texts(said, "run_id", "run_uuid"))
    live.log(parameters=pairs([{**said, "key": texts(said, "key")}]))
    return {}


@routes.on("POST", "/mlflow/runs/set-tag")
def set_tag(session: Session, call: Call) -> dict[str, Any]:
    """One tag."""
    said = call.fields()
    live = session.live(texts(said, "run_id", "run_uuid"))
    live.log({"tags": {**pairs([{**said, "key": texts(said, "key")}])}})
    return {}


@routes.on("POST", "/mlflow/runs/delete-tag")
def delete_tag(session: Session, call: Call) -> dict[str, Any]:
    """Take a tag away."""
    said = call.fields()
    live, name = session.live(texts(said, "run_id")), texts(said, "key")
    if name not in live.state.tags:
        raise missing(f"No tag with name: {name} in run with id {live.run.id}")
    live.log({"tags": {name: None}})
    return {}


@routes.on("POST", "/mlflow/runs/log-inputs")
def log_inputs(session: Session, call: Call) -> dict[str, Any]:
    """Data sets that a run reads."""
    said = call.fields()
    session.live(texts(said, "run_id")).log({"inputs": objects(said, "datasets")})
    return {}


@routes.on("POST", "/mlflow/runs/outputs")
def log_outputs(session: Session, call: Call) -> dict[str, Any]:
    """Logged models that a run made."""
    said = call.fields()
    session.live(texts(said, "run_id")).log({"outputs": objects(said, "models")})
    return {}


@routes.on("POST", "/mlflow/runs/create")
def create_run(session: Session, call: Call) -> dict[str, Any]:
    """A further run, below the step's own."""
    said = call.fields()
    tags = pairs(said.get("tags") or [])
    tagged, parent = tags.pop("mlflow.runName", None), tags.pop("mlflow.parentRunId", None)
    name = str(said.get("run_name") or tagged or "") or None
    live = session.make(name=name, parent=parent, started=moment(said, "start_time"))
    if tags:
        live.log({"tags": {**tags}})
    return {"run": form_of(session, live.run, old=call.old)}


@routes.on("POST", "/mlflow/runs/update")
def update_run(session: Session, call: Call) -> dict[str, Any]:
    """The status and name of a run."""
    said = call.fields()
    live = session.live(texts(said, "run_id", "run_uuid"))
    event: Event = {}
    if (status := said.get("status")) is not None:
        event["status"] = _status(status)
        event["ended"] = moment(said, "end_time")
    if said.get("run_name"):
        event["name"] = str(said["run_name"])
    if event:
        live.log(event)
        session.end(live)
    info = form_of(session, session.run(live.run.id), old=call.old)["info"]
    return {"run_info": info}


def _status(status: object) -> str:
    """Old clients send the number of protobuf's enumeration."""
    names = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
    found = names.get(status, str(status)) if isinstance(status, int) else str(status)
    if found not in names.values():
        raise wrong(f"Invalid run status: {status!r}")
    return found


@routes.on("POST", "/mlflow/runs/delete")
def delete_run(session: Session, call: Call) -> dict[str, Any]:
    """Mark a run as deleted, for the step's own eyes; the record stays."""
    session.live(texts(call.fields(), "run_id")).log({"lifecycle": "deleted"})
    return {}


@routes.on("POST", "/mlflow/runs/restore")
def restore_run(session: Session, call: Call) -> dict[str, Any]:
    """Undo `delete`."""
    session.live(texts(call.fields(), "run_id")).log({"lifecycle": "active"})
    return {}


@routes.on("GET", "/mlflow/runs/get")
def get_run(session: Session, call: Call) -> dict[str, Any]:
    """A run."""
    run = session.run(texts(call.fields(), "run_id", "run_uuid"))
    return {"run": form_of(session, run, old=call.old)}


@routes.on("POST", "/mlflow/runs/search")
def search_runs(session: Session, call: Call) -> dict[str, Any]:
    """Runs of the store that a filter lets through."""
    said = call.fields()
    found, token = finding.runs(session, said, call.asked)
    answer: dict[str, Any] = {"runs": [form_of(session, run, old=call.old) for run in found]}
    return answer | ({"next_page_token": token} if token else {})


@routes.on("GET", "/mlflow/metrics/get-history")
def history(session: Session, call: Call) -> dict[str, Any]:
    """All measurements of a metric."""
    said = call.fields()
    run, name = session.run(texts(said, "run_id", "run_uuid")), texts(said, "metric_key")
    points = _points(session, run, name)
    first, _ = finding.offset(said.get("page_token"))
    size = number(said, "max_results", _PAGE if said.get("page_token") else len(points) or 1)
    answer: dict[str, Any] = {
        "metrics": [forms.point_form(point) for point in points[first : first + size]]
    }
    if first + size < len(points):
        answer["next_page_token"] = finding.token(first + size)
    return answer


def _points(session: Session, run: Run, name: str) -> list[Point]:
    if run.directory is None:
        return []
    points = list(journal.history(run.directory, name))
    if not points:
        known = forms.metrics_of(run, session.state(run))
        points = [
            (one["key"], one["value"], 0, one["timestamp"]) for one in known if one["key"] == name
        ]
    return points


@routes.on("GET", "/mlflow/metrics/get-history-bulk-interval")
def bulk_history(session: Session, call: Call) -> dict[str, Any]:
    """Measurements of a metric of several runs, thinned out."""
    said = call.fields()
    name, most = texts(said, "metric_key"), number(said, "max_results", _THINNED)
    found = []
    for run_id in words(said, "run_ids") or words(said, "run_id"):
        points = _points(session, session.run(run_id), name)
        step = max(1, -(-len(points) // most))
        # The last one is where the metric stands: never left out.
        shown = points[::step] + (points[-1:] if (len(points) - 1) % step else [])
        found += [{**forms.point_form(point), "run_id": run_id} for point in shown]
    return {"metrics": found}
