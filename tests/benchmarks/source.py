"""Measures the source stage: `python -m tests.benchmarks.source` prints medians in milliseconds."""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source.checkout import checkout
from runner.source.files import open_files
from runner.source.resolve import resolve
from tests.support.repositories import Repository, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILES = 2830
ROUNDS = 9


def main() -> None:
    """Build the repositories, measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = Repository(root / "base" / "small").write("MLproject", "name: x\n")
        small.write("main.py", "print(1)\n").commit()
        wide = _wide(root / "base" / "wide")
        settings = Settings(data=root / "home", cache=root / "cache")
        with serve(root / "base") as daemon:
            remote = {
                name: Request(uri=f"{daemon.url}/{name}", caller=root, version=repository.head)
                for name, repository in (("small", small), ("wide", wide))
            }
            for request in remote.values():
                resolve(request, settings=settings, progress=Silent())
            local = Request(uri=str(small.path), caller=root)
            local_wide = Request(uri=str(wide.path), caller=root)
            _report(
                {
                    "small: resolve, read, check out": lambda: _walk(remote["small"], settings),
                    "small: the same, local": lambda: _walk(local, settings),
                    "wide: git archive | tar x": lambda: _archive(wide, root / "out"),
                    "wide: check out, with a .git": lambda: _checkout(remote["wide"], settings),
                    "wide: resolve, read, check out": lambda: _walk(remote["wide"], settings),
                    "wide: the same, local": lambda: _walk(local_wide, settings),
                }
            )


def _wide(path: Path) -> Repository:
    repository, chance = Repository(path), random.Random(1)
    for number in range(FILES):
        lines = chance.choice([10, 100, 300, 1500])
        text = "".join(f"line {chance.random()}\n" for _ in range(lines))
        repository.write(f"d{number % 40}/e{number % 7}/f{number}.txt", text)
    repository.write("MLproject", "name: wide\n").commit()
    repository.git("gc", "-q")
    return repository


def _walk(request: Request, settings: Settings) -> float:
    started = time.perf_counter()
    source = resolve(request, settings=settings, progress=Silent())
    with open_files(source, settings=settings) as files:
        files.names()
        files.read("MLproject")
    with checkout(source, settings=settings, progress=Silent()):
        return time.perf_counter() - started


def _checkout(request: Request, settings: Settings) -> float:
    source = resolve(request, settings=settings, progress=Silent())
    started = time.perf_counter()
    with checkout(source, settings=settings, progress=Silent()):
        return time.perf_counter() - started


def _archive(repository: Repository, out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    started = time.perf_counter()
    command = f"git -C '{repository.path}' archive HEAD | tar x -C '{out}'"
    subprocess.run(command, shell=True, check=True)  # noqa: S602  the raw command to beat
    return time.perf_counter() - started


def _report(measures: Mapping[str, Callable[[], float]]) -> None:
    """Measure in turns, so that whatever else the machine does harms all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(ROUNDS):
        for name, measure in measures.items():
            seconds[name].append(measure())
    for name, measured in seconds.items():
        median, least = statistics.median(measured) * 1000, min(measured) * 1000
        print(f"{name:<36} median {median:8.1f} ms   least {least:8.1f} ms")


if __name__ == "__main__":
    main()
