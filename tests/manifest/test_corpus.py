"""Holds the manifest stage against MLflow's own reading of 107 manifests from public projects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runner.errors import ManifestError
from runner.manifest.command import render
from runner.manifest.described import describe
from runner.manifest.load import examine, load
from runner.manifest.parameters import bind, choose
from tests.support.corpus import CASES, files_of, needs_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from runner.manifest.model import Step

pytestmark = needs_corpus
LOADED = [case for case in CASES if case["parses"]]
REFUSED = [case for case in CASES if not case["parses"]]
# Where MLflow reads something else than what is written, and nobody is told.
MISREAD = {
    "m003": "manifest.default-breaks-declaration",
    "m019": "manifest.duplicate-key",
    "m022": "manifest.default-breaks-declaration",
    "m027": "manifest.unknown-key",
    "m052": "manifest.unused-parameter",
    "m063": "manifest.empty-environment",
    "m064": "manifest.unknown-key",
    "m084": "manifest.unknown-key",
    "m085": "manifest.unknown-key",
    "m086": "manifest.unknown-key",
    "m092": "manifest.unknown-key",
    "m095": "manifest.unknown-key",
}
# What a value must look like where the oracle gave `a b` to a type that does not hold it.
VALUES = {"integer": "7", "float": "7", "boolean": "true", "uri": "http://example.com/x"}


def identify(case: dict[str, Any]) -> str:
    return str(case["id"])


def test_the_corpus_is_whole() -> None:
    assert (len(LOADED), len(REFUSED)) == (97, 10)


@pytest.mark.parametrize("case", LOADED, ids=identify)
def test_what_mlflow_loads_reads_the_same(case: dict[str, Any], tmp_path: Path) -> None:
    described = describe(load(files_of(case, tmp_path)))
    assert json.loads(json.dumps(described)) == described
    wanted_parameters = [
        [
            {key: parameter[key] for key in ("name", "type", "default", "required")}
            for parameter in entry_point["parameters"]
        ]
        for entry_point in case["entry_points"]
    ]
    entry_points: Any = described["entry_points"]
    assert [entry["parameters"] for entry in entry_points] == wanted_parameters
    for key in ("name", "command"):
        assert [entry[key] for entry in entry_points] == [
            entry[key] for entry in case["entry_points"]
        ]
    for key in ("name", "env_type", "docker_env"):
        assert described[key] == case[key]


@pytest.mark.parametrize("case", LOADED, ids=identify)
def test_what_mlflow_renders_renders_the_same(case: dict[str, Any], tmp_path: Path) -> None:
    files = files_of(case, tmp_path)
    manifest = load(files)
    for wanted in case["entry_points"]:
        if wanted["render_error"]:
            with pytest.raises(ManifestError):
                choose(manifest, wanted["name"], files)
            continue
        entry_point = choose(manifest, wanted["name"], files)
        given = {
            parameter.name: VALUES.get(parameter.type, "a b")
            for parameter in entry_point.parameters
            if parameter.required
        }
        step = bind(entry_point, given, manifest_path=manifest.path)
        assert render(_with_the_oracles_values(step)) == wanted["rendered"]


def _with_the_oracles_values(step: Step) -> Step:
    parameters = tuple(
        replace(bound, argument="a b") if bound.origin == "given" and bound.type != "uri" else bound
        for bound in step.parameters
    )
    return replace(step, parameters=parameters)


@pytest.mark.parametrize("case", REFUSED, ids=identify)
def test_what_mlflow_refuses_gets_a_place_and_a_fix(case: dict[str, Any], tmp_path: Path) -> None:
    files = files_of(case, tmp_path)
    with pytest.raises(ManifestError) as caught:
        load(files)
    assert caught.value.message.startswith("MLproject:")
    errors = [problem for problem in examine(files).problems if problem.severity == "error"]
    assert errors
    assert all(problem.line and problem.column and problem.hint for problem in errors)


@pytest.mark.parametrize("case", LOADED, ids=identify)
def test_silent_misreadings_are_told_and_nothing_else(case: dict[str, Any], tmp_path: Path) -> None:
    problems = examine(files_of(case, tmp_path)).problems
    warned = {problem.code for problem in problems if problem.severity == "warning"}
    if case["id"] in MISREAD:
        assert MISREAD[case["id"]] in warned
    else:
        assert warned <= {
            "manifest.unused-parameter",
            "manifest.default-breaks-declaration",
        }
    for problem in problems:
        assert problem.line
        assert problem.column
        assert problem.hint
    unrenderable = [entry["name"] for entry in case["entry_points"] if entry["render_error"]]
    assert [problem.entry_point for problem in problems if problem.severity == "error"] == (
        unrenderable
    )
