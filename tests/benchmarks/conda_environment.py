"""Conda environments from a channel on loopback, the package cache warm, against py-rattler alone.

A second table: a warm run in such an environment, against one in a venv of the same packages.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.files import remove_tree
from tests.benchmarks.figure import Figure, Ratio
from tests.benchmarks.measure import difference, race
from tests.support import conda_server
from tests.support.conda_channel import Package, index, module, pack, python
from tests.support.conda_packages import everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.measure import Contender
    from tests.benchmarks.place import Place

RAW = "py-rattler alone"
OURS = "reprun run --relock"
WARM = "reprun run, the environment there"
ENVIRONMENT = "the difference: solved and installed"
IN_CONDA = "reprun run, conda"
IN_VENV = "reprun run, venv"
SMALL = ("python", "alpha", "gamma", "tool", "pip")
MANY, FILES = 200, 60  # packages and files of each: about what a notebook's project brings in
MANIFEST = 'conda_env: conda.yaml\nentry_points:\n  main:\n    command: "python -c pass"\n'
# All that py-rattler needs to be told, and then the step.
SCRIPT = """
import asyncio, sys
import rattler

channel, root, *specs = sys.argv[1:]

async def main():
    records = await rattler.solve(
        [channel],
        specs,
        gateway=rattler.Gateway(cache_dir=f"{root}/index"),
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    await rattler.install(
        records, f"{root}/prefix", cache_dir=f"{root}/packages", show_progress=False
    )

asyncio.run(main())
"""


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
    project = _project(place, name, url, packages)
    measured = race(
        (_raw(place, name, url, packages), _ours(place, project), _there(place, project)),
        rounds=place.rounds,
    )
    environment = difference(ENVIRONMENT, measured[1], measured[2])
    return Figure(
        f"conda environment of {len(packages)} packages asked for, package cache warm ({name})",
        (*measured, environment),
        RAW,
        (Ratio(ENVIRONMENT, RAW, 1.3),),
        ("the raw command keeps no lock, checks no hash and looks at nothing that it made",),
    )


def _project(place: Place, name: str, url: str, packages: tuple[str, ...]) -> Path:
    project = place.folder(name)
    (project / "MLproject").write_text(MANIFEST)
    lines = "".join(f"  - {one}\n" for one in packages)
    (project / "conda.yaml").write_text(f"channels: [{url}, nodefaults]\ndependencies:\n{lines}")
    return project


def _raw(place: Place, name: str, url: str, packages: tuple[str, ...]) -> Contender:
    root = place.folder(f"raw-{name}")
    (root / "raw.py").write_text(SCRIPT)
    script = f"""
    {sys.executable} {root}/raw.py {url} {root} {" ".join(packages)}
    {root}/prefix/bin/python -c pass
    """
    return place.shell(RAW, script, prepare=lambda: remove_tree(root / "prefix"))


def _ours(place: Place, project: Path) -> Contender:
    built = place.home / "cache" / "envs"
    return place.ours(OURS, "run", str(project), "--relock", prepare=lambda: remove_tree(built))


def _there(place: Place, project: Path) -> Contender:
    return place.ours(WARM, "run", str(project))


def _warm_runs(place: Place, url: str) -> Figure:
    conda = _project(place, "warm-conda", url, ("python", "pip", "setuptools", "wheel"))
    venv = place.folder("warm-venv")
    (venv / "MLproject").write_text(MANIFEST.replace("conda_env: conda.yaml\n", ""))
    measured = race(
        (place.ours(IN_VENV, "run", str(venv)), place.ours(IN_CONDA, "run", str(conda))),
        rounds=place.rounds,
    )
    return Figure(
        "warm run with Python, pip, setuptools and wheel",
        measured,
        IN_VENV,
        (Ratio(IN_CONDA, IN_VENV, 1.1),),
    )
