"""What steps of public projects expect of the place that they run in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import samples

if TYPE_CHECKING:
    from tests.cli.conftest import Served
    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def _step(command: str) -> str:
    return f"entry_points:\n  main:\n    command: |-\n      {command}\n"


def _outputs(record: dict[str, Any]) -> list[str]:
    return [file["path"] for file in record["outputs"]]


@pytest.mark.parametrize("remote", [True, False])
def test_git_reads_the_checkout(reprun: Program, served: Served, *, remote: bool) -> None:
    command = (
        "git rev-parse HEAD; git describe --tags --dirty; git status --short; git log --oneline"
    )
    served.repository.write("MLproject", _step(command)).commit("a step")
    served.repository.git("tag", "v1.2")
    head = served.repository.head
    served.repository.write("more.txt", "x").commit("more")
    where = served.url if remote else str(served.repository.path)
    said = reprun("run", where, "-v", "v1.2", *LOCAL)
    assert said.out.splitlines()[:3] == [head, "v1.2", f"{head[:7]} a step"]
    said = reprun("run", where, *LOCAL)
    assert said.out.splitlines()[1] == f"v1.2-1-g{served.repository.head[:7]}"


def test_setuptools_scm_reads_the_version(reprun: Program) -> None:
    # The package cache alone is not fresh, for the index's sake.
    reprun.variables["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR") or f"{Path.home()}/.cache/uv"
    code = "from setuptools_scm import get_version; print(get_version())"
    repository = samples.commit(
        reprun.directory, _step(f'python -c "{code}"'), requirements_txt="setuptools-scm\n"
    )
    repository.git("tag", "v1.2")
    said = reprun("run", ".", UV_HTTP_RETRIES="3")
    assert (said.code, said.out) == (0, "1.2\n"), said.err
    repository.write("more.txt", "x").commit("more")
    said = reprun("run", ".")
    assert said.out.startswith("1.3.dev1+g"), said.err


def test_pip_is_there(reprun: Program, index: Index) -> None:
    index.wheel("made", "1.0")
    command = "python -m pip --version && pip install --quiet --no-deps made && pip list"
    samples.lay(reprun.directory, _step(command))
    said = reprun("run", ".", PIP_INDEX_URL=index.url)
    assert said.code == 0, said.err
    assert said.out.startswith("pip ")
    assert "made" in said.out
    said = reprun("run", ".", PIP_INDEX_URL=index.url)
    assert (said.code, "is built again: it was changed by hand" in said.err) == (0, True)


@pytest.mark.parametrize("remote", [True, False])
def test_the_repository_around_a_project_in_a_folder(
    reprun: Program, served: Served, *, remote: bool
) -> None:
    command = "cat ../shared/data.csv; echo 1 > ../beside.txt; echo 2 > ../shared/new.txt"
    repository = served.repository.write("models/a/MLproject", _step(command))
    repository.write("models/shared/data.csv", "1,2\n").commit()
    where = served.url if remote else str(repository.path)
    record = reprun.record(f"{where}#models/a", *LOCAL)
    assert _outputs(record) == ["../beside.txt", "../shared/new.txt"]
    logs = reprun("runs", "logs").out
    assert logs == "1,2\n"
    assert not (repository.path / "models/beside.txt").exists()


def test_it_may_write_where_it_pleases(reprun: Program) -> None:
    command = "echo >> main.py; mkdir -p a/b src; echo > a/b/c; rm gone.txt; echo > .hidden"
    samples.commit(reprun.directory, _step(command), gone_txt="x", kept_txt="x")
    (reprun.directory / "kept.txt").chmod(0o444)
    record = reprun.record(".", *LOCAL)
    assert _outputs(record) == [".hidden", "a/b/c", "main.py"]
    assert record["deleted"] == ["gone.txt"]
    assert (reprun.directory / "gone.txt").exists()


def test_a_step_that_asks_gets_no_answer(reprun: Program) -> None:
    samples.lay(reprun.directory, _step('python -c "input()"'))
    said = reprun("run", ".", *LOCAL)
    assert said.code == 1
    assert "EOFError" in said.err


def test_home_can_be_written(reprun: Program) -> None:
    samples.lay(reprun.directory, _step('echo x > "$HOME/x" && ls -A "$HOME" && echo "$HOME"'))
    own = reprun.variables["HOME"]
    assert reprun("run", ".", *LOCAL).out == f"x\n{own}\n"
    closed = reprun.directory.parent / "file"
    closed.write_text("")
    for home, why in ((str(closed), f"({closed}) is no folder"), ("/nowhere", "is no folder")):
        said = reprun("run", ".", *LOCAL, HOME=home)
        assert said.code == 0, said.err
        assert f"{why}: the step has an empty one, which goes when it ends" in said.err
        made = said.out.splitlines()[1]
        assert made.startswith(str(reprun.home / "cache"))
        assert not Path(made).exists()
    assert reprun.leftovers() == []


def test_a_step_without_home(reprun: Program) -> None:
    samples.lay(reprun.directory, _step('echo x > "$HOME/x"'))
    del reprun.variables["HOME"]
    said = reprun("run", ".", *LOCAL)
    assert (said.code, "HOME is not set: the step has an empty one" in said.err) == (0, True)
