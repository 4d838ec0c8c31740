"""Fits an elastic net to one part of the patients; writes the model, its metrics and a plot."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import ElasticNet
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from diabetes import Model, Split, read_patients, scores


def arguments() -> argparse.Namespace:
    """What the entry point `train` hands over; types and ranges are the manifest's business."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, required=True)
    parser.add_argument("--l1-ratio", type=float, required=True)
    parser.add_argument("--selection", required=True)
    parser.add_argument("--max-iter", type=int, required=True)
    parser.add_argument("--test-size", type=float, required=True)
    parser.add_argument("--random-state", type=int, required=True)
    return parser.parse_args()


def plot(model: Model, title: str) -> None:
    """One bar per feature: what one standard deviation of it adds to the progression."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    colours = ["#3b6ea5" if c > 0 else "#b5523b" for c in model.coefficients]
    axes.barh(model.features, model.coefficients, color=colours)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set(xlabel="progression per standard deviation", title=title)
    # Without metadata the file says nothing of when and by what it was made.
    figure.savefig("coefficients.png", dpi=100, metadata={"Software": None})


def main() -> None:
    """Split, standardise, fit, write."""
    options = arguments()
    names, patients, progression = read_patients()
    train, _, train_truth, _ = train_test_split(
        patients, progression, test_size=options.test_size, random_state=options.random_state
    )
    scaler = StandardScaler().fit(train)
    net = ElasticNet(
        alpha=options.alpha,
        l1_ratio=options.l1_ratio,
        selection=options.selection,
        max_iter=options.max_iter,
        random_state=options.random_state,
    ).fit(scaler.transform(train), train_truth)
    model = Model(
        features=names,
        mean=scaler.mean_.tolist(),
        scale=scaler.scale_.tolist(),
        coefficients=net.coef_.tolist(),
        intercept=float(net.intercept_),
        split=Split(options.test_size, options.random_state),
    )
    model.save(Path("model.json"))
    metrics = scores(train_truth, model.predict(train), prefix="train_")
    metrics |= {"nonzero": int(np.count_nonzero(net.coef_)), "iterations": int(net.n_iter_)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    plot(model, f"elastic net, alpha {options.alpha:g}, l1 ratio {options.l1_ratio:g}")
    print(f"trained on {len(train)} patients, {metrics['nonzero']} of {len(names)} features used")
    print(f"rmse {metrics['train_rmse']:.2f}, r2 {metrics['train_r2']:.3f}")


if __name__ == "__main__":
    main()
