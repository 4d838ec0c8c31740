"""The wines, their split, and the model's file: what training and evaluation share."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import load_wine
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """How the wines are parted; kept with the model, so that evaluation parts them alike."""

    test_size: float
    random_state: int


@dataclass(frozen=True)
class Wines:
    """Some of the wines: one row of measurements for each, and its cultivar, 0 to 2."""

    measured: NDArray[np.float64]
    cultivars: NDArray[np.int64]


@dataclass(frozen=True)
class Model:
    """A softmax over linear scores of standardised features, one row for each cultivar."""

    features: list[str]
    mean: list[float]
    scale: list[float]
    coefficients: list[list[float]]
    intercepts: list[float]
    split: Split

    def probabilities(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each wine is of each cultivar, one row for each wine."""
        standardised = (measured - np.array(self.mean)) / np.array(self.scale)
        scores = standardised @ np.array(self.coefficients).T + np.array(self.intercepts)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def save(self, path: Path) -> None:
        """Write the model as JSON: the same model is the same bytes."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read what `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "split": Split(**fields["split"])})


def parted(split: Split) -> tuple[list[str], Wines, Wines]:
    """The features' names, the wines to train on, and those held out; each cultivar in both."""
    data = load_wine()
    train, held_out, of_train, of_held_out = train_test_split(
        data.data,
        data.target,
        test_size=split.test_size,
        random_state=split.random_state,
        stratify=data.target,
    )
    return list(data.feature_names), Wines(train, of_train), Wines(held_out, of_held_out)


def scores(model: Model, wines: Wines, prefix: str = "") -> dict[str, float]:
    """Accuracy and log loss; ten digits, for the last bits differ between processors."""
    likely = model.probabilities(wines.measured)
    values = {
        "accuracy": accuracy_score(wines.cultivars, likely.argmax(axis=1)),
        "log_loss": log_loss(wines.cultivars, likely, labels=range(likely.shape[1])),
    }
    return {prefix + name: float(f"{value:.10g}") for name, value in values.items()}
