"""How long the shortest answers take: the version, and a parameter that is missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.benchmarks.figure import Figure, Limit
from tests.benchmarks.measure import Contender, race
from tests.support.repositories import commit_files, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

WRONG_REQUEST = 2
MANIFEST = b"""\
entry_points:
  main:
    parameters:
      alpha: float
    command: "python main.py {alpha}"
"""


def figures(place: Place) -> Iterator[Figure]:
    """Two tables, Python's own start beside each."""
    bare = Contender("python -c pass", (sys.executable, "-c", "pass"), place.root, place.variables)
    yield _version(place, bare)
    yield _missing_parameter(place, bare)


def _version(place: Place, bare: Contender) -> Figure:
    contenders = (
        bare,
        place.ours("reprun --version", "--version"),
        *place.theirs("mlflow --version", "--version"),
    )
    goals = (Limit("reprun --version", 0.1),)
    return Figure("the version", race(contenders, rounds=place.rounds), bare.name, goals)


def _missing_parameter(place: Place, bare: Contender) -> Figure:
    files = {"MLproject": MANIFEST, "main.py": b"import sys\nprint(sys.argv)\n"}
    repository = commit_files(place.folder("served/small"), files)
    path = str(repository.path)
    # git:// through the daemon: the first round fills the mirror, the others need no network.
    with serve(place.root / "served") as daemon:
        mirrored = (f"{daemon.url}/small", "-v", repository.head)
        contenders = (
            bare,
            place.ours("reprun, local", "run", path, expected=WRONG_REQUEST),
            place.ours("reprun, mirrored", "run", *mirrored, expected=WRONG_REQUEST),
            *place.theirs("mlflow, local", "run", path, "--env-manager", "local", expected=1),
        )
        measured = race(contenders, rounds=place.rounds)
    goals = (Limit("reprun, local", 0.15), Limit("reprun, mirrored", 0.15))
    return Figure("a missing parameter", measured, bare.name, goals)
