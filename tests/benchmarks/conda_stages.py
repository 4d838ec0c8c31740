"""Solves and installs a conda environment ROUNDS times in this process.

`python -m tests.benchmarks.conda_stages ours|alone ROUNDS PROJECT CHANNEL PACKAGE…`: with reprun's
kind `conda`, or with py-rattler alone. The caches are warm after the first time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rattler

from runner.conda.runtime import run
from runner.environments import conda
from runner.files import remove_tree
from runner.manifest.model import EnvironmentReference
from runner.progress import Silent
from runner.settings import Settings
from tests.support.folder import FolderFiles


async def alone(root: Path, channel: str, packages: list[str]) -> None:
    """All that py-rattler needs to be told."""
    records = await rattler.solve(
        [channel],
        packages,
        gateway=rattler.Gateway(cache_dir=root / "index"),
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    await rattler.install(
        records, root / "prefix", cache_dir=root / "packages", show_progress=False
    )


def ours(root: Path, project: Path) -> None:
    """The specification read, locked, and built from the lock."""
    files = FolderFiles(project, root=project.parent)
    settings = Settings(data=root / "data", cache=root / "cache")
    reference = EnvironmentReference(kind="conda_env", path="conda.yaml")
    spec = conda.read(reference, files, as_of=None)
    lock = conda.lock(spec, files=files, settings=settings, progress=Silent())
    (root / "prefix").mkdir()
    conda.create(
        lock,
        root / "prefix",
        interpreter=None,
        files=files,
        settings=settings,
        progress=Silent(),
    )


def main() -> None:
    """Do it as often as asked for."""
    who, rounds, project, channel, *packages = sys.argv[1:]
    root = Path(project).parent / f"{who}-{Path(project).name}"
    for _ in range(int(rounds)):
        remove_tree(root / "prefix")
        root.mkdir(exist_ok=True)
        if who == "ours":
            ours(root, Path(project))
        else:
            run(alone(root, channel, packages))


if __name__ == "__main__":
    main()
