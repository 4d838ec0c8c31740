"""Runs, experiments and models in the JSON that MLflow's REST API has.

Source: MLflow's `service.proto`; what clients of 1.0 to 3.x read of it.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.store.logged import finite

if TYPE_CHECKING:
    from runner.store.journal import Point, State
    from runner.store.records import Run

_STATUSES = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}


def milliseconds(text: str | None) -> int:
    """Milliseconds since 1970 of a record's time."""
    return 0 if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


def status_of(run: Run, state: State) -> str:
    """The run's status in MLflow's words: while it runs, what the step itself said last."""
    if run.status == "running":
        return state.status or "RUNNING"
    return _STATUSES.get(run.status, "KILLED")


def name_of(run: Run, state: State) -> str:
    """A name for people; every run has one in MLflow."""
    return state.name or run.name or f"{run.entry_point}-{run.id[-6:]}"


def run_form(run: Run, state: State, *, experiment_id: str, artifact_uri: str) -> dict[str, Any]:
    """A `Run`."""
    status, name = status_of(run, state), name_of(run, state)
    ended = milliseconds(run.ended) or (state.ended if status != "RUNNING" else None)
    info = {
        "run_id": run.id,
        "run_uuid": run.id,
        "run_name": name,
        "experiment_id": experiment_id,
        "user_id": "",
        "status": status,
        "start_time": milliseconds(run.started),
        "artifact_uri": artifact_uri,
        "lifecycle_stage": "deleted" if state.deleted else "active",
    }
    if ended:
        info["end_time"] = ended
    return {
        "info": info,
        "data": {
            "metrics": metrics_of(run, state),
            "params": _pairs(parameters_of(run, state)),
            "tags": _pairs(tags_of(run, state, name)),
        },
        "inputs": {"dataset_inputs": state.inputs, "model_inputs": []},
        "outputs": {"model_outputs": state.outputs},
    }


def _pairs(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": text} for name, text in texts.items()]


def parameters_of(run: Run, state: State) -> dict[str, str]:
    """What the run was given, and what its step says of it."""
    given = {one.name: one.text for one in run.parameters if not one.secret}
    return {**given, **state.parameters}


def tags_of(run: Run, state: State, name: str) -> dict[str, str]:
    """The tags that MLflow gives to a run of a project, ours, and the step's."""
    ours: dict[str, str | None] = {
        "mlflow.runName": name,
        "mlflow.source.name": run.source.url + (f"#{s}" if (s := run.source.subdirectory) else ""),
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": run.entry_point,
        "mlflow.project.env": run.environment.kind,
        "mlflow.project.backend": "local",
        "mlflow.parentRunId": run.parent,
    }
    if run.source.commit is not None:
        ours["mlflow.source.git.commit"] = run.source.commit
        ours["mlflow.source.git.repoURL"] = run.source.remote or run.source.url
        ours["mlflow.source.git.branch"] = run.source.branch
    known = {tag: text for tag, text in ours.items() if text is not None}
    return {**known, **run.tags, **state.tags}


def metrics_of(run: Run, state: State) -> list[dict[str, Any]]:
    """The last value of each metric."""
    logged = [
        point_form((name, series.last, series.step, series.time))
        for name, series in state.metrics.items()
    ]
    ended = milliseconds(run.ended)
    files = [
        point_form((name, value, 0, ended))
        for name, value in run.metrics.items()
        if name not in state.metrics
    ]
    return logged + files


def point_form(point: Point) -> dict[str, Any]:
    """A `Metric`."""
    name, value, step, time = point
    # As protobuf's JSON has them.
    shown = value if math.isfinite(value) else finite(value)
    return {"key": name, "value": shown, "timestamp": time, "step": step}


def experiment_form(experiment_id: str, name: str, artifact_location: str) -> dict[str, Any]:
    """An `Experiment`; there is nothing that could be deleted."""
    return {
        "experiment_id": experiment_id,
        "name": name,
        "artifact_location": artifact_location,
        "lifecycle_stage": "active",
        "creation_time": 0,
        "last_update_time": 0,
        "tags": [],
    }


def model_form(model: dict[str, Any], *, run: Run, experiment_id: str, uri: str) -> dict[str, Any]:
    """A `LoggedModel`."""
    return {
        "info": {
            "model_id": model["id"],
            "experiment_id": experiment_id,
            "name": model.get("name", model["id"]),
            "creation_timestamp_ms": model.get("created", 0),
            "last_updated_timestamp_ms": model.get("updated", model.get("created", 0)),
            "artifact_uri": uri,
            "status": model.get("status", "LOGGED_MODEL_READY"),
            "model_type": model.get("model_type", ""),
            "source_run_id": run.id,
            "tags": _pairs(model.get("tags", {})),
            "registrations": [],
        },
        "data": {
            "params": _pairs(model.get("params", {})),
            "metrics": [
                {**point_form((name, value, 0, 0)), "model_id": model["id"], "run_id": run.id}
                for name, value in model.get("metrics", {}).items()
                if not isinstance(value, str)
            ],
        },
    }
