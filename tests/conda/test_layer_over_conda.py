"""A project's own packages, in a layer over a prefix of conda's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.environments import contents, layer
from runner.environments.base import Environment, LocalPackage, Lock
from runner.environments.facts import Facts
from runner.source.model import Checkout
from tests.conda.conftest import ask
from tests.support.conda_channel import module
from tests.support.index import write_package

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Activation
    from tests.conda.conftest import Bench


def laid(bench: Bench, prefix: Path, package: LocalPackage) -> Activation:
    """The layer with `package` over `prefix`."""
    lock = Lock("conda", "conda-lock", "# as of\n", "0", None, "any", local_packages=(package,))
    interpreter = Facts(bench.settings).interpreter(prefix / "bin" / "python")
    environment = Environment("conda", "h", lock, prefix, interpreter, (), "f", reused=False)
    root = bench.project.root
    return layer.install(
        lock,
        environment,
        Checkout(root=root, project=root),
        settings=bench.settings,
        progress=bench.heard,
    )


@pytest.mark.parametrize("editable", [True, False])
def test_a_package_of_the_project_lies_over_condas(bench: Bench, *, editable: bool) -> None:
    tool = replace(
        module("tool", "1.0", source="def main(): import mine; print(mine.VERSION)\n"),
        entry_points=("tool = tool:main",),
    )
    prefix = bench.prefix(module("alpha", "1.0"), tool)
    (prefix / "lib" / "python3.1").symlink_to(contents.site_packages(prefix).parent.name)
    write_package(bench.project.root / "lib", "mine")
    before = contents.stat_digest(prefix)
    activation = laid(bench, prefix, LocalPackage("lib", "tree", editable=editable))
    at = activation.path[0].parent
    code = "import sys, mine, alpha; print(mine.VERSION, alpha.__version__, sys.base_prefix)"
    assert ask(at, code) == f"1.0 1.0 {prefix}"
    assert (
        ask(
            at,
            "import subprocess; print(subprocess.getoutput('tool'))",
            {"PATH": f"{at}/bin:/usr/bin:/bin"},
        )
        == "1.0"
    )
    assert activation.path == (at / "bin", prefix / "bin")
    assert activation.variables["CONDA_PREFIX"] == str(prefix)
    assert contents.stat_digest(prefix) == before
