"""Locks of conda environments that `reprun lock` has written into a project."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.conda_channel import module
from tests.support.index import write_package
from tests.support.program import person

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.conda_shelf import Channel
    from tests.support.index import Index
    from tests.support.program import Program

MANIFEST = "conda_env: conda.yaml\nentry_points: {main: {command: python main.py}}\n"
MAIN = "import alpha, beta; print(alpha.__version__, beta.__version__)\n"


def lay(reprun: Program, channel: Channel, *packages: str, manifest: str = MANIFEST) -> Path:
    """A project that asks the channel for Python and `alpha` 1."""
    asked = "".join(f"  - {one}\n" for one in ("python", "alpha=1", *packages))
    conda = f"channels: ['{channel.url}', nodefaults]\ndependencies:\n{asked}"
    return samples.lay(reprun.directory, manifest, main_py=MAIN, conda_yaml=conda)


@pytest.fixture
def locked(reprun: Program, channel: Channel) -> Path:
    """A project with a lock by `reprun lock`."""
    project = lay(reprun, channel)
    said = reprun("lock", ".")
    assert said.code == 0, said.err
    lock = project / "conda-lock.yml"
    assert said.out.startswith(f"wrote {lock} (3 packages, Python 3."), said
    return project


def test_a_lock_is_written_that_conda_lock_can_read(locked: Path, reprun: Program) -> None:
    from conda_lock.lockfile import parse_conda_lock_file

    found = parse_conda_lock_file(locked / "conda-lock.yml")
    assert {(one.name, one.version) for one in found.package} > {("alpha", "1.1"), ("beta", "1.0")}
    assert found.metadata.sources == ["conda.yaml"]
    before = (locked / "conda-lock.yml").read_bytes()
    said = reprun("lock", ".")
    assert said.out.startswith(f"nothing new in {locked / 'conda-lock.yml'}"), said
    assert (locked / "conda-lock.yml").read_bytes() == before


def test_the_lock_decides_here_there_and_on_another_machine(
    locked: Path, reprun: Program, channel: Channel, tmp_path: Path
) -> None:
    first = reprun.record(".")
    environment = first["environment"]
    assert environment["lock"]["made"] == "project"
    assert environment["lock"]["format"] == "conda-lock"
    assert reprun("run", ".", "-q").out == "1.1 1.0\n"
    channel.add(module("alpha", "1.2", depends=("python", "beta")))
    moved = locked.with_name("moved")
    shutil.copytree(locked, moved)
    other = person(tmp_path / "other")
    other.directory.rmdir()
    shutil.copytree(locked, other.directory)
    for who, where in ((reprun, str(moved)), (other, ".")):
        record = who.record(where)
        assert record["environment"]["hash"] == environment["hash"]
        assert record["environment"]["fingerprint"] == environment["fingerprint"]
    (locked / "conda-lock.yml").unlink()
    assert reprun("run", ".", "-q").out.startswith("1.2 ")


def test_a_lock_and_a_first_run_have_the_same_environment(
    reprun: Program, channel: Channel
) -> None:
    lay(reprun, channel)
    first = reprun.record(".")
    assert reprun("lock", ".").code == 0
    second = reprun.record(".")
    assert second["environment"]["hash"] == first["environment"]["hash"]
    assert [first["environment"]["lock"]["made"], second["environment"]["lock"]["made"]] == [
        "resolved",
        "project",
    ]


def test_a_changed_file_asks_for_a_new_lock(
    locked: Path, reprun: Program, channel: Channel
) -> None:
    lay(reprun, channel, "tool")
    said = reprun("run", ".")
    assert said.code == 125
    assert said.err.endswith(
        "error: conda-lock.yml was made from another conda.yaml than stands beside it\n"
        "hint: run `reprun lock` and commit what it writes\n"
    ), said
    assert reprun("lock", ".").out.startswith(f"wrote {locked / 'conda-lock.yml'} (4 packages")
    assert reprun("run", ".", "-q").code == 0


def test_what_flags_do_with_a_lock(locked: Path, reprun: Program, channel: Channel) -> None:
    del locked
    channel.add(module("alpha", "1.2", depends=("python", "beta")))
    said = reprun("run", ".", "--relock")
    assert said.out == "1.1 1.0\n"
    assert "warning: --relock changes nothing: the project's own lock is used as it is" in said.err
    said = reprun("run", ".", "--add-package", "tool")
    assert said.out.startswith("1.2 "), "an amended environment is solved anew"


PIP = "  - pip:\n    - six\n    - -e ./mine\n"


def test_pips_packages_come_from_the_lock_and_the_projects_own_on_top(
    reprun: Program, channel: Channel, index: Index
) -> None:
    project = lay(reprun, channel, "pip")
    with (project / "conda.yaml").open("a") as file:
        file.write(PIP)
    write_package(project / "mine", "mine", "0.1")
    index.wheel("six", "1.16.0")
    said = reprun("lock", ".")
    assert said.code == 0, said
    index.wheel("six", "1.17.0")
    (project / "main.py").write_text("import mine, six; print(six.VERSION, mine.__file__)\n")
    said = reprun("run", ".")
    assert (said.code, said.out.startswith("1.16.0 ")) == (0, True), said
    assert said.out.endswith("mine/__init__.py\n")
    (project / "mine" / "more.txt").write_text("more")
    assert reprun("run", ".", "-q").code == 0, "the project's own code is not the lock's business"


def test_a_warm_run_reads_no_lock(locked: Path, reprun: Program) -> None:
    assert reprun("run", ".", "-q").code == 0
    assert locked.is_dir()
    said = reprun("run", ".", PYTHONPROFILEIMPORTTIME="1")
    assert said.code == 0
    loaded = {line.rpartition("|")[2].strip() for line in said.err.splitlines()}
    assert "runner.conda.project_lock" in loaded
    assert not loaded & {"rattler", "conda_lock", "pydantic", "runner.conda.unified_lock"}


def test_a_file_in_a_folder_has_its_lock_there(reprun: Program, channel: Channel) -> None:
    project = lay(reprun, channel, manifest=MANIFEST.replace("conda.yaml", "env/conda.yaml"))
    (project / "env").mkdir()
    (project / "conda.yaml").rename(project / "env" / "conda.yaml")
    document = reprun("lock", ".", "--json").document
    lock = project / "env" / "conda-lock.yml"
    assert (document["path"], document["format"]) == (str(lock), "conda-lock")
    assert "\n  sources:\n  - conda.yaml\n" in lock.read_text()
    dry = reprun("run", ".", "--dry-run", "--json").document["environment"]
    assert dry["lock"]["made"] == "project"
    assert dry["ready"] is False
    assert reprun("run", ".", "-q").out == "1.1 1.0\n"
    assert reprun("run", ".", "--dry-run", "--json").document["environment"]["ready"] is True
    assert not reprun("lock", ".", "--json").document["changed"]


def test_two_files_of_a_project_have_a_lock_each(locked: Path, reprun: Program) -> None:
    (locked / "old.yaml").write_text((locked / "conda.yaml").read_text().replace("=1", "=1.0"))
    (locked / "MLproject").write_text(MANIFEST.replace("conda.yaml", "old.yaml"))
    said = reprun("run", ".")
    assert said.out == "1.0 2.0\n", said
    assert (
        "warning: conda-lock.yml: was made from conda.yaml, not from old.yaml: not used" in said.err
    )
    assert reprun("lock", ".", "--json").document["path"] == str(locked / "old.conda-lock.yml")
    assert reprun.record(".")["environment"]["lock"]["made"] == "project"
    (locked / "MLproject").write_text(MANIFEST)
    assert reprun("run", ".", "-q").out == "1.1 1.0\n"


def test_a_lock_of_a_day_is_used_on_any_other(reprun: Program, channel: Channel) -> None:
    project = lay(reprun, channel)
    text = (project / "conda.yaml").read_text()
    (project / "conda.yaml").write_text(text.replace("alpha=1", "alpha"))
    assert reprun("lock", ".", "--as-of", "2021-12-01").code == 0
    assert reprun("run", ".", "-q").out.startswith("1.1 ")
    # Another day is asked for on purpose, and leaves the lock aside.
    assert reprun("run", ".", "-q", "--as-of", "2022-12-01").out.startswith("2.0 ")


def test_a_venv_is_made_in_spite_of_the_lock(locked: Path, reprun: Program, index: Index) -> None:
    index.wheel("alpha", "1.5", files={"alpha.py": "__version__ = '1.5'\n"})
    index.wheel("beta", "3.0", files={"beta.py": "__version__ = '3.0'\n"})
    (locked / "conda.yaml").write_text("dependencies: [python, alpha=1, beta]\n")
    said = reprun("run", ".", "-q", "--env-manager", "venv")
    assert (said.code, said.out) == (0, "1.5 3.0\n"), said
