"""`runs list` over 100,000 runs, as a whole process.

One real run is recorded, and its record written 100,000 times with other ids, times and ends.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ulid import ULID

from tests.benchmarks.figure import Figure, Limit
from tests.benchmarks.measure import Contender, race, sample
from tests.support.repositories import commit_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.place import Place

RUNS = 100_000
APART_S = 60.0
MANIFEST = b"""\
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
    command: "echo {alpha}"
"""
OURS = "reprun runs list"


def figures(place: Place) -> Iterator[Figure]:
    """The list for a person, and the one for a program."""
    fill(place.home / "runs", _template(place), RUNS)
    # The index is derived from the records: the first listing makes it.
    rebuilding = sample(place.ours("the first one", "runs", "list"))
    bare = Contender("python -c pass", (sys.executable, "-c", "pass"), place.root, place.variables)
    contenders = (
        bare,
        place.ours(OURS, "runs", "list"),
        place.ours(f"{OURS} --json", "runs", "list", "--json"),
    )
    yield Figure(
        f"{RUNS:,} runs in the store",
        race(contenders, rounds=place.rounds),
        bare.name,
        (Limit(OURS, 0.3),),
        (f"the first listing, which makes the index from the records: {rebuilding.wall_s:.1f} s",),
    )


def _template(place: Place) -> dict[str, Any]:
    """The record of a real run."""
    project = commit_files(place.folder("small"), {"MLproject": MANIFEST})
    command = [*place.reprun, "run", str(project.path), "--env-manager", "local", "--json"]
    finished = subprocess.run(
        command, cwd=place.root, env=dict(place.variables), capture_output=True, check=True
    )
    record: dict[str, Any] = json.loads(finished.stdout)
    return record


def fill(runs: Path, template: dict[str, Any], count: int) -> None:
    """Write `count` variations of the record, a minute apart, one in ten failed."""
    latest = time.time()
    for number in range(1, count + 1):
        at = latest - number * APART_S
        run_id = str(ULID.from_timestamp(at)).lower()
        started = dt.datetime.fromtimestamp(at, dt.UTC)
        ended = started + dt.timedelta(seconds=number % 50)
        failed = number % 10 == 0
        record = template | {
            "id": run_id,
            "status": "failed" if failed else "finished",
            "exit_code": 1 if failed else 0,
            "started": _text(started),
            "ended": _text(ended),
        }
        folder = runs / run_id
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(record))


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
