"""Fits logistic regression on hashed features by Adam; logs each epoch's loss, and the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import numpy as np

from clicks import SEED, SLOTS, Model, Sessions, log_loss, read_sessions, sigmoid

if TYPE_CHECKING:
    from collections.abc import Iterator

PENALTY = 1e-4  # of squared weights: a browser seen twice shall not count much
DECAY, SQUARED_DECAY, TINY = 0.9, 0.999, 1e-8  # as in Kingma and Ba, arXiv:1412.6980


def arguments() -> argparse.Namespace:
    """What the entry point `train` hands over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--max-epochs", type=int, required=True)
    parser.add_argument("--experiment-name", required=True)
    return parser.parse_args()


def epochs(sessions: Sessions, rate: float, batch: int, count: int) -> Iterator[Model]:
    """The model after each epoch; it starts from the base rate, and no feature."""
    generator = np.random.default_rng(SEED)
    base = sessions.rate
    # The bias stands behind the weights, and every session has it.
    weights = np.append(np.zeros(SLOTS), np.log(base / (1 - base)))
    slots = np.column_stack((sessions.slots, np.full(len(sessions.slots), SLOTS)))
    penalty = np.append(np.full(SLOTS, PENALTY), 0)
    mean, square, step = np.zeros_like(weights), np.zeros_like(weights), 0
    for _ in range(count):
        order = generator.permutation(len(slots))
        for first in range(0, len(order), batch):
            rows = slots[chosen := order[first : first + batch]]
            error = (sigmoid(weights[rows].sum(axis=1)) - sessions.clicked[chosen]) / len(chosen)
            spread = np.repeat(error, rows.shape[1])
            gradient = np.bincount(rows.ravel(), spread, len(weights)) + penalty * weights
            step += 1
            mean += (1 - DECAY) * (gradient - mean)
            square += (1 - SQUARED_DECAY) * (gradient**2 - square)
            root = np.sqrt(square / (1 - SQUARED_DECAY**step)) + TINY
            weights -= rate * mean / (1 - DECAY**step) / root
        # Ten digits, for the last bits differ between processors.
        *rounded, bias = (float(f"{weight:.10g}") for weight in weights)
        yield Model(base, bias, rounded)


def main() -> None:
    """Train; log the loss of each epoch, and the model."""
    options = arguments()
    sessions, _ = read_sessions()
    if options.experiment_name != "default":
        # `default` is whatever experiment the run was started in.
        mlflow.set_experiment(options.experiment_name)
    with mlflow.start_run() as run:
        trained = epochs(sessions, options.learning_rate, options.batch_size, options.max_epochs)
        for epoch, model in enumerate(trained, 1):
            loss = log_loss(sessions.clicked, model.predict(sessions))
            mlflow.log_metric("train_log_loss", float(f"{loss:.10g}"), step=epoch)
        base = log_loss(sessions.clicked, model.base_rate)
        mlflow.log_metric("train_base_log_loss", float(f"{base:.10g}"))
        model.save(Path("model.json"))
        mlflow.log_artifact("model.json")
    print(f"{len(sessions.clicked)} sessions, {model.base_rate:.2%} with the click")
    print(f"log loss {loss:.4f}, {base:.4f} at the base rate")
    print(f"run id {run.info.run_id}")


if __name__ == "__main__":
    main()
