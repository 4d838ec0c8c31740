"""The manifest as `reprun check --json` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.manifest.described import describe
from runner.manifest.load import examine
from tests.support.folder import FolderFiles, project

if TYPE_CHECKING:
    from pathlib import Path


def test_the_description_is_mlflows_reading(tmp_path: Path) -> None:
    content = (
        "name: demo\n"
        "docker_env: {image: 'a:1', environment: [[A, 1], B], extra: 2021-01-01}\n"
        "entry_points:\n  main:\n    parameters:\n"
        "      a: {type: int, default: 1, optional: true}\n"
        "      b: {type: null, optional: true}\n"
        "      c: {default: [2021-01-01, {x: y}]}\n"
        "    command: run {a} {b} {c}\n"
        "  empty: {}\n"
    )
    described = describe(examine(project(tmp_path, content)))
    problems = described.pop("problems")
    assert described == {
        "name": "demo",
        "env_type": "docker_env",
        "docker_env": {"image": "a:1", "environment": [["A", 1], "B"], "extra": "2021-01-01"},
        "entry_points": [
            {
                "name": "main",
                "command": "run {a} {b} {c}",
                "parameters": [
                    {"name": "a", "type": "int", "default": 1, "required": False},
                    {"name": "b", "type": None, "default": None, "required": True},
                    {
                        "name": "c",
                        "type": "string",
                        "default": ["2021-01-01", {"x": "y"}],
                        "required": False,
                    },
                ],
            },
            {"name": "empty", "command": None, "parameters": []},
        ],
    }
    assert problems == [
        {
            "severity": "warning",
            "code": "manifest.unknown-key",
            "message": "unknown key `extra` in `docker_env`",
            "file": "MLproject",
            "line": 2,
            "column": 54,
            "hint": "known here: image, volumes, environment, dockerfile, context, target, args",
            "entry_point": None,
        },
        {
            "severity": "error",
            "code": "manifest.missing-command",
            "message": "entry point `empty` has no command",
            "file": "MLproject",
            "line": 10,
            "column": 3,
            "hint": "add `command:`, indented below it",
            "entry_point": "empty",
        },
    ]


def test_nothing_is_described_of_a_project_without_a_manifest(tmp_path: Path) -> None:
    assert describe(examine(FolderFiles(tmp_path))) == {
        "name": None,
        "env_type": "python_env",
        "docker_env": None,
        "entry_points": [],
        "problems": [],
    }
