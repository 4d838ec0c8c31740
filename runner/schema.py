"""Reads the JSON Schemas that reprun ships, from an installed package or from a checkout."""

from __future__ import annotations

from pathlib import Path


def schema_text(name: str) -> str:
    """The text of the schema `name`, such as `run-1` or `mlproject-1`.

    Raises:
        FileNotFoundError: reprun has no such schema, or its installation is incomplete.
    """
    package = Path(__file__).parent
    # A wheel carries them as package data; in a checkout they lie beside the package.
    for folder in (package / "schemas", package.parent / "schemas"):
        file = folder / f"{name}.schema.json"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"no schema is called {name}")
