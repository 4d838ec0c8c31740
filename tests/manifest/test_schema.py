"""The schema that editors read says the same as the parser, on the corpus and on anything else.

A document is valid under the schema exactly where the parser finds no error, but for four things
that no schema can know: placeholders that are not declared, environment files that are not there or
lie outside of the source, and patterns that are no regular expressions. A file that can't be read
as YAML has no document to validate.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from runner.manifest.additions import ASSIGNMENT, DURATION, INSIDE, RELATIVE, SHA256, URL, VARIABLE
from runner.manifest.check import KEYS
from runner.manifest.declarations import PARAMETER_KEYS
from runner.manifest.docker import KEYS as DOCKER_KEYS
from runner.manifest.entry_points import ENTRY_POINT_KEYS
from runner.manifest.load import examine
from runner.manifest.parameter_types import canonical
from runner.manifest.shape import NUMBER
from tests.manifest.structures import documents
from tests.manifest.test_additions import DIGEST
from tests.manifest.test_doubts import DOUBTFUL, DOUBTFUL_PARAMETERS
from tests.manifest.test_wrong import ERRORS
from tests.support.corpus import CASES, files_of, needs_corpus
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from runner.manifest.model import Problem

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "schemas" / "mlproject-1.schema.json").read_text()
)
BEYOND_A_SCHEMA = {
    "manifest.placeholder",
    "manifest.missing-environment",
    "manifest.environment-outside",
    "manifest.pattern",
}


@cache
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA)


def as_json(value: object) -> object:
    """A document as an editor sees it: keys and dates are text."""
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def shape_errors(problems: tuple[Problem, ...]) -> list[Problem]:
    return [p for p in problems if p.severity == "error" and p.code not in BEYOND_A_SCHEMA]


def agree(files: FolderFiles, content: str | bytes) -> None:
    document = as_json(yaml.safe_load(content))
    errors = [error.message for error in validator().iter_errors(document)]
    wrong = shape_errors(examine(files).problems)
    assert bool(errors) == bool(wrong), (errors, wrong)


@pytest.mark.parametrize("content", [case[0] for case in (*ERRORS.values(), *DOUBTFUL.values())])
def test_schema_and_parser_agree_on_wrong_manifests(content: str, tmp_path: Path) -> None:
    agree(project(tmp_path, content), content)


@pytest.mark.parametrize("declaration", [case[0] for case in DOUBTFUL_PARAMETERS.values()])
def test_schema_and_parser_agree_on_doubtful_parameters(declaration: str, tmp_path: Path) -> None:
    content = (
        f"entry_points:\n  main:\n    parameters: {{p: {declaration}}}\n    command: x {{p}}\n"
    )
    agree(project(tmp_path, content), content)


@needs_corpus
def test_schema_and_parser_agree_on_the_corpus(tmp_path: Path) -> None:
    compared = 0
    for case in CASES:
        files = files_of(case, tmp_path / case["id"])
        content = files.read("MLproject")
        assert content
        try:
            yaml.safe_load(content)
        except yaml.YAMLError:
            continue
        agree(files, content)
        compared += 1
    assert compared == len(CASES) - 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(documents())
def test_schema_and_parser_agree_on_any_structure(tmp_path: Path, document: object) -> None:
    content = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    agree(project(tmp_path, content), content)


def test_the_structures_are_both_right_and_wrong() -> None:
    """The property above would show little if all documents were refused."""
    seen = {True: 0, False: 0}

    @settings(deadline=None, max_examples=200, database=None, derandomize=True)
    @given(documents())
    def look(document: object) -> None:
        seen[validator().is_valid(as_json(document))] += 1

    look()
    assert min(seen.values()) > 20


def test_the_schema_knows_every_key_and_pattern_of_the_parser() -> None:
    definitions = SCHEMA["$defs"]
    assert tuple(SCHEMA["properties"]) == (*KEYS, "databricks_spark_job")
    assert set(definitions["entry_point"]["properties"]) == set(ENTRY_POINT_KEYS)
    assert set(definitions["parameter"]["anyOf"][1]["properties"]) == set(PARAMETER_KEYS)
    assert set(definitions["docker_env"]["anyOf"][3]["properties"]) == set(DOCKER_KEYS)
    patterns = {"^[^=]", "^[^\\x00]*$"}
    for pattern in (ASSIGNMENT, DURATION, INSIDE, NUMBER, RELATIVE, SHA256, URL, VARIABLE):
        patterns.add(pattern)
    assert set(_found(SCHEMA, "pattern")) == patterns
    for name in definitions["type"]["anyOf"][0]["enum"]:
        assert canonical(name)


def test_everything_in_the_schema_that_can_be_written_is_described() -> None:
    """So that an editor has something to show when it completes."""
    for properties in _found(SCHEMA, "properties"):
        if isinstance(properties, dict):
            for name, schema in properties.items():
                described = "description" in schema or "$ref" in json.dumps(schema)
                assert described or "minLength" in schema, name


def _found(schema: object, key: str) -> list[Any]:
    found: list[Any] = []
    if isinstance(schema, dict):
        for name, inner in schema.items():
            is_keyword = name == key and (key != "pattern" or isinstance(inner, str))
            found += [inner] if is_keyword else []
            found += _found(inner, key)
    if isinstance(schema, list):
        for inner in schema:
            found += _found(inner, key)
    return found


def test_a_full_manifest_is_valid() -> None:
    assert validator().is_valid(
        {
            "name": "demo",
            "python_env": "python_env.yaml",
            "entry_points": {
                "main": {
                    "command": "x {a}",
                    "parameters": {"a": {"type": "float", "min": "1e-4", "choices": [0.5]}},
                    "inputs": ["a", {"url": "https://x", "sha256": DIGEST}],
                    "outputs": [{"path": "b", "compare": {"as": "json"}}],
                    "env": {"A": None},
                    "timeout": "15m",
                }
            },
        }
    )


def test_random_scalars_are_numbers_to_both() -> None:
    for text in ("1", "-1.5e3", ".5", "1.", "e5", "1e", "", "0x1", "1_0"):
        schema = SCHEMA["$defs"]["parameter"]["anyOf"][1]["properties"]["min"]
        try:
            float(text)
            number = "_" not in text
        except ValueError:
            number = False
        assert Draft202012Validator(schema).is_valid(text) == number
