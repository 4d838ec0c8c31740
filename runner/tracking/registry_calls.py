"""What `log_model(…, registered_model_name=…)` asks of a registry; more of one there is not.

A script that tries the scheme of its tracking URI, as MLflow's own tutorial does, registers its
model wherever that is not a folder. The registration is kept as a tag of the run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runner.tracking.call import Call, Routes, texts
from runner.tracking.refusal import Refusal, missing

if TYPE_CHECKING:
    from runner.tracking.session import Session

routes = Routes()
TAG = "reprun.registered."
_REFUSED = (
    "reprun keeps no model registry, only which model a run was told to register; for more have "
    "the step log to an MLflow server: pass `--no-tracking` with MLFLOW_TRACKING_URI set to it"
)


@routes.on("POST", "/mlflow/registered-models/create")
@routes.on("GET", "/mlflow/registered-models/get")
def registered_model(session: Session, call: Call) -> dict[str, Any]:
    """A name for models: it need not be kept, only versions mean something."""
    del session
    name = texts(call.fields(), "name")
    return {"registered_model": {"name": name, "latest_versions": [], **_times()}}


@routes.on("POST", "/mlflow/model-versions/create")
def create_version(session: Session, call: Call) -> dict[str, Any]:
    """Keep that a run's model was registered under a name."""
    said = call.fields()
    name, source = texts(said, "name"), str(said.get("source") or "")
    live = session.live(str(said.get("run_id") or session.own.id))
    with live.alone() as state:
        version = 1
        while f"{TAG}{name}.{version}" in state.tags:
            version += 1
        live.log({"tags": {f"{TAG}{name}.{version}": source}})
    return {"model_version": _version(name, str(version), source, live.run.id)}


@routes.on("GET", "/mlflow/model-versions/get")
@routes.on("GET", "/mlflow/model-versions/get-download-uri")
def get_version(session: Session, call: Call) -> dict[str, Any]:
    """A version that this step has registered, or where its files are."""
    said = call.fields()
    name, number = texts(said, "name"), texts(said, "version")
    for run in session.known():
        source = session.state(run).tags.get(f"{TAG}{name}.{number}")
        if source is not None:
            if call.path.endswith("uri"):
                return {"artifact_uri": source}
            return {"model_version": _version(name, number, source, run.id)}
    raise missing(f"Model Version (name={name}, version={number}) not found: {_REFUSED}")


@routes.on("GET", "/mlflow/registered-models/{*}")
@routes.on("POST", "/mlflow/registered-models/{*}")
@routes.on("PATCH", "/mlflow/registered-models/{*}")
@routes.on("DELETE", "/mlflow/registered-models/{*}")
@routes.on("GET", "/mlflow/model-versions/{*}")
@routes.on("POST", "/mlflow/model-versions/{*}")
@routes.on("PATCH", "/mlflow/model-versions/{*}")
@routes.on("DELETE", "/mlflow/model-versions/{*}")
def refused(session: Session, call: Call) -> dict[str, Any]:
    """The rest of a registry."""
    del session
    raise Refusal("FEATURE_DISABLED", f"{call.method} {call.path}: {_REFUSED}")


def _version(name: str, version: str, source: str, run_id: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "source": source,
        "run_id": run_id,
        "status": "READY",
        "current_stage": "None",
        **_times(),
    }


def _times() -> dict[str, int]:
    now = int(time.time() * 1000)
    return {"creation_timestamp": now, "last_updated_timestamp": now}
