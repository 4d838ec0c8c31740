"""The schemas are found in a checkout and in an installed wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from uv import find_uv_bin

from runner.schema import schema_text

REPOSITORY = Path(__file__).parents[1]
NAMES = sorted(p.name.removesuffix(".schema.json") for p in (REPOSITORY / "schemas").glob("*.json"))


def test_there_are_schemas_of_the_manifest_and_of_the_record() -> None:
    assert {"mlproject-1", "run-1"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_found_in_a_checkout_and_is_one(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(schema_text(name)))


def test_an_unknown_schema_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no schema is called run-99"):
        schema_text("run-99")


def test_the_wheel_carries_every_schema_where_the_package_finds_it(tmp_path: Path) -> None:
    build = [find_uv_bin(), "build", "-q", "--wheel", "--out-dir", str(tmp_path), str(REPOSITORY)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    script = f"from runner.schema import schema_text\nfor n in {NAMES}: schema_text(n)"
    elsewhere = {"PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=elsewhere)
