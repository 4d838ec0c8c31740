"""A step that starts steps: children of its run, in the same home and checkout."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import samples
from tests.support.processes import wait_until
from tests.support.program import end, nothing_left
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Served
    from tests.support.engine import Engine
    from tests.support.index import Index
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
MANIFEST = """\
name: pipeline
entry_points:
  main:
    command: "reprun run . -e make && reprun run . -e use -P times=2 && cat model.json"
  make:
    command: "echo 1,2 > data.csv; echo making"
  use:
    parameters: {times: int}
    command: ": {times}; cat data.csv data.csv > model.json; echo changed >> main.py"
  exit:
    command: "reprun run . -e seven"
  seven:
    command: "exit 7"
  loop:
    command: "reprun run . -e loop; reprun run . -e loop"
  deep:
    parameters: {level: int}
    command: "reprun run . -e deep -P level=$(({level} + 1))"
  wait:
    command: "reprun run . -e sleep"
  sleep:
    command: ": >started; sleep 60 & wait"
  python:
    command: "python start.py"
  env:
    command: "env | grep REPRUN_ | sort > env.txt; reprun run . -e make"
  elsewhere:
    command: "reprun run ../other"
  sub:
    command: "reprun run sub; reprun run .#sub; cd sub; reprun run . -e up"
  big:
    command: "head -c 20000000 /dev/zero > big.bin; echo x > small.txt; reprun run . -e see"
  see:
    command: "wc -c < big.bin"
  old:
    command: "reprun run . -v main~1 -e make"
  commits:
    command: "echo 1 > new.txt; git add -A; git -c user.name=a -c user.email=a@b commit -qm x;
      reprun run . -e make"
