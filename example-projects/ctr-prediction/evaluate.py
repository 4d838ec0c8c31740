"""Scores the model that a training run has logged on the sessions that it has not seen."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from clicks import Model, area_under_curve, log_loss, read_sessions


def fetch(run_id: str) -> tuple[str, Model]:
    """The id of the run that `run_id` names, and the model that it has logged.

    Raises:
        MlflowException: there is no such run, or it has logged none.
    """
    trained = mlflow.get_run(run_id).info.run_id
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(
            run_id=trained, artifact_path="model.json", dst_path=folder
        )
        return trained, Model.load(Path(path))


def main() -> None:
    """Fetch the model, predict, score, log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-id", required=True)
    options = parser.parse_args()
    try:
        trained, model = fetch(options.run_id)
    except MlflowException as error:
        parser.exit(1, f"run `{options.run_id}` has no model to evaluate: {error.message}\n")
    _, sessions = read_sessions()
    predicted = model.predict(sessions)
    metrics = {
        "log_loss": log_loss(sessions.clicked, predicted),
        "base_log_loss": log_loss(sessions.clicked, model.base_rate),
        "auc": area_under_curve(sessions.clicked, predicted),
        "predicted_rate": float(predicted.mean()),
        "rate": sessions.rate,
    }
    with mlflow.start_run():
        mlflow.set_tag("trained_by", trained)
        mlflow.log_metrics({name: float(f"{value:.10g}") for name, value in metrics.items()})
    print(f"{len(predicted)} sessions held out, {metrics['rate']:.2%} with the click")
    print(f"log loss {metrics['log_loss']:.4f}, {metrics['base_log_loss']:.4f} at the base rate")
    print(f"auc {metrics['auc']:.3f}")


if __name__ == "__main__":
    main()
