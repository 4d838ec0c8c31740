"""`reprun run --with RUN`, as a person types it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import runner
from tests.support import samples

if TYPE_CHECKING:
    import pytest

    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
MANIFEST = """\
entry_points:
  make:
    parameters: {text: {default: one}}
    command: "mkdir -p m; printf %s {text} > m/model.txt; echo log > log.txt"
  use:
    command: "cat m/model.txt; echo more >> log.txt; test -w m/model.txt"
    outputs: [log.txt]
  needs:
    command: "cat m/*"
    inputs: [m/model.txt]
"""


def test_outputs_are_laid_in_before_the_step(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    made = reprun.record(".", "-e", "make", *LOCAL)
    said = reprun("run", ".", "-e", "use", "--with", "latest:make", *LOCAL)
    assert said == (0, "one", "")
    used = reprun.records()[-1]
    assert used["request"]["with"] == ["latest:make"]
    assert {(file["path"], file["origin"]) for file in used["inputs"]} == {
        ("log.txt", f"run:{made['id']}"),
        ("m/model.txt", f"run:{made['id']}"),
    }
    assert [file["sha256"] for file in used["inputs"]] == [
        file["sha256"] for file in made["outputs"]
    ]
    assert [file["path"] for file in used["outputs"]] == ["log.txt"], "only what it changed"
    assert reprun("run", ".", "-e", "needs", "--with", f"{made['id'][:-1]}:m", *LOCAL).code == 0
    assert reprun.leftovers() == []


def test_it_is_checked_before_anything_is_built(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST, requirements_txt="no-such-package\n")
    first = reprun.record(".", "-e", "make", *LOCAL)["id"]
    reprun.record(".", "-e", "make", "-P", "text=two", *LOCAL)
    for asked, words in (
        (["latest:nope"], "`--with latest:nope`: there is no finished run of `nope` yet"),
        ([f"{first}:*.bin"], f"run {first} has no output that matches `*.bin`"),
        ([first, "latest"], f"`--with {first}` and `--with latest` both bring `m/model.txt`"),
    ):
        options = [word for one in asked for word in ("--with", one)]
        said = reprun("run", ".", "-e", "use", *options)
        assert said.code in {2, 125}
        assert words in said.err
        assert "hint: " in said.err
        assert reprun("run", ".", "-e", "use", "--dry-run", *options).err == said.err
    assert len(reprun.records()) == 2


def test_a_dry_run_names_them(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    made = reprun.record(".", "-e", "make", *LOCAL)["id"]
    said = reprun("run", ".", "-e", "needs", "--with", "latest:make:m", *LOCAL, "--dry-run")
    assert f"input       m/model.txt of run:{made}" in said.out


def test_in_place_nothing_is_replaced(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    reprun.record(".", "-e", "make", *LOCAL)
    (reprun.directory / "log.txt").write_text("mine")
    said = reprun("run", ".", "-e", "use", "--with", "latest", "--in-place", *LOCAL)
    assert said.code == 125
    assert "brings another `log.txt` than the one that is there" in said.err
    (reprun.directory / "log.txt").unlink()
    assert reprun("run", ".", "-e", "use", "--with", "latest", "--in-place", *LOCAL).code == 0


def test_from_python(reprun: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPRUN_HOME", "HOME", "PATH"):
        monkeypatch.setenv(name, reprun.variables[name])
    monkeypatch.delenv("REPRUN_CACHE", raising=False)
    monkeypatch.chdir(samples.lay(reprun.directory, MANIFEST))
    made = runner.run(".", entry_point="make", env_manager="local")
    for given in ("latest:make:m", [f"{made.id}:m", "latest:make:log.txt"]):
        run = runner.run(".", entry_point="use", with_runs=given, env_manager="local")
        assert run.status == "finished"
        assert {file.origin for file in run.inputs} == {f"run:{made.id}"}
