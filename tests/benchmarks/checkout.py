"""A repository of 2,800 files at a known commit, against `git archive | tar`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.files import remove_tree
from tests.benchmarks.figure import Figure, Ratio
from tests.benchmarks.measure import difference, race
from tests.support.repositories import commit_files, many_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

FILES = 2800
MANIFEST = b'entry_points:\n  main:\n    command: "true"\n'
RAW = "git archive, tar"
WHOLE = "reprun run, 2,800 files"
EMPTY = "reprun run, 1 file"
CHECKOUT = "the difference"


def figures(place: Place) -> Iterator[Figure]:
    """A whole run of a step that does nothing, and what it takes beyond one of an empty project."""
    many = commit_files(place.folder("many"), {"MLproject": MANIFEST, **many_files(FILES)})
    few = commit_files(place.folder("few"), {"MLproject": MANIFEST})
    target = place.root / "target"
    archive = f"mkdir target; git -C {many.path} archive {many.head} | tar -x -C target"
    local = ("--env-manager", "local")
    measured = race(
        (
            place.shell(RAW, archive, prepare=lambda: remove_tree(target)),
            place.ours(WHOLE, "run", f"file://{many.path}", "-v", many.head, *local),
            place.ours(EMPTY, "run", f"file://{few.path}", "-v", few.head, *local),
        ),
        rounds=place.rounds,
    )
    _, whole, empty = measured
    yield Figure(
        "checkout of 2,800 files at a known commit, .git included",
        (*measured, difference(CHECKOUT, whole, empty)),
        RAW,
        (Ratio(CHECKOUT, RAW, 1.3),),
        ("the difference also holds the search of 2,800 files for outputs, and their removal",),
    )
