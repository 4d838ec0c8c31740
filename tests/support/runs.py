"""Runs to record: a complete one, with whatever a test wants different."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from runner.environments.base import Package
from runner.executors.base import Resources
from runner.manifest.model import BoundParameter
from runner.source.model import Changes
from runner.store import layout
from runner.store.records import (
    Host,
    RecordedEnvironment,
    RecordedFile,
    RecordedLock,
    RecordedPython,
    RecordedSource,
    Run,
    Variable,
)

SCHEMA = Path(__file__).parents[2] / "schemas" / "run-1.schema.json"
ENDED: dict[str, Any] = {
    "status": "finished",
    "ended": "2026-05-01T12:00:09.500Z",
    "exit_code": 0,
    "resources": Resources(
        wall_s=9.5, cpu_user_s=7.25, cpu_system_s=0.5, peak_memory_bytes=1 << 24
    ),
}


def make_run(**different: Any) -> Run:  # noqa: ANN401  any field
    """A run with something in every field, `different` fields replaced."""
    run = Run(
        id=layout.new_id(),
        status="running",
        name="first try",
        manifest_name="diabetes",
        request={
            "uri": "https://example.org/p.git",
            "parameters": {"alpha": "1e-4"},
            "timeout": None,
        },
        source=RecordedSource(
            kind="git",
            url="https://example.org/p.git",
            commit="1" * 40,
            tree="2" * 40,
            subdirectory="",
            version="main",
            branch="main",
            pushed=True,
            remote=None,
            changes=Changes(object="3" * 64, size=512, added=("a.txt",), modified=("b ü.py",)),
            submodules={"lib": "4" * 40},
            in_place=False,
        ),
        entry_point="train",
        command="python train.py --alpha 1e-4",
        parameters=(BoundParameter("alpha", "1e-4", 0.0001, "float", "1e-4", "given"),),
        environment=RecordedEnvironment(
            kind="venv",
            hash="5" * 64,
            fingerprint="6" * 64,
            lock=RecordedLock("7" * 64, "requirements", "resolved", locked=True),
            python=RecordedPython("3.11.7", "GCC 12", "cpython", "/usr/bin/python3"),
            packages=(Package("numpy", "2.1.0", None, "8" * 64), Package("six", "1.16.0")),
            platform="linux-x86_64",
        ),
        host=Host("box", "Linux", "6.1", "glibc 2.36", "x86_64", "CPU", ("avx2",), 2, 1 << 33),
        variables={"LANG": Variable("9" * 64, "C.UTF-8"), "HOME": Variable("a" * 64)},
        started="2026-05-01T12:00:00.000Z",
        inputs=(RecordedFile("data/x.csv", "b" * 64, 12, origin="source"),),
        outputs=(RecordedFile("model.bin", "c" * 64, 3, mode=0o755, origin="declared"),),
        deleted=("old.txt",),
        metrics={"rmse": 0.25},
        tags={"team": "blue"},
        experiment="tuning",
        warnings=("something doubtful",),
    )
    return replace(run, **different)


def ended_run(**different: Any) -> Run:  # noqa: ANN401  any field
    """As `make_run`, but a run that has ended well."""
    return make_run(**{**ENDED, **different})


def check_schema(data: object) -> None:
    """Hold a record's JSON against the schema that is shipped.

    Raises:
        jsonschema.ValidationError: it does not satisfy it.
    """
    import jsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(data)
