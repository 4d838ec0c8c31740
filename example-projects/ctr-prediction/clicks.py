"""The sessions, their features, and the model's file: what training and evaluation share."""

from __future__ import annotations

import csv
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path("data/sessions.csv")
COUNTS = ("administrative", "informational", "product", "product_seconds")
SLOTS = 1 << 10  # of the table that features are hashed into
SEED = 2018
HELD_OUT = 0.25


@dataclass(frozen=True)
class Sessions:
    """Rows of `slots`, one for each feature of a session, and whether it ended in the click."""

    slots: NDArray[np.int64]
    clicked: NDArray[np.float64]

    @property
    def rate(self) -> float:
        """The share of sessions that ended in the click."""
        return float(self.clicked.mean())


@dataclass(frozen=True)
class Model:
    """Logistic regression: one weight for each slot, and the log odds of a session without any."""

    base_rate: float
    bias: float
    weights: list[float]

    def predict(self, sessions: Sessions) -> NDArray[np.float64]:
        """The probability of the click, one for each session."""
        return sigmoid(self.bias + np.array(self.weights)[sessions.slots].sum(axis=1))

    def save(self, path: Path) -> None:
        """Write the model as JSON: the same model is the same bytes."""
        path.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of log odds."""
    return 1 / (1 + np.exp(-odds))


def slot(field: str, value: str) -> int:
    """Where the weight of a feature stands; counts go by their power of two."""
    if field in COUNTS:
        value = str(int(value).bit_length())
    return zlib.crc32(f"{field}={value}".encode()) % SLOTS


def read_sessions() -> tuple[Sessions, Sessions]:
    """Those to train on, and those that are held out: always the same ones."""
    with DATA.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    slots = np.array([[slot(*pair) for pair in zip(names[:-1], row)] for row in rows])
    clicked = np.array([float(row[-1]) for row in rows])
    held_out = np.random.default_rng(SEED).random(len(rows)) < HELD_OUT
    return (
        Sessions(slots[~held_out], clicked[~held_out]),
        Sessions(slots[held_out], clicked[held_out]),
    )


def log_loss(clicked: NDArray[np.float64], predicted: NDArray[np.float64] | float) -> float:
    """Mean of the negative log likelihood, in nats for each session."""
    likely = np.where(clicked == 1, predicted, 1 - np.asarray(predicted))
    return float(-np.log(likely).mean())


def area_under_curve(clicked: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """How often a session with the click is put before one without it; ties count half."""
    _, group, size = np.unique(predicted, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]
    with_click = clicked.sum()
    without = len(clicked) - with_click
    above = rank[clicked == 1].sum() - with_click * (with_click + 1) / 2
    return float(above / (with_click * without))
