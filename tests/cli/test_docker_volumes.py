"""What of this machine a container gets to see: volumes, variables, paths, the project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.docked import (
    ALPINE,
    PYTHON,
    containers,
    last,
    lay,
    manifest,
    nothing_is_left,
    started,
)
from tests.support.engine import unavailable
from tests.support.program import end
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from tests.support.engine import Engine
    from tests.support.images import Images
    from tests.support.program import Program


def _with(reprun: Program, command: str, *volumes: str, **files: str) -> None:
    lay(reprun.directory, manifest(command, volumes=list(volumes)), **files)


def _mounted(reprun: Program) -> list[dict[str, object]]:
    found: list[dict[str, object]] = last(reprun)["container"]["volumes"]
    return found


def test_a_folder_outside_of_the_project(docked: Program, tmp_path: Path) -> None:
    outside = tmp_path / "out side"
    outside.mkdir()
    (outside / "seen").write_text("seen\n")
    _with(docked, "cat /data/seen; echo x > /data/written", f"{outside}:/data")
    said = docked("run", ".")
    assert (said.code, said.out) == (0, "seen\n"), said
    warning = f"volume `{outside}:/data` is of this machine, not of the project"
    assert f"warning: {warning}" in said.err
    assert (outside / "written").exists()
    assert _mounted(docked) == [{"source": str(outside), "target": "/data", "read_only": False}]
    assert any(text.startswith(warning) for text in last(docked)["warnings"])


def test_a_read_only_one(docked: Program, tmp_path: Path) -> None:
    _with(docked, "echo x > /data/written", f"{tmp_path}:/data:ro")
    said = docked("run", ".")
    assert said.code == 1
    assert "Read-only file system" in said.err
    assert not (tmp_path / "written").exists()
    assert _mounted(docked)[0]["read_only"] is True


def test_how_mounts_spread_is_the_volume_s_to_say(
    docked: Program, engine: Engine, tmp_path: Path
) -> None:
    _with(docked, "touch started; sleep 60", f"{tmp_path}:/data:ro,private", f"{tmp_path}:/usual")
    process = docked.start("run", ".", "-q")
    started(docked)
    (one,) = containers(engine.client, docked)
    end(process)
    found = {mount["Destination"]: (mount["Propagation"], mount["RW"]) for mount in one["Mounts"]}
    assert (found["/data"], found["/usual"]) == (("private", False), ("rprivate", True))


def test_variables_in_a_volume(docked: Program, tmp_path: Path) -> None:
    home = tmp_path / "home of mine"
    (home / "d").mkdir(parents=True)
    (home / "d" / "seen").write_text("seen\n")
    volumes = ("${HOME}/d:/a:ro", "~/d:/b", "$HOME/d:/c", "$PWD/data:/d", "$(pwd)/data:/e",
               "./data:/f", "%cd%/data:/g")  # fmt: skip
    _with(docked, "cat /a/seen /b/seen /c/seen /d/x /e/x /f/x /g/x", *volumes)
    (docked.directory / "data").mkdir()
    (docked.directory / "data" / "x").write_text("of the project\n")
    said = docked("run", ".", HOME=str(home))
    assert (said.code, said.out) == (0, "seen\n" * 3 + "of the project\n" * 4), said
    assert said.err.count("is of this machine, not of the project") == 3


def test_a_named_volume(docked: Program, engine: Engine) -> None:
    name = f"reprun-tests-{docked.directory.parent.name}".replace("_", "-")
    _with(docked, "cat /data/kept; echo kept > /data/kept", f"{name}:/data")
    (docked.directory / name).mkdir()
    try:
        said = docked("run", ".")
        assert "is one of the engine's own: what it holds is not recorded" in said.err
        assert f"write `./{name}:/data`" in said.err
        assert docked("run", ".").out == "kept\n"
        assert _mounted(docked)[0]["source"] == name
    finally:
        engine.client.volumes.get(name).remove()


def test_options_of_a_named_volume(docked: Program, images: Images, engine: Engine) -> None:
    """Without `nocopy` the engine fills it with what the image has at its place."""
    made = images.make({"held/x": "of the image"}, base=ALPINE)
    name = f"reprun-tests-{docked.directory.parent.name}".replace("_", "-")
    command = "ls /held; touch /held/y || echo refused"
    for option, printed in ((":nocopy", ""), ("", "x\n"), (":ro", "x\nrefused\n")):
        lay(docked.directory, manifest(command, made, volumes=[f"{name}:/held{option}"]))
        try:
            assert docked("run", ".").out == printed
        finally:
            engine.client.volumes.get(name).remove()


def test_a_link_in_the_project_that_leads_out_of_it(docked: Program, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "seen").write_text("seen\n")
    _with(docked, "cat /data/seen", "./link:/data")
    (docked.directory / "link").symlink_to(outside)
    said = docked("run", ".")
    assert (said.code, said.out) == (0, "seen\n"), said
    assert "volume `./link:/data` is of this machine, not of the project" in said.err


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ("/no/such/folder:/data", "there is no `/no/such/folder` on this machine"),
        ("/tmp:data", "its place inside must be an absolute path"),  # noqa: S108
        ("/tmp", None),  # noqa: S108  an anonymous one, as docker has it
        ("/tmp:/data:rx", "`rx` is no option of one"),  # noqa: S108
        ("/etc:/", "`/` inside is the place of the image itself"),
        (
            "/etc:/mlflow/projects/code",
            "`/mlflow/projects/code` inside is the place of the project",
        ),
        ("/etc:/reprun/step", "`/reprun/step` inside is the place of reprun"),
        ("/etc:/reprun", "`/reprun` inside is the place of reprun"),
        ("$NO_SUCH_NAME:/data", "there is no variable `NO_SUCH_NAME` here"),
    ],
)
def test_what_is_no_volume(
    docked: Program, engine: Engine, volume: str, message: str | None
) -> None:
    _with(docked, "true", volume)
    said = docked("run", ".")
    assert said.code == (0 if message is None else 125)
    if message is not None:
        error, hint = said.err.splitlines()[-2:]
        assert error == f"error: volume `{volume}`: {message}"
        assert hint.startswith("hint: ")
    nothing_is_left(engine.client, docked)


def test_two_at_one_place(docked: Program) -> None:
    _with(docked, "true", "/etc:/data", "/usr:/data/")
    error, hint = docked("run", ".").err.splitlines()
    assert error == "error: volume `/usr:/data/` has the place inside that `/etc:/data` has"
    assert hint == "hint: choose another place for one of them"


def test_the_project_at_its_own_place(docked: Program) -> None:
    """As those write it who run it by MLflow, whose image holds a copy of the project."""
    _with(docked, "ls", "$PWD:/mlflow/projects/code")
    said = docked("run", ".", "-q")
    assert (said.code, said.out) == (0, "MLproject\n"), said


@pytest.mark.parametrize("source", ["../beside", "$PWD/../beside"])
def test_a_relative_one_that_leads_out_of_the_project(docked: Program, source: str) -> None:
    (docked.directory.parent / "beside").mkdir()
    _with(docked, "true", f"{source}:/data")
    error, hint = docked("run", ".").err.splitlines()[-2:]
    assert error.startswith(f"error: volume `{source}:/data` leads out of the project")
    assert hint == "hint: write the absolute path of what it means"
    repository = Repository(docked.directory.parent / "repository")
    lay(repository.path / "sub", manifest("cat /data/x", volumes=[f"{source}:/data"]))
    repository.write("beside/x", "x\n").commit()
    said = docked("run", f"{repository.path}#sub", "-q")
    assert (said.code, said.out) == (0, "x\n"), said


def test_a_folder_that_git_does_not_have(docked: Program) -> None:
    _with(docked, "ls -A /data; echo x > /data/made", "./data:/data")
    said = docked("run", ".")
    assert (said.code, said.out) == (0, "")
    assert "an empty one is mounted" in said.err
    record = last(docked)
    assert [one["path"] for one in record["outputs"]] == ["data/made"]
    # Where the checkout was means nothing later.
    assert _mounted(docked) == [{"source": "data", "target": "/data", "read_only": False}]
    assert str(docked.home) not in (docked.home / "runs" / record["id"] / "record.json").read_text()


def test_variables_are_copied_and_set(docked: Program) -> None:
    text = manifest("echo $SET $COPIED $GIVEN", environment=[["SET", "set one"], "COPIED"])
    lay(docked.directory, text)
    said = docked("run", ".", "-A", "env=GIVEN=g v", COPIED="hush-copied")
    assert (said.code, said.out) == (0, "set one hush-copied g v\n")
    run = docked.home / "runs" / last(docked)["id"]
    assert "hush" not in (run / "record.json").read_text()
    assert {"SET", "COPIED", "GIVEN"} <= last(docked)["variables"].keys()


def test_a_variable_that_is_not_there(alone: Program) -> None:
    """It is said before anything is pulled."""
    lay(alone.directory, manifest("true", "127.0.0.1:1/never:1", environment=["A_B", "C_D"]))
    said = alone("run", ".")
    assert said.code == 125
    error, hint = said.err.splitlines()
    assert error.startswith("error: `A_B`, `C_D` aren't set here")
    assert hint == "hint: set it: `export A_B=…`"
    assert alone.records() == []


@pytest.mark.parametrize("place", ["with spaces", "ümlaut & 'quotes' \"$x", "a:b,c"])
def test_a_project_at_a_strange_path(docked: Program, engine: Engine, place: str) -> None:
    project = lay(docked.directory / place, manifest("pwd; cat a.txt; echo x > 'out put'"),
                  a_txt="a\n")  # fmt: skip
    for arguments in ((), ("--in-place",)):
        said = docked("run", str(project), *arguments)
        assert (said.code, said.out) == (0, "/mlflow/projects/code\na\n"), said
    nothing_is_left(engine.client, docked)


def test_a_project_in_a_subdirectory(docked: Program, engine: Engine) -> None:
    repository = Repository(docked.directory / "re po")
    text = manifest("pwd; cat a.txt ../above.txt; echo x > out")
    lay(repository.path / "sub dir", text, a_txt="a\n")
    repository.write("above.txt", "above\n").commit()
    said = docked("run", f"{repository.path}#sub dir", "--keep")
    assert (said.code, said.out) == (0, "/mlflow/projects/code/sub dir\na\nabove\n"), said
    assert [one["path"] for one in last(docked)["outputs"]] == ["out"]
    nothing_is_left(engine.client, docked)


def test_git_inside_sees_commit_and_history(docked: Program, images: Images) -> None:
    git = Path(shutil.which("git") or "").read_bytes()
    made = images.make({"usr/bin/git": git}, base=PYTHON)
    repository = Repository(docked.directory / "repo")
    lay(
        repository.path,
        manifest(
            "git --version && git log --format=%s && git status --short "
            "&& ! test -w $(cat .git/objects/info/alternates)",
            made,
        ),
    )
    repository.commit("first")
    repository.write("b", "b").commit("second")
    said = docked("run", str(repository.path), "-q")
    if "GLIBC" in said.err or "shared libraries" in said.err:
        unavailable("git of this machine doesn't run in the image: both must be Debian's")
    assert (said.code, said.out.splitlines()[1:]) == (0, ["second", "first"]), said


def test_what_is_reprun_s_own_inside_is_read_only(docked: Program) -> None:
    """It is the installed program itself, which a step as root could change."""
    command = "for each in /reprun/step /reprun/site; do ! test -w $each && ls $each; done"
    lay(docked.directory, manifest(command, PYTHON))
    said = docked("run", ".")
    assert said.code == 0, said
    assert {"step.sh", "relay.py", "sitecustomize.py"} <= set(said.out.split())


def test_path_parameters_outside_of_the_project(docked: Program, tmp_path: Path) -> None:
    data = tmp_path / "my data"
    data.mkdir()
    (data / "x.csv").write_text("1,2\n")
    entry = {"parameters": {"data": "path"}}
    lay(docked.directory, manifest("cat {data}/x.csv", entry=entry))
    said = docked("run", ".", "-P", f"data={data}")
    assert (said.code, said.out) == (0, "1,2\n"), said
    lay(docked.directory, manifest("cat {data}", entry=entry))
    assert docked("run", ".", "-P", f"data={data}/x.csv").out == "1,2\n"
    lay(docked.directory, manifest("echo 3 > {data}/x.csv", entry=entry))
    said = docked("run", ".", "-P", f"data={data}")
    assert said.code == 1
    assert "Read-only file system" in said.err
    assert (data / "x.csv").read_text() == "1,2\n"


def test_one_path_named_twice(docked: Program, tmp_path: Path) -> None:
    """By two parameters, by a parameter and a volume: it is mounted once."""
    file = tmp_path / "x.csv"
    file.write_text("1,2\n")
    entry = {"parameters": {"train": "path", "test": "path"}}
    lay(docked.directory, manifest("cat {train} {test}", entry=entry))
    both = ("-P", f"train={file}", "-P", f"test={file}")
    for flags in ((), ("-A", f"v={file}:{file}")):
        said = docked("run", ".", *both, *flags)
        assert (said.code, said.out) == (0, "1,2\n1,2\n"), said


def test_outputs_of_an_earlier_run(docked: Program) -> None:
    document = {
        "docker_env": {"image": ALPINE},
        "entry_points": {
            "make": {"command": "mkdir -p d; echo made > d/made.txt"},
            "take": {"parameters": {"data": "path"}, "command": "cat {data}"},
            "laid": {"command": "cat d/made.txt"},
        },
    }
    lay(docked.directory, json.dumps(document))
    made = docked.record(".", "-e", "make")["id"]
    said = docked("run", ".", "-e", "take", "-P", "data=run:latest:make/d/made.txt")
    assert (said.code, said.out) == (0, "made\n"), said
    said = docked("run", ".", "-e", "laid", "--with", made)
    assert (said.code, said.out) == (0, "made\n"), said