"""


def _runs(reprun: Program) -> dict[str, dict[str, Any]]:
    return {record["entry_point"]: record for record in reprun.records()}


def test_a_pipeline(reprun: Program) -> None:
    repository = samples.commit(reprun.directory, MANIFEST)
    (reprun.directory / "mine.txt").write_text("not committed")
    said = reprun("run", ".", *LOCAL)
    assert said == (0, "making\n1,2\n1,2\n", "")
    found = _runs(reprun)
    main, make, use = found["main"], found["make"], found["use"]
    assert [main["parent"], make["parent"], use["parent"]] == [None, main["id"], main["id"]]
    for child in (make, use):
        assert child["status"] == "finished"
        assert child["source"]["in_place"]
        for name in ("url", "commit", "branch", "pushed", "remote", "kind"):
            assert child["source"][name] == main["source"][name]
        assert child["environment"]["kind"] == "local", "as the whole was asked to run"
        assert str(reprun.home) not in json.dumps([child["source"], child["request"]])
        assert set(child["variables"]) == set(main["variables"])
        assert child["variables"]["PATH"] == main["variables"]["PATH"]
    assert not [name for name in main["variables"] if name.startswith(("REPRUN_", "PYTHONPATH"))]
    assert main["source"]["commit"] == repository.head
    assert make["source"]["changes"]["added"] == ["mine.txt"]
    assert use["source"]["changes"]["added"] == ["data.csv", "mine.txt"]
    assert [file["path"] for file in make["outputs"]] == ["data.csv"]
    assert [file["path"] for file in use["outputs"]] == ["main.py", "model.json"]
    outputs = ["data.csv", "main.py", "model.json"]
    assert [file["path"] for file in main["outputs"]] == outputs
    assert reprun("shell", use["id"], "-c", "cat data.csv mine.txt").out == "1,2\nnot committed"
    assert not (reprun.directory / "data.csv").exists()
    assert reprun.leftovers() == []


def test_parents_and_children_are_listed_shown_and_deleted(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    reprun("run", ".", *LOCAL)
    found = _runs(reprun)
    main, make, use = (found[name]["id"] for name in ("main", "make", "use"))
    rows = [line.split()[:3] for line in reprun("runs", "list").out.splitlines()[1:]]
    assert [row[0] for row in rows] == [main, make, use]
    listed = reprun("runs", "list").out.splitlines()
    assert listed[1].index("main") + 2 == listed[2].index("make")
    alone = reprun("runs", "list", "-e", "make").out.splitlines()
    assert alone[0].index("entry point") == alone[1].index("make")
    document = reprun("runs", "list", "--json").document
    assert [one["parent"] for one in document] == [main, main, None]
    shown = reprun("runs", "show", "latest").out
    assert f"child       {make} make finished in " in shown
    assert shown.startswith(f"run         {main} finished")
    assert f"parent      {main}" in reprun("runs", "show", "latest:make").out
    said = reprun("run", ".", "-e", "use", "-P", "times=1", "--with", "latest:make", *LOCAL)
    assert said.code == 0
    reprun("runs", "delete", "latest", "-y")
    assert reprun("runs", "delete", "latest", "-y").out.startswith("3 runs deleted, ")
    assert reprun.records() == []


def test_the_question_before_a_parent_is_deleted(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    reprun("run", ".", *LOCAL)
    found = _runs(reprun)
    main, make, use = (found[name]["id"] for name in ("main", "make", "use"))
    with terminal(reprun, "runs", "delete", "latest") as asked:
        asked.wait_for("inside")
        asked.type(b"n\n")
        asked.end()
    question = f"delete {main}, and the 2 runs started inside: {make}, {use}?"
    assert question in asked.text.replace("\n", "")
    assert len(reprun.records()) == 3


def test_the_exit_status_of_a_child(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    assert reprun("run", ".", "-e", "exit", *LOCAL) == (7, "", "")
    assert _runs(reprun)["seven"]["exit_code"] == 7


def test_a_step_that_starts_itself(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    said = reprun("run", ".", "-e", "loop", *LOCAL)
    assert said.code == 2
    assert "error: `loop` starts itself: 3 runs around this one are the same step" in said.err
    assert len(reprun.records()) == 1 + 2 + 4


def test_runs_inside_runs_inside_runs(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    said = reprun("run", ".", "-e", "deep", "-P", "level=1", *LOCAL)
    assert said.code == 2
    assert "error: runs inside runs are 16 deep, and no deeper may they be: `deep` in" in said.err
    assert len(reprun.records()) == 16


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_ends_the_outer_run_ends_the_inner_one(reprun: Program, number: int) -> None:
    samples.commit(reprun.directory, MANIFEST)
    process = reprun.start("run", ".", "-e", "wait", *LOCAL)
    wait_until(lambda: list(reprun.home.glob("cache/work/*/*/started")))
    if number == signal.SIGKILL:
        os.kill(process.pid, number)
        process.communicate(timeout=20)
    else:
        assert end(process, number).code == 128 + number
    wait_until(lambda: _runs(reprun)["sleep"]["status"] == "killed")
    reprun("runs", "list")
    assert _runs(reprun)["wait"]["status"] == ("lost" if number == signal.SIGKILL else "killed")
    if number != signal.SIGKILL:  # the next run there clears what a killed one leaves
        nothing_left(reprun)


def test_a_time_limit_is_for_all_of_it(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    assert reprun("run", ".", "-e", "wait", "--timeout", "6", *LOCAL).code == 124
    wait_until(lambda: _runs(reprun)["sleep"]["status"] == "killed")
    nothing_left(reprun)


def test_what_a_step_is_told(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    record = reprun.record(".", "-e", "env", "--clean-env", *LOCAL)
    told = (reprun.home / "runs" / record["id"] / "artifacts/env.txt").read_text()
    seen = dict(line.split("=", 1) for line in told.splitlines())
    program = Path(seen.pop("REPRUN_PROGRAM"))
    assert program.parent.parent == reprun.home / "cache/bin"
    assert seen.pop("REPRUN_TRACKING_URI").startswith("http://127.0.0.1:")
    assert Path(seen.pop("REPRUN_CHECKOUT")).parent.parent == reprun.home / "cache/work"
    assert seen == {
        "REPRUN_HOME": str(reprun.home),
        "REPRUN_CACHE": str(reprun.home / "cache"),
        "REPRUN_PARENT_RUN": record["id"],
        "REPRUN_DEPTH": "1",
    }
    assert _runs(reprun)["make"]["parent"] == record["id"]


def test_a_path_for_python_that_the_project_sets(reprun: Program) -> None:
    manifest = """\
entry_points:
  main: {command: "python -c 'import mine' && reprun run . -e inner", env: {PYTHONPATH: src}}
  inner: {command: "echo $PYTHONPATH; reprun runs list --json | grep -c running"}
