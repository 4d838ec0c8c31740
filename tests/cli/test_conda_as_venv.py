"""A project that was written for conda, run in a virtual environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import samples

if TYPE_CHECKING:
    from tests.support.index import Index
    from tests.support.program import Program

MANIFEST = "conda_env: conda.yaml\nentry_points: {main: {command: python main.py}}\n"
MAIN = "import os, torch; print(torch.VERSION, os.environ['LEVEL'])\n"
CONDA = """\
name: old
channels: [pytorch, defaults]
dependencies:
  - python=3.11
  - pytorch=1.4.0=py3.7_cuda10.1
  - cudatoolkit=10.1
  - libgcc-ng=9.1.0=hdf63c60_0
  - pip
  - pip:
    - -r requirements.txt
variables: {LEVEL: 3}
"""
VENV = ("--env-manager", "venv")
LEFT = (
    "conda.yaml: left out, as a venv has no use for them: the channels pytorch, defaults; the "
    "build strings pytorch=py3.7_cuda10.1; cudatoolkit=10.1, libgcc-ng=9.1.0=hdf63c60_0"
)


def _lay(reprun: Program, conda: str = CONDA) -> None:
    samples.lay(
        reprun.directory, MANIFEST, main_py=MAIN, conda_yaml=conda, requirements_txt="six\n"
    )


def test_it_runs_unaided(reprun: Program, index: Index) -> None:
    index.wheel("torch", "1.4.0")
    index.wheel("six", "1.16.0")
    _lay(reprun)
    said = reprun("run", ".", *VENV)
    assert (said.code, said.out) == (0, "1.4.0 3\n"), said
    assert f"warning: {LEFT}" in said.err
    record = reprun.record(".", *VENV)
    assert record["environment"]["kind"] == "venv"
    assert record["environment"]["python"]["version"].startswith("3.11.")
    assert {"torch", "six", "pip"} <= {one["name"] for one in record["environment"]["packages"]}
    assert record["warnings"] == ["conda.yaml: on the Python index pytorch is torch", LEFT]
    assert "LEVEL" in record["variables"]
    shown = reprun("shell", "latest", "-c", "echo level $LEVEL")
    assert shown.out == "level 3\n", shown


def test_the_entry_points_own_variables_win(reprun: Program, index: Index) -> None:
    index.wheel("torch", "1.4.0")
    index.wheel("six", "1.16.0")
    _lay(reprun)
    own = MANIFEST.replace("{command:", "{env: {LEVEL: '4'}, command:")
    (reprun.directory / "MLproject").write_text(own)
    assert reprun("run", ".", "-q", *VENV).out == "1.4.0 4\n"


def test_what_only_conda_has(reprun: Program, index: Index) -> None:
    index.wheel("torch", "1.4.0")
    index.wheel("six", "1.16.0")
    _lay(reprun, CONDA.replace("  - pip\n", "  - pip\n  - r-base=3.6\n  - gxx_linux-64\n"))
    for more in ((), ("--dry-run",)):
        said = reprun("run", ".", *VENV, *more)
        assert said.code == 125
        assert said.err.endswith(
            "error: conda.yaml: 2 packages are for conda only: the Python index has nothing in "
            "their place\n"
            "  conda.yaml:9:5: `r-base=3.6` (R)\n"
            "  conda.yaml:10:5: `gxx_linux-64` (a compiler)\n"
            "hint: `--skip-unmapped` runs without them\n"
        ), said
    assert reprun.records() == []
    dry = reprun("run", ".", *VENV, "--dry-run", "--skip-unmapped", "--json").document
    record = reprun.record(".", *VENV, "--skip-unmapped")
    left = (
        "conda.yaml: left out by `--skip-unmapped`, as it is for conda only: `r-base=3.6` (R), "
        "`gxx_linux-64` (a compiler)"
    )
    assert left in dry["warnings"]
    assert left in record["warnings"]
    assert record["request"]["skip_unmapped"] is True


def test_a_lock_beside_it(reprun: Program, index: Index) -> None:
    index.wheel("torch", "1.4.0")
    index.wheel("six", "1.16.0")
    _lay(reprun, CONDA.replace("  - pip\n", "  - pip\n  - openjdk\n"))
    assert reprun("lock", ".", *VENV).code == 125
    said = reprun("lock", ".", *VENV, "--skip-unmapped")
    assert (said.code, said.out.count("conda.lock (5 packages")) == (0, 1), said
    index.wheel("torch", "1.4.0.post1")
    assert reprun.record(".", *VENV)["environment"]["lock"]["made"] == "project"


def test_check_has_nothing_against_it(reprun: Program) -> None:
    _lay(reprun)
    assert reprun("check", ".").code == 0
