"""Scores a trained model on the wines that it has not seen; writes metrics and a confusion table."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from sklearn.metrics import confusion_matrix

from wine import Model, parted, scores


def main() -> None:
    """Part the wines as training did, predict, score, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    model = Model.load(options.model)
    _, _, wines = parted(model.split)
    metrics = scores(model, wines)
    Path("evaluation.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    predicted = model.probabilities(wines.measured).argmax(axis=1)
    cultivars = range(len(model.intercepts))
    counts = confusion_matrix(wines.cultivars, predicted, labels=cultivars)
    with Path("confusion.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["cultivar", *(f"taken for {one}" for one in cultivars)])
        table.writerows([one, *row] for one, row in zip(cultivars, counts.tolist()))
    right = int(counts.trace())
    print(f"{right} of {counts.sum()} wines held out told apart, log loss {metrics['log_loss']:.4f}")


if __name__ == "__main__":
    main()