"""
    project = samples.lay(reprun.directory / "project", manifest)
    (project / "src").mkdir()
    (project / "src/mine.py").write_text("print('mine')\n")
    said = reprun("run", "project", *LOCAL)
    assert said.code == 0, said.err
    mine, path, running = said.out.splitlines()
    assert (mine, path.count(":"), running) == ("mine", 0, "2")
    main, inner = reprun.records()
    assert "PYTHONPATH" in main["variables"]
    assert "PYTHONPATH" not in inner["variables"]


def test_nobody_gets_between_a_step_and_reprun(reprun: Program) -> None:
    project = samples.lay(reprun.directory / "project", MANIFEST)
    for name in ("click.py", "msgspec.py", "sitecustomize.py", "runner/__init__.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("raise SystemExit('hijacked')\n")
    wanted = (0, "making\n1,2\n1,2\n", "")
    assert reprun("run", "project", *LOCAL) == wanted
    for program in reprun.home.glob("cache/bin/*/reprun"):
        program.write_text("#!/bin/sh\nexit 99\n")
    assert reprun("run", "project", *LOCAL) == wanted
    for program in reprun.home.glob("cache/bin/*/reprun"):
        program.unlink()
    assert reprun("run", "project", *LOCAL) == wanted


def test_from_python(reprun: Program) -> None:
    start = "import runner\nrun = runner.run('.', entry_point='make')\nprint(run.parent, run.id)\n"
    samples.commit(reprun.directory, MANIFEST, start_py=start)
    said = reprun("run", ".", "-e", "python", *LOCAL)
    found = _runs(reprun)
    assert said.out == f"{found['python']['id']} {found['make']['id']}\n"


def test_a_project_behind_a_url(reprun: Program, served: Served) -> None:
    served.repository.write("MLproject", MANIFEST).commit()
    served.repository.write("data.csv", "newer\n").commit()
    reprun.record(served.url, *LOCAL)
    found = _runs(reprun)
    assert found["use"]["source"]["url"] == served.url
    assert found["use"]["source"]["commit"] == served.repository.head
    assert found["use"]["source"]["pushed"] is True
    reprun.record(served.url, "-e", "old", *LOCAL)
    old = _runs(reprun)["make"]["source"]
    assert (old["url"], old["version"], old["in_place"]) == (served.url, "main~1", False)
    assert old["commit"] != served.repository.head
    reprun.record(served.url, "-e", "commits", *LOCAL)
    after = _runs(reprun)["make"]["source"]
    assert after["commit"] == served.repository.head
    assert after["changes"]["added"] == ["new.txt"]
    reprun.record(served.url, "-e", "env", *LOCAL)


def test_projects_in_a_folder(reprun: Program) -> None:
    samples.lay(reprun.directory, MANIFEST)
    sub = "entry_points: {main: {command: 'echo in >> in.txt'}, up: {command: 'cat ../main.py'}}\n"
    samples.lay(reprun.directory / "sub", sub)
    assert reprun("run", ".", "-e", "sub", *LOCAL).code == 0
    below = [one for one in reprun.records() if one["parent"]]
    assert [one["source"]["subdirectory"] for one in below] == ["sub"] * 3
    assert {one["source"]["url"] for one in below} == {reprun.records()[0]["source"]["url"]}
    assert {one["source"]["kind"] for one in below} == {"directory"}
    assert [[file["path"] for file in one["outputs"]] for one in below] == [
        ["in.txt"],
        ["in.txt"],
        [],
    ]


def test_large_files_of_the_outer_step_are_not_stored_again(reprun: Program) -> None:
    samples.commit(reprun.directory, MANIFEST)
    record = reprun.record(".", "-e", "big", *LOCAL)
    see = _runs(reprun)["see"]
    assert see["source"]["changes"]["added"] == ["small.txt"]
    (big,) = see["inputs"]
    assert (big["path"], big["origin"]) == ("big.bin", f"run:{record['id']}")
    assert big["sha256"] in [file["sha256"] for file in record["outputs"]]


def test_an_environment_that_the_outer_step_changes_is_not_waited_for(
    reprun: Program, index: Index
) -> None:
    index.wheel("six", "1.16.0")
    manifest = """\
entry_points:
  main: {command: "python main.py && reprun run . -e inner"}
  inner: {command: "python -c 'import six; print(six.__version__)'"}
