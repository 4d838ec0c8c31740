"""Figures of the store: 100,000 runs listed, a record written, 10,000 outputs captured.

Run it with `python -m tests.benchmarks.store`; it writes about 500 MB below the temporary folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import files
from runner.progress import Silent
from runner.settings import Settings
from runner.source.model import Checkout
from runner.store import artifacts, encoding, index, layout, runs
from tests.support.runs import ENDED, ended_run, make_run

if TYPE_CHECKING:
    from collections.abc import Callable

LIST = """
import sys
from pathlib import Path
from runner.progress import Silent
from runner.settings import Settings
from runner.store import index
from runner.store.summaries import Filter
home = Path(sys.argv[1])
settings = Settings(data=home, cache=home / "cache")
found = index.list_runs(Filter(limit=20), settings=settings, progress=Silent())
assert len(found) == 20
"""


def bulk(settings: Settings, count: int) -> None:
    """Write `count` runs the quick way, without marks."""
    layout.prepare(settings)
    run = ended_run()
    text = encoding.to_text(run)
    for number in range(count):
        run_id = layout.new_id()
        folder = f"{settings.runs}/{run_id}"
        os.mkdir(folder)  # noqa: PTH102  100,000 times
        started = (
            f"2026-05-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
        )
        record = text.replace(run.id, run_id).replace(run.started, started)
        with open(f"{folder}/record.json", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(record)


def timed(name: str, work: Callable[[], object], *, times: int = 1) -> None:
    """Print the median of `times` times of `work`."""
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    print(f"{name:60} {sorted(taken)[len(taken) // 2]:8.4f} s")


def listing(home: Path) -> None:
    """List in a process of its own."""
    subprocess.run([sys.executable, "-c", LIST, str(home)], check=True)


def list_many(home: Path, count: int) -> None:
    """Listing, quick and from nothing."""
    settings = Settings(data=home, cache=home / "cache")
    bulk(settings, count)
    time.sleep(1.1)
    timed(
        f"{count:,} runs: index rebuilt",
        lambda: index.refresh(settings=settings, progress=Silent()),
    )
    timed(f"{count:,} runs: listed, whole process", lambda: listing(home), times=7)

    def after_a_run() -> None:
        run = runs.begin(make_run(), lock_text="", settings=settings)
        runs.finish(replace(run, **ENDED), settings=settings)
        start = time.perf_counter()
        listing(home)
        after.append(time.perf_counter() - start)

    after: list[float] = []
    for _ in range(5):
        after_a_run()
    print(f"{f'{count:,} runs: listed right after a run':60} {sorted(after)[2]:8.4f} s")


def record_one(home: Path) -> None:
    """What recording costs a run."""
    settings = Settings(data=home, cache=home / "cache")
    layout.prepare(settings)

    def once() -> None:
        run = runs.begin(make_run(), lock_text="", settings=settings)
        runs.finish(replace(run, **ENDED), settings=settings)

    timed("one run begun and finished", once, times=51)


def capture_many(home: Path, count: int) -> None:
    """Outputs of a step captured."""
    settings = Settings(data=home, cache=home / "cache")
    layout.prepare(settings)
    root = home / "checkout"
    (root / "src").mkdir(parents=True)
    for number in range(2800):
        (root / "src" / f"{number}.py").write_text("x")
    timed("baseline of 2,800 files", lambda: artifacts.baseline(root), times=5)
    before = artifacts.baseline(root)
    (root / "out").mkdir()
    for number in range(count):
        (root / "out" / f"{number}.txt").write_text(f"{number}" * 20)
    checkout = Checkout(root, root)

    def capture() -> None:
        found = artifacts.capture(
            checkout, before, run_directory=home / "run", settings=settings, progress=Silent()
        )
        assert len(found.outputs) == count

    timed(f"{count:,} small outputs captured", capture)
    files.remove_tree(root)
    root.mkdir()
    before = artifacts.baseline(root)
    timed(
        "nothing captured",
        lambda: artifacts.capture(
            checkout, before, run_directory=home / "run2", settings=settings, progress=Silent()
        ),
        times=5,
    )
    for number in range(4):
        (root / f"{number}.bin").write_bytes(os.urandom(256 << 20))
    timed(
        "4 outputs of 256 MiB captured",
        lambda: artifacts.capture(
            checkout, before, run_directory=home / "run3", settings=settings, progress=Silent()
        ),
    )


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="reprun-store-") as folder:
        record_one(Path(folder) / "one")
        capture_many(Path(folder) / "capture", 10_000)
        list_many(Path(folder) / "many", count)


if __name__ == "__main__":
    main()
