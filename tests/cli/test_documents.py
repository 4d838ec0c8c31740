"""`--json` prints exactly one document, whatever happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.support.program import ROOT

if TYPE_CHECKING:
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
RUN_SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "run-1.schema.json").read_text())
pytestmark = pytest.mark.usefixtures("sample")


def _valid(document: object) -> None:
    jsonschema.Draft202012Validator(RUN_SCHEMA).validate(document)


def test_a_run_prints_its_record_and_the_step_goes_to_stderr(reprun: Program) -> None:
    said = reprun("run", ".", *LOCAL, "--json")
    _valid(said.document)
    assert said.document == reprun.records()[0]
    assert said.err.splitlines() == ["hello", "to stderr"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("-e", "exit", "-P", "status=3"),
        ("-e", "wait", "--timeout", "0.3"),
        ("-e", "shown", "--clean-env", "--tag", "a=b", "--experiment-name", "e"),
        ("--in-place",),
        ("--keep",),
    ],
)
def test_every_record_is_valid(reprun: Program, arguments: tuple[str, ...]) -> None:
    said = reprun("run", ".", *LOCAL, "--json", *arguments)
    _valid(said.document)
    assert said.document == reprun.records()[0]
    assert said.document == reprun("runs", "show", "--json").document


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("run", ".", "-P", "count=x"), "parameters.invalid", 2),
        (("run", ".", "-e", "mian"), "manifest.unknown-entry-point", 2),
        (("run", "nowhere"), "source.not-found", 125),
        (("run", ".", "--bogus"), "request.invalid", 2),
        (("run",), "request.invalid", 2),
        (("run", ".", "-P", "alpha"), "request.invalid", 2),
        (("run", ".", "--dry-run", "-P", "count=0"), "parameters.invalid", 2),
        (("runs", "show", "nothing"), "store.unknown-run", 2),
        (("runs", "artifacts"), "store.unknown-run", 2),
        (("check", "nowhere"), "source.not-found", 125),
        (("lock", "nowhere"), "request.invalid", 2),
    ],
)
def test_an_error_is_a_document_too(
    reprun: Program, arguments: tuple[str, ...], code: str, exit_code: int
) -> None:
    said = reprun(*arguments, "--json")
    assert said.code == exit_code
    assert said.err == ""
    error = said.document["error"]
    assert error["code"] == code
    assert error["exit_code"] == exit_code
    assert error["message"]
    assert error["hint"]


def test_runs_are_listed_as_summaries_the_latest_first(reprun: Program) -> None:
    assert reprun("runs", "list", "--json").document == []
    first, second = (reprun.record(".", *LOCAL)["id"] for _ in range(2))
    listed = reprun("runs", "list", "--json").document
    assert [each["id"] for each in listed] == [second, first]
    assert listed[0]["status"] == "finished"
    assert listed[0]["entry_point"] == "main"


def test_check_prints_the_manifest_and_its_problems(reprun: Program) -> None:
    manifest = reprun.directory / "MLproject"
    manifest.write_text(manifest.read_text().replace("name: sample", "nmae: sample"))
    said = reprun("check", "--json")
    assert said.code == 0
    assert {point["name"] for point in said.document["entry_points"]} >= {"main", "need"}
    (problem,) = said.document["problems"]
    assert problem["severity"] == "warning"
    assert (problem["line"], problem["column"]) == (1, 1)
    assert "name" in problem["hint"]
    strict = reprun("check", "--json", "--strict")
    assert strict.code == 2
    assert strict.document["problems"][0]["severity"] == "error"
