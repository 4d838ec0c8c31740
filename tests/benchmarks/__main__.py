"""`python -m tests.benchmarks [NAME…] [--rounds N]` prints the tables; it asserts nothing."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import (
    checkout,
    cold_environment,
    conda_environment,
    container,
    listing,
    memory,
    start_up,
    tracking,
    warm_run,
)
from tests.benchmarks.figure import render
from tests.benchmarks.place import open_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.figure import Figure
    from tests.benchmarks.place import Place


def _tables(figures: Callable[[Place], Iterator[Figure]]) -> Callable[[Place], Iterator[str]]:
    return lambda place: map(render, figures(place))


def _memory(place: Place) -> Iterator[str]:
    yield memory.table(place)


BENCHMARKS: dict[str, Callable[[Place], Iterator[str]]] = {
    "warm-run": _tables(warm_run.figures),
    "start-up": _tables(start_up.figures),
    "container": _tables(container.figures),
    "conda": _tables(conda_environment.figures),
    "cold-environment": _tables(cold_environment.figures),
    "checkout": _tables(checkout.figures),
    "memory": _memory,
    "listing": _tables(listing.figures),
    "tracking": _tables(tracking.figures),
}


def main() -> None:
    """Run the benchmarks that were named, or all; each in a home of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=7, help="samples of each command (7)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}: {', '.join(BENCHMARKS)}"
        )
    print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores")
    print("medians of runs in turns; peaks below the benchmark's own can't be seen\n")
    for name in options.names or BENCHMARKS:
        # One that can't be set up must not keep the others from being measured.
        try:
            _run(name, options.rounds)
        except (subprocess.CalledProcessError, OSError, RuntimeError) as error:
            print(f"{name}: could not be measured: {error}\n")


def _run(name: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="reprun-benchmark-") as folder:
        for table in BENCHMARKS[name](open_place(Path(folder), rounds=rounds)):
            print(table, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
