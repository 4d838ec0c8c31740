"""Scores a trained model on the patients that it has not seen; writes metrics and a plot."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from diabetes import Model, read_patients, scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def plot(truth: NDArray[np.float64], predicted: NDArray[np.float64], r2: float) -> None:
    """Measured against predicted progression; a perfect model's points lie on the line."""
    figure, axes = plt.subplots(figsize=(4.8, 4.8), layout="constrained")
    axes.scatter(truth, predicted, s=16, alpha=0.7, color="#3b6ea5")
    axes.axline((150, 150), slope=1, color="black", linewidth=0.8)
    axes.set(xlim=(0, 350), ylim=(0, 350), aspect="equal")
    axes.set(xlabel="measured progression", ylabel="predicted", title=f"held out, r2 {r2:.3f}")
    # Without metadata the file says nothing of when and by what it was made.
    figure.savefig("predictions.png", dpi=100, metadata={"Software": None})


def main() -> None:
    """Part the patients as training did, predict, score, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    model = Model.load(options.model)
    names, patients, progression = read_patients()
    if names != model.features:
        parser.exit(1, f"{options.model} was trained on {model.features}, the data has {names}\n")
    _, held_out, _, truth = train_test_split(
        patients,
        progression,
        test_size=model.split.test_size,
        random_state=model.split.random_state,
    )
    predicted = model.predict(held_out)
    metrics = scores(truth, predicted)
    Path("evaluation.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    plot(truth, predicted, metrics["r2"])
    print(f"{len(held_out)} patients held out: rmse {metrics['rmse']:.2f}, r2 {metrics['r2']:.3f}")


if __name__ == "__main__":
    main()
