"""Where a benchmark happens: a fresh home, the programs that compete, the variables they get."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measure import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPOSITORY = Path(__file__).parents[2]
# Whatever these say is about the caller's own work, and would let it into the measurement.
FOREIGN = ("GIT_", "MLFLOW_", "PYTHON", "REPRUN_", "VIRTUAL_ENV", "XDG_CACHE", "XDG_DATA")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of one benchmark's own.

    Attributes:
        root: everything that is made lies below it, so that hard links work throughout.
        rounds: samples per contender.
        python: the interpreter itself, without a virtual environment or a shim before it.
        reprun: how ours is started.
        mlflow: its executable, None where it is not installed.
    """

    root: Path
    rounds: int
    python: Path
    reprun: tuple[str, ...]
    mlflow: str | None
    variables: Mapping[str, str] = field(repr=False)

    @property
    def home(self) -> Path:
        """The home that ours gets, `REPRUN_HOME`."""
        return self.root / "reprun"

    @property
    def own_variables(self) -> dict[str, str]:
        """Those of ours: the step's MLflow logs into the record, not into MLflow's store."""
        return {k: v for k, v in self.variables.items() if k != "MLFLOW_TRACKING_URI"}

    def folder(self, name: str) -> Path:
        """A new folder."""
        made = self.root / name
        made.mkdir(parents=True)
        return made

    def ours(
        self,
        name: str,
        *arguments: str,
        expected: int = 0,
        prepare: Callable[[], object] | None = None,
    ) -> Contender:
        """`reprun ARGUMENTS`, measured under `name`."""
        argv = (*self.reprun, *arguments)
        return Contender(name, argv, self.root, self.own_variables, expected, prepare)

    def shell(
        self, name: str, script: str, *, prepare: Callable[[], object] | None = None
    ) -> Contender:
        """A raw command line, measured under `name`; it stops at the first failure."""
        argv = ("sh", "-euc", script)
        return Contender(name, argv, self.root, self.variables, prepare=prepare)

    def theirs(
        self,
        name: str,
        *arguments: str,
        expected: int = 0,
        prepare: Callable[[], object] | None = None,
    ) -> tuple[Contender, ...]:
        """`mlflow ARGUMENTS`, measured under `name`; none where mlflow is not installed."""
        if not self.mlflow:
            return ()
        argv = (self.mlflow, *arguments)
        return (Contender(name, argv, self.root, self.variables, expected, prepare),)


def open_place(root: Path, *, rounds: int) -> Place:
    """A place at the empty folder `root`."""
    programs = root / "bin"
    programs.mkdir()
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (programs / "python").symlink_to(python)
    variables = _variables(root, programs)
    installed = Path(sys.executable).with_name("reprun")
    if installed.exists():
        return Place(root, rounds, python, (str(installed),), _mlflow(), variables)
    variables["PYTHONPATH"] = str(REPOSITORY)
    return Place(root, rounds, python, (sys.executable, "-m", "runner"), _mlflow(), variables)


def _mlflow() -> str | None:
    return os.environ.get("REPRUN_BENCH_MLFLOW") or shutil.which("mlflow")


def _variables(root: Path, programs: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    search = [str(programs), os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]
    return kept | {
        "HOME": str(root / "home"),
        "XDG_CONFIG_HOME": configuration,  # which package index to use stands there
        "PATH": os.pathsep.join(search),
        "REPRUN_HOME": str(root / "reprun"),
        "UV_CACHE_DIR": str(root / "uv-cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        "MLFLOW_ENV_ROOT": str(root / "mlflow-environments"),
    }
