"""A small git project at a commit, from a git daemon on loopback, everything warm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.files import remove_tree
from tests.benchmarks.figure import Figure, Ratio
from tests.benchmarks.measure import race
from tests.support.repositories import commit_files, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

MANIFEST = b"""\
name: small
entry_points:
  main:
    parameters:
      name: {type: string, default: world}
    command: "python main.py {name}"
"""
PROGRAM = b"import sys\n\nprint('hello', sys.argv[1])\n"
# The least that any runner must do: the commit's files in a fresh repository, then the step.
FLOOR = """
git init -q checkout
cd checkout
git fetch -q --depth 1 {url} {commit}
git checkout -q FETCH_HEAD
python main.py {name}
"""


def figures(place: Place) -> Iterator[Figure]:
    """Ours with and without an environment, the floor, mlflow."""
    files = {"MLproject": MANIFEST, "main.py": PROGRAM, "README.md": b"A small project.\n"}
    repository = commit_files(place.folder("served/small"), files)
    checkout = place.root / "checkout"
    with serve(place.root / "served") as daemon:
        url = f"{daemon.url}/small"
        request = (url, "-v", repository.head, "-P", "name=reader", "--env-manager")
        floor = FLOOR.format(url=url, commit=repository.head, name="reader")
        contenders = (
            place.shell("raw floor", floor, prepare=lambda: remove_tree(checkout)),
            place.ours("reprun, local", "run", *request, "local"),
            place.ours("reprun, venv", "run", *request, "venv"),
            *place.theirs("mlflow, local", "run", *request, "local"),
        )
        measured = race(contenders, rounds=place.rounds)
    goals = (
        Ratio("reprun, local", "raw floor", 2.0),
        Ratio("reprun, venv", "raw floor", 2.0),
        Ratio("reprun, local", "mlflow, local", 0.1),
    )
    yield Figure("warm run of a small project, git:// at a commit", measured, "raw floor", goals)
