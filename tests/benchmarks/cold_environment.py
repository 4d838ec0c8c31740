"""An environment built from a lock with hashes, the package cache warm, against virtualenv and uv.

The locks are resolved when the benchmark starts, from the index that the machine is set up for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from runner.files import remove_tree
from tests.benchmarks.figure import Figure, Ratio
from tests.benchmarks.measure import difference, race

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.measure import Contender
    from tests.benchmarks.place import Place

# What a notebook's project brings in: 62 wheels when this was written, the large ones among them.
SIXTY = (
    "ipykernel",
    "matplotlib",
    "nbclient",
    "pandas",
    "requests",
    "scikit-learn",
    "statsmodels",
)
RAW = "virtualenv --no-seed, uv pip sync"
OURS = "reprun run"
WARM = "reprun run, the environment there"
ENVIRONMENT = "the difference: the environment"
MANIFEST = 'entry_points:\n  main:\n    command: "python -c pass"\n'


def figures(place: Place) -> Iterator[Figure]:
    """One table for numpy alone, one for some sixty wheels."""
    yield _figure(place, "numpy", ("numpy",))
    yield _figure(place, "sixty", SIXTY)


def _figure(place: Place, name: str, requirements: tuple[str, ...]) -> Figure:
    project = place.folder(name)
    lock = _lock(place, requirements)
    count = sum(1 for line in lock.splitlines() if "==" in line)
    (project / "requirements.txt").write_text(lock)
    (project / "MLproject").write_text(MANIFEST)
    ours = (_ours(place, project), _warm(place, project))
    contenders = (_raw(place, project), *ours, *_theirs(place, name, lock))
    measured = race(contenders, rounds=place.rounds)
    environment = difference(ENVIRONMENT, measured[1], measured[2])
    title = f"cold environment of {count} hash-locked wheels, package cache warm ({name})"
    return Figure(
        title,
        (*measured, environment),
        RAW,
        (Ratio(ENVIRONMENT, RAW, 1.3), Ratio(OURS, RAW, 1.3)),
        ("the raw commands read no project, make no checkout, keep no record and start no step",),
    )


def _lock(place: Place, requirements: tuple[str, ...]) -> str:
    command = [
        find_uv_bin(),
        "pip",
        "compile",
        "-q",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
    ]
    command += ["--only-binary=:all:", "--python", str(place.python), "-"]
    return subprocess.run(
        command,
        input="\n".join(requirements),
        env=dict(place.variables),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _raw(place: Place, project: Path) -> Contender:
    environment = place.root / "raw-environment"
    script = f"""
    {sys.executable} -m virtualenv -q --no-seed -p {place.python} {environment}
    {find_uv_bin()} pip sync -q --require-hashes --python {environment}/bin/python \
        {project}/requirements.txt
    {environment}/bin/python -c pass
    """
    return place.shell(RAW, script, prepare=lambda: remove_tree(environment))


def _ours(place: Place, project: Path) -> Contender:
    built = place.home / "cache" / "envs"
    return place.ours(
        OURS,
        "run",
        str(project),
        "--env-manager",
        "venv",
        prepare=lambda: remove_tree(built),
    )


def _warm(place: Place, project: Path) -> Contender:
    return place.ours(WARM, "run", str(project), "--env-manager", "venv")


def _theirs(place: Place, name: str, lock: str) -> tuple[Contender, ...]:
    """MLflow reads requirements through a `python_env.yaml` only."""
    project = place.folder(f"{name}-mlflow")
    (project / "MLproject").write_text(f"python_env: python_env.yaml\n{MANIFEST}")
    (project / "python_env.yaml").write_text("dependencies: [-r requirements.txt]\n")
    (project / "requirements.txt").write_text(lock)
    built = place.root / "mlflow-environments"
    contenders = place.theirs(
        "mlflow run, uv",
        "run",
        str(project),
        "--env-manager",
        "uv",
        prepare=lambda: remove_tree(built),
    )
    return tuple(replace(each, variables=_with_tools(place, each)) for each in contenders)


def _with_tools(place: Place, contender: Contender) -> dict[str, str]:
    """MLflow starts `uv` and `virtualenv` from PATH."""
    tools = str(Path(sys.executable).parent)
    search = os.pathsep.join((str(place.root / "bin"), tools, contender.variables["PATH"]))
    return {**contender.variables, "PATH": search}
