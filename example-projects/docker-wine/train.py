"""Fits a multinomial logistic regression to one part of the wines; writes model and metrics."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from wine import Model, Split, parted, scores


def arguments() -> argparse.Namespace:
    """What the entry point `train` hands over; types and ranges are the manifest's business."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--c", type=float, required=True)
    parser.add_argument("--class-weight", required=True)
    parser.add_argument("--max-iter", type=int, required=True)
    parser.add_argument("--test-size", type=float, required=True)
    parser.add_argument("--random-state", type=int, required=True)
    return parser.parse_args()


def main() -> None:
    """Split, standardise, fit, write."""
    options = arguments()
    split = Split(options.test_size, options.random_state)
    names, wines, _ = parted(split)
    scaler = StandardScaler().fit(wines.measured)
    fitted = LogisticRegression(
        C=options.c,
        class_weight=None if options.class_weight == "none" else options.class_weight,
        max_iter=options.max_iter,
    ).fit(scaler.transform(wines.measured), wines.cultivars)
    model = Model(
        features=names,
        mean=scaler.mean_.tolist(),
        scale=scaler.scale_.tolist(),
        coefficients=fitted.coef_.tolist(),
        intercepts=fitted.intercept_.tolist(),
        split=split,
    )
    model.save(Path("model.json"))
    metrics = scores(model, wines, prefix="train_") | {"iterations": int(fitted.n_iter_[0])}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    print(f"trained on {len(wines.cultivars)} wines in {metrics['iterations']} iterations")
    print(f"accuracy {metrics['train_accuracy']:.3f}, log loss {metrics['train_log_loss']:.4f}")


if __name__ == "__main__":
    main()
