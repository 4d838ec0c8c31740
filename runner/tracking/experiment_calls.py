"""Answers what MLflow's clients ask of experiments: to a step, its run's is the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.store import logged
from runner.tracking import experiments, finding, forms
from runner.tracking.call import Call, Routes, texts

if TYPE_CHECKING:
    from runner.tracking.session import Session

routes = Routes()


def _experiment(experiment_id: str, name: str) -> dict[str, Any]:
    return forms.experiment_form(experiment_id, name, f"mlflow-artifacts:/{experiment_id}")


def _own(session: Session, name: str | None = None) -> dict[str, Any]:
    shown = name or session.experiment.label or experiments.DEFAULT_NAME
    return _experiment(session.experiment.id, shown)


@routes.on("GET", "/mlflow/experiments/get-by-name")
def experiment_by_name(session: Session, call: Call) -> dict[str, Any]:
    """The run's own experiment, whatever the step calls it."""
    name = texts(call.fields(), "experiment_name")
    session.experiment.called(name)
    return {"experiment": _own(session, name)}


@routes.on("POST", "/mlflow/experiments/create")
def create_experiment(session: Session, call: Call) -> dict[str, Any]:
    """The run's own experiment, under a new name."""
    session.experiment.called(texts(call.fields(), "name"))
    return {"experiment_id": session.experiment.id}


@routes.on("GET", "/mlflow/experiments/get")
def get_experiment(session: Session, call: Call) -> dict[str, Any]:
    """The run's own experiment, or the one of another run of the store."""
    wanted = texts(call.fields(), "experiment_id")
    for name, known in finding.experiments(session):
        if known == wanted:
            return {"experiment": _experiment(known, name), "runs": []}
    return {"experiment": _own(session), "runs": []}


@routes.on("GET", "/mlflow/experiments/search")
@routes.on("POST", "/mlflow/experiments/search")
@routes.on("GET", "/mlflow/experiments/list")
def search_experiments(session: Session, call: Call) -> dict[str, Any]:
    """The run's own experiment, and those of the store's other runs."""
    said = call.fields()
    found = [_own(session)] + [
        _experiment(known, name) for name, known in finding.experiments(session)
    ]
    return {"experiments": finding.filtered_experiments(found, said)}


@routes.on("POST", "/mlflow/experiments/set-experiment-tag")
@routes.on("POST", "/mlflow/experiments/delete-experiment-tag")
@routes.on("POST", "/mlflow/experiments/update")
@routes.on("POST", "/mlflow/experiments/delete")
@routes.on("POST", "/mlflow/experiments/restore")
def change_experiment(session: Session, call: Call) -> dict[str, Any]:
    """Nothing is kept of experiments themselves but what runs say of them.

    Scripts that make, delete and make one again find it there all the same.
    """
    said = call.fields()
    if call.path.endswith("/update") and said.get("new_name"):
        session.experiment.called(str(said["new_name"]))
    return {}


@routes.on("POST", "/mlflow/experiments/search-datasets")
def search_datasets(session: Session, call: Call) -> dict[str, Any]:
    """The data sets that the step's run reads."""
    call.fields()
    sets = [one.get("dataset", {}) for one in logged.state_of(session.own).inputs]
    return {
        "dataset_summaries": [
            {
                "experiment_id": session.experiment.id,
                "name": one.get("name", ""),
                "digest": one.get("digest", ""),
            }
            for one in sets
        ]
    }
