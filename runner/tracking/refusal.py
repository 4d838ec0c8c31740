"""What the endpoint answers when it can't do what it is asked; clients show the message."""

from __future__ import annotations

from typing import Final

# Never one of 408, 429 and 5xx: clients try those again for minutes.
BAD: Final = 400
FORBIDDEN: Final = 403
MISSING: Final = 404


class Refusal(Exception):
    """An error of MLflow's: its name for it, a message, and the HTTP status.

    Source of the names: the `ErrorCode` of MLflow's `databricks.proto`.
    """

    def __init__(self, code: str, message: str, status: int = BAD) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def missing(message: str) -> Refusal:
    """There is no such run, experiment, model or file."""
    return Refusal("RESOURCE_DOES_NOT_EXIST", message, MISSING)


def wrong(message: str) -> Refusal:
    """The request says something that can't be."""
    return Refusal("INVALID_PARAMETER_VALUE", message)
