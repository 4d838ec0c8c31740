"""The patients, their split, and the model's file: what training and evaluation share."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path("data/diabetes.csv")


@dataclass(frozen=True)
class Split:
    """How the patients are parted; kept with the model, so that evaluation parts them alike."""

    test_size: float
    random_state: int


@dataclass(frozen=True)
class Model:
    """A linear model on standardised features: `intercept + coefficients · (x - mean) / scale`."""

    features: list[str]
    mean: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float
    split: Split

    def predict(self, patients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Disease progression after a year, one number per row of `patients`."""
        standardised = (patients - np.array(self.mean)) / np.array(self.scale)
        return standardised @ np.array(self.coefficients) + self.intercept

    def save(self, path: Path) -> None:
        """Write the model as JSON: the same model is the same bytes, on any machine."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read what `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "split": Split(**fields["split"])})


def read_patients() -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """The features' names, one row of features per patient, and the progression of each."""
    with DATA.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    table = np.array(rows, dtype=np.float64)
    return names[:-1], table[:, :-1], table[:, -1]


def scores(
    truth: NDArray[np.float64], predicted: NDArray[np.float64], prefix: str = ""
) -> dict[str, float]:
    """Error and explained variance; ten digits, for the last bits differ between processors."""
    values = {
        "rmse": root_mean_squared_error(truth, predicted),
        "mae": mean_absolute_error(truth, predicted),
        "r2": r2_score(truth, predicted),
    }
    return {prefix + name: float(f"{value:.10g}") for name, value in values.items()}
