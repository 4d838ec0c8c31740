"""A step that logs to a store of its own choice is told why that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.request import Request
from runner.running.logging_elsewhere import explain

REQUEST = Request(uri=".", caller=Path("/"))


@pytest.mark.parametrize(
    "text",
    [
        "mlflow.exceptions.MlflowException: Run 'abc' not found",
        "mlflow.exceptions.MlflowException: Run with id=abc not found",
        "RESOURCE_DOES_NOT_EXIST: Run with id=abc not found\nmore",
        "Cannot start run with ID abc: active experiment ID does not match environment run ID",
    ],
)
def test_a_store_that_does_not_have_the_run(text: str) -> None:
    found = explain(f"{'x' * 1000}\n{text}", REQUEST, "abc")
    assert found is not None
    assert (
        found.message == "the step logs to a store of its own, and that does not have the run abc"
    )
    assert "--no-tracking" in found.hint
    assert explain(text, Request(uri=".", caller=Path("/"), tracking=False), "abc") is None


@pytest.mark.parametrize(
    "text",
    [
        (
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='localhost', port=5000): "
            "Max retries exceeded with url: /api/2.0/mlflow/runs/get?run_id=abc (Caused by …)"
        ),
        (
            "mlflow.exceptions.MlflowException: API request to "
            "http://localhost:5000/api/2.0/mlflow/experiments/get-by-name failed with exception "
            "HTTPConnectionPool(host='localhost', port=5000): …"
        ),
    ],
)
def test_a_server_that_does_not_answer(text: str) -> None:
    found = explain(text, REQUEST, "abc")
    assert found is not None
    assert "localhost:5000, which does not answer" in found.message
    assert "--log-here" in found.hint


def test_what_the_endpoint_does_not_keep() -> None:
    text = (
        "mlflow.exceptions.RestException: FEATURE_DISABLED: POST /mlflow/registered-models/alias: "
        "reprun keeps no model registry, only which model a run was told to register; for more"
    )
    found = explain(text, REQUEST, "abc")
    assert found is not None
    assert "reprun keeps no model registry" in found.message
    assert "pass `--no-tracking`" in found.hint


@pytest.mark.parametrize(
    "text", ["", "Run 'abcd' not found; Run with id=xabc not found", "abc is fine", "not found"]
)
def test_other_words(text: str) -> None:
    assert explain(text, REQUEST, "abc") is None