"""
    change = "import six; open(six.__file__, 'a').write('\\n__version__ = \"mine\"\\n')\n"
    samples.commit(reprun.directory, manifest, main_py=change, requirements_txt="six\n")
    (reprun.directory / "main.py").write_text(change)
    said = reprun("run", ".")
    assert (said.code, said.out) == (0, "mine\n"), said.err
    assert "is used as it is, in the middle of a run: it was changed by hand" in said.err
    again = reprun("run", ".", "-e", "inner")
    assert "AttributeError" in again.err, "the next run that a person starts has it built again"


def test_a_run_whose_parent_is_not_of_this_home(reprun: Program) -> None:
    samples.lay(reprun.directory)
    told = {"REPRUN_PARENT_RUN": "01nobody", "REPRUN_DEPTH": "3", "REPRUN_CHECKOUT": "/"}
    record = reprun.record(".", *LOCAL, **told)
    assert record["parent"] is None
    assert not record["source"]["in_place"]
    assert reprun("run", ".", *LOCAL, REPRUN_PARENT_RUN="../x", REPRUN_DEPTH="99").code == 2


def test_children_at_the_same_time(reprun: Program) -> None:
    manifest = """\
entry_points:
  main: {command: "for n in 1 2 3; do reprun run . -e one -P n=$n & done; wait; cat *.txt"}
  one: {parameters: {n: int}, command: "sleep 0.5; echo {n} > {n}.txt"}
"""
    samples.commit(reprun.directory, manifest)
    both = [reprun.start("run", ".", *LOCAL) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert said == [(b"1\n2\n3\n", b"")] * 2
    records = reprun.records()
    assert len(records) == 2 * 4
    assert {one["status"] for one in records} == {"finished"}
    parents = {one["id"] for one in records if one["parent"] is None}
    assert {one["parent"] for one in records} - {None} == parents
    assert reprun.leftovers() == []


def test_a_repository_that_the_step_fetches(reprun: Program, served: Served) -> None:
    manifest = (
        f"entry_points: {{main: {{command: 'git clone -q {served.url} got; reprun run got'}}}}\n"
    )
    samples.commit(reprun.directory, manifest)
    said = reprun("run", ".", *LOCAL)
    assert (said.code, said.out) == (0, "hello\n"), said.err
    main, inner = reprun.records()
    assert inner["source"]["subdirectory"] == "got"
    assert inner["parent"] == main["id"]


def test_another_project_beside_it(reprun: Program, served: Served) -> None:
    manifest = f"entry_points: {{main: {{command: 'reprun run {served.url}'}}}}\n"
    samples.commit(reprun.directory, manifest)
    reprun.record(".", *LOCAL, "--experiment-name", "e")
    main, inner = reprun.records()
    assert (inner["source"]["url"], inner["source"]["in_place"]) == (served.url, False)
    assert (inner["parent"], inner["experiment"]) == (main["id"], "e")
    assert inner["environment"]["kind"] == "venv", "it is another project"


def test_a_child_in_a_container(reprun: Program, engine: Engine) -> None:
    manifest = """\
docker_env: {image: 'alpine:3.20'}
entry_points:
  main: {command: "echo 1 > first.txt; reprun run . -e inner --env-manager docker WALLS; ls"}
  inner: {command: "cat first.txt; ls /sys/class/net; echo 2 > second.txt"}
"""
    manifest = manifest.replace("WALLS", "--no-network --read-only")
    samples.commit(reprun.directory, manifest)
    reprun.variables["DOCKER_HOST"] = engine.address
    asked = ("-A", "cpus=1", "-A", "pids-limit=100")
    said = reprun("run", ".", *LOCAL, *asked)
    assert said.code == 0, said.err
    assert said.out.splitlines()[:2] == ["1", "lo"]
    assert "second.txt" in said.out
    main, inner = reprun.records()
    assert (main["container"], inner["parent"]) == (None, main["id"])
    assert inner["container"]["network"] == "none"
    settings = inner["container"]["settings"]["HostConfig"]
    assert (settings["NanoCpus"], settings["ReadonlyRootfs"]) == (10**9, True)
    assert inner["request"]["docker_args"] == ["cpus=1", "pids-limit=100"]
    assert reprun("run", ".", *LOCAL, *asked, "--dry-run").err.count("changes nothing") == 1
