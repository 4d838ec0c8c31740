"""The example projects run from a git URL, twice alike, and say what a reader typed wrongly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.examples.conftest import Reader


def _digests(record: dict[str, Any]) -> dict[str, str]:
    return {output["path"]: output["sha256"] for output in record["outputs"]}


def test_hello_counts_the_letters_of_its_text(reader: Reader) -> None:
    record = reader.runs("hello")
    assert record["metrics"] == {"total": 1149, "distinct": 23, "entropy_bits": 4.037838}
    assert set(_digests(record)) == {"frequencies.csv", "metrics.json"}
    assert [each["path"] for each in record["inputs"]] == ["data/gettysburg-address.txt"]


def test_hello_counts_words_of_a_text_that_is_given(reader: Reader) -> None:
    (reader.directory / "mine.txt").write_text("to be or not to be, that is the question")
    record = reader.runs("hello", "-e", "own", "-P", "text=mine.txt", "-P", "shortest=1")
    assert record["metrics"]["total"] == 10
    assert record["metrics"]["distinct"] == 8


def test_the_elastic_net_is_trained_and_evaluated(reader: Reader) -> None:
    trained = reader.runs("diabetes-elasticnet", "-e", "train", "-P", "alpha=0.3")
    assert trained["metrics"]["train_rmse"] == pytest.approx(54.41989368, rel=1e-8)
    assert set(_digests(trained)) == {"model.json", "metrics.json", "coefficients.png"}
    model = f"model=run:{trained['id']}/model.json"
    evaluated = reader.runs("diabetes-elasticnet", "-e", "evaluate", "-P", model)
    assert evaluated["metrics"] == pytest.approx(
        {"rmse": 52.95836502, "mae": 41.58992884, "r2": 0.4928127024}, rel=1e-8
    )
    assert set(_digests(evaluated)) == {"evaluation.json", "predictions.png"}


def test_the_elastic_net_gives_the_same_bytes_twice(reader: Reader) -> None:
    first, second = (reader.runs("diabetes-elasticnet", "-e", "train") for _ in range(2))
    assert len(_digests(first)) == 3
    assert _digests(first) == _digests(second)
    assert second["environment"]["hash"] == first["environment"]["hash"]


def test_what_the_regression_logs_is_in_its_record(reader: Reader) -> None:
    record = reader.runs("logged-regression", "-P", "alpha=0.1")
    assert record["metrics"]["mean_rmse"] == pytest.approx(54.8436, abs=1e-3)
    rmse = record["logged"]["metrics"]["rmse"]
    assert (rmse["count"], rmse["step"]) == (5, 5)
    assert record["logged"]["parameters"] == {}  # it logs what it was given
    assert [file["path"] for file in record["logged"]["artifacts"]] == ["model/ridge.json"]
    assert record["experiment"] == "ridge"
    assert record["environment"]["kind"] == "venv"


def test_a_search_by_mlflow_run_has_a_run_for_each_penalty(reader: Reader) -> None:
    record = reader.runs("logged-regression", "-e", "search", "-P", "alphas=0.1 1")
    assert record["logged"]["parameters"] == {"best_alpha": "0.1"}
    every = reader.types("runs", "list", "--all", "--json")
    children = [one for one in json.loads(every.stdout) if one["parent"] == record["id"]]
    assert len(children) == 2
    assert {one["status"] for one in children} == {"finished"}


@pytest.mark.parametrize("project", ["hello", "diabetes-elasticnet", "logged-regression"])
def test_every_command_of_a_readme_does_what_it_says(reader: Reader, project: str) -> None:
    reader.follows(project)
