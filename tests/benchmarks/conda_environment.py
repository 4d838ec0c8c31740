"""Conda environments from a channel on loopback, the package cache warm, against py-rattler alone.

A second table: a warm run in such an environment, against one in a venv of the same packages.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.benchmarks.figure import Figure, Ratio
from tests.benchmarks.measure import Contender, difference, race
from tests.benchmarks.place import REPOSITORY
from tests.support import conda_server
from tests.support.conda_channel import Package, index, module, pack, python
from tests.support.conda_packages import everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.place import Place

RAW = "py-rattler alone"
OURS = "reprun's lock and create"
IN_CONDA = "reprun run, conda"
IN_VENV = "reprun run, venv"
SMALL = ("python", "alpha", "gamma", "tool", "pip")
MANY, FILES = 200, 60  # packages and files of each: about what a notebook's project brings in
MANIFEST = 'conda_env: conda.yaml\nentry_points:\n  main:\n    command: "python -c pass"\n'
ROUNDS = 10  # within one process, so that what it imports counts for little


def figures(place: Place) -> Iterator[Figure]:
    """The tests' channel, a channel of a usual size, and warm runs."""
    served = place.folder("channels")
    for package in (python(), *everything(), *_many()):
        pack(served / "main", package)
    index(served / "main")
    with conda_server.serve(served) as server:
        url = server.channel()
        yield _figure(place, "small", url, SMALL)
        yield _figure(place, "usual", url, (*SMALL, *(one.name for one in _many())))
        yield _warm_runs(place, url)


def _many() -> Iterator[Package]:
    for number in range(MANY):
        files = {
            f"site-packages/many{number}/part{part}.py": f"NUMBER = {number * part}\n".encode() * 99
            for part in range(FILES)
        }
        made = module(f"many{number}", "1.0")
        yield Package(
            made.name,
            made.version,
            made.build,
            files={**made.files, **files},
            depends=made.depends,
            noarch="python",
        )


def _figure(place: Place, name: str, url: str, packages: tuple[str, ...]) -> Figure:
    """Ten times in one process, less once in one: imports and the first, cold one are left out."""
    project = _project(place, name, url, packages)
    whole = [
        _stages(place, project, url, packages, kind, rounds)
        for kind in (RAW, OURS)
        for rounds in (1 + ROUNDS, 1)
    ]
    measured = race(whole, rounds=place.rounds)
    alone, ours = (difference(each, *measured[at : at + 2]) for at, each in ((0, RAW), (2, OURS)))
    return Figure(
        f"solve and install of {len(packages)} packages, {ROUNDS} times, caches warm ({name})",
        (*measured, alone, ours),
        RAW,
        (Ratio(OURS, RAW, 1.3),),
        ("py-rattler alone keeps no lock and checks no hash",),
    )


def _stages(
    place: Place, project: Path, url: str, packages: tuple[str, ...], kind: str, rounds: int
) -> Contender:
    arguments = ("ours" if kind == OURS else "alone", str(rounds), str(project), url, *packages)
    argv = (sys.executable, "-m", "tests.benchmarks.conda_stages", *arguments)
    variables = {**place.own_variables, "PYTHONPATH": str(REPOSITORY)}
    return Contender(f"{kind}, {rounds} times", argv, place.root, variables)


def _project(place: Place, name: str, url: str, packages: tuple[str, ...]) -> Path:
    project = place.folder(name)
    (project / "MLproject").write_text(MANIFEST)
    lines = "".join(f"  - {one}\n" for one in packages)
    (project / "conda.yaml").write_text(f"channels: [{url}, nodefaults]\ndependencies:\n{lines}")
    return project


def _warm_runs(place: Place, url: str) -> Figure:
    """The same project in both, so that both read the same files."""
    project = _project(place, "warm", url, ("python", "pip", "setuptools", "wheel"))
    run = ("run", str(project), "--env-manager")
    measured = race(
        (place.ours(IN_VENV, *run, "venv"), place.ours(IN_CONDA, *run, "conda")),
        rounds=place.rounds,
    )
    return Figure(
        "warm run with Python, pip, setuptools and wheel",
        measured,
        IN_VENV,
        (Ratio(IN_CONDA, IN_VENV, 1.1),),
    )
