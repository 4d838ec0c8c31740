"""`--with`: an earlier run's outputs, laid in where they were made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner import inputs
from runner.errors import InputError, UnknownRun
from runner.inputs import handed
from runner.manifest.model import Input
from runner.progress import Silent
from runner.source.model import Checkout
from runner.store import runs
from runner.store.artifacts import baseline, capture
from tests.support.runs import ENDED, make_run
from tests.support.scenes import Scene, argument, path, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.records import Run

FILES = {"model/a.bin": "a", "model/run.sh": "b", "code.py": "theirs"}


def made(
    scene: Scene,
    files: dict[str, str],
    *,
    subdirectory: str = "",
    url: str | None = None,
    **different: object,
) -> Run:
    """A finished run that made these files, paths relative to its project, recorded."""
    root = scene.caller.parent / f"made-{os.urandom(3).hex()}"
    project = root / subdirectory
    project.mkdir(parents=True)
    before = baseline(root)
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
        (project / name).chmod(0o755 if name.endswith(".sh") else 0o600)
    if "model/a.bin" in files:
        (project / "model/link").symlink_to("a.bin")
    run = make_run(**different)
    source = replace(run.source, subdirectory=subdirectory, url=url or run.source.url)
    run = replace(run, source=source)
    found = capture(
        Checkout(root, project),
        before,
        run_directory=scene.settings.runs / run.id,
        settings=scene.settings,
        progress=Silent(),
    )
    run = runs.begin(run, lock_text="", settings=scene.settings)
    return runs.finish(replace(run, outputs=found.outputs, **ENDED), settings=scene.settings)


@pytest.mark.parametrize(
    ("text", "name", "glob"),
    [
        ("01k3", "01k3", None),
        ("01k3:*.json", "01k3", "*.json"),
        ("latest", "latest", None),
        ("latest:train", "latest:train", None),
        ("latest:train:a/*:b", "latest:train", "a/*:b"),
        ("latest::*.json", "latest", "*.json"),
        ("latest:scripts/train.py:out", "latest:scripts/train.py", "out"),
    ],
)
def test_what_a_text_asks_for(text: str, name: str, glob: str | None) -> None:
    assert handed.read(text) == (name, glob)


def test_everything_that_a_run_made(scene: Scene) -> None:
    run = made(scene, FILES)
    prepared = scene.prepare(with_runs=("latest:train",))
    assert prepared.warnings == (
        "`code.py` of the project is replaced by that of `--with latest:train`",
    )
    laid = scene.lay(prepared)
    assert list(laid) == ["code.py", "model/a.bin", "model/link", "model/run.sh"]
    assert {file.origin for file in laid.values()} == {f"run:{run.id}"}
    assert laid["model/a.bin"].sha256 == sha256("a")
    at = scene.checkout.project
    assert (at / "code.py").read_text() == "theirs"
    assert (at / "model/link").readlink().name == "a.bin"
    assert (at / "model/run.sh").stat().st_mode & 0o777 == 0o755
    assert (at / "model/a.bin").stat().st_mode & 0o777 == 0o600
    (at / "model/a.bin").write_text("changed by the step")
    assert (scene.settings.objects / sha256("a")).read_text() == "a"


def test_some_of_it_and_twice_the_same(scene: Scene) -> None:
    made(scene, FILES)
    asked = ("latest:train:model/*.bin", "latest:train:model/a*", "latest::model/link")
    prepared = scene.prepare(with_runs=asked, fetch=False)
    assert [one.target for one in prepared.placements] == ["model/a.bin", "model/link"]
    assert prepared.warnings == ()


def test_declared_inputs_and_values_that_it_brings(scene: Scene) -> None:
    run = made(scene, FILES)
    declared = (Input("model/*.bin"), Input("model/run.sh"))
    prepared = scene.prepare(path("model/a.bin"), declared=declared, with_runs=("latest",))
    assert argument(prepared) == "model/a.bin"
    laid = scene.lay(prepared)
    assert laid["model/a.bin"].origin == f"run:{run.id}"
    with pytest.raises(InputError, match="is not there"):
        scene.prepare(declared=declared)


def test_what_git_ignores_is_not_preferred(scene: Scene) -> None:
    scene.local.write("data/x", "mine")
    run = made(scene, {"data/x": "theirs"})
    laid = scene.lay(scene.prepare(declared=(Input("data/*"),), with_runs=("latest",)))
    assert (laid["data/x"].origin, laid["data/x"].sha256) == (f"run:{run.id}", sha256("theirs"))
    with pytest.raises(InputError, match=f"is there and is not what run:{run.id} made"):
        _in_place(scene)


def _in_place(scene: Scene) -> None:
    prepared = scene.prepare(with_runs=("latest",), in_place=True)
    inputs.lay(prepared, Checkout(scene.top, scene.local.project, in_place=True))


def test_two_runs_that_do_not_agree(scene: Scene) -> None:
    first = made(scene, {"m": "1", "n": "same"})
    made(scene, {"m": "2", "n": "same"})
    both = (first.id, "latest:train")
    with pytest.raises(InputError, match=f"`--with {first.id}` and `--with latest:train` both"):
        scene.prepare(with_runs=both, fetch=False)
    prepared = scene.prepare(with_runs=(f"{first.id}:m", "latest::n"))
    assert [one.target for one in prepared.placements] == ["m", "n"]


def test_what_can_not_be_laid(scene: Scene) -> None:
    run = made(scene, {"code.py/x": "1", "dir": "2"})
    scene.local.write("dir/y")
    with pytest.raises(InputError, match=r"`code\.py` is a file of the project"):
        scene.prepare(with_runs=(f"{run.id}:code.py",))
    with pytest.raises(InputError, match="`dir` is a folder of the project"):
        scene.prepare(with_runs=(f"{run.id}:dir",))
    with pytest.raises(InputError, match="has no output that matches `nope`") as error:
        scene.prepare(with_runs=(f"{run.id}:nope",))
    assert error.value.hint == "it has code.py/x, dir"
    made(scene, {"code.py": "other"})
    with pytest.raises(InputError, match=r"brings another `code.py` than the one that is there"):
        scene.prepare(with_runs=("latest",), in_place=True)


def test_runs_that_are_not_there(scene: Scene) -> None:
    with pytest.raises(UnknownRun, match=r"`--with latest:model\.json`: there is no") as error:
        scene.prepare(with_runs=("latest:model.json",))
    assert error.value.hint == "for files of the latest run write `--with latest::model.json`"
    with pytest.raises(UnknownRun, match="`--with 01k:x`: no run is called `01k`"):
        scene.prepare(with_runs=("01k:x",))
    run = runs.begin(make_run(), lock_text="", settings=scene.settings)
    with pytest.raises(InputError, match=f"run {run.id} is still running"):
        scene.prepare(with_runs=(run.id,))
    nothing = made(scene, {})
    with pytest.raises(InputError, match=f"run {nothing.id} has no outputs"):
        scene.prepare(with_runs=(nothing.id,))


def test_projects_in_different_folders(tmp_path: Path, settings: Settings) -> None:
    scene = Scene(tmp_path, settings, subdirectory="b")
    url = scene.source.url
    made(scene, {"m": "1", "../top": "2"}, subdirectory="a", url=url, entry_point="same")
    made(scene, {"m": "1", "../top": "2"}, subdirectory="a", entry_point="foreign")
    made(scene, {"../../far": "2"}, subdirectory="a/deep", entry_point="far")
    same = scene.prepare(with_runs=("latest:same",))
    assert {one.target for one in same.placements} == {"../a/m", "../top"}
    foreign = scene.prepare(with_runs=("latest:foreign",))
    assert {one.target for one in foreign.placements} == {"m", "../top"}
    scene.lay(foreign)
    assert (scene.at / "top").read_text() == "2"
    with pytest.raises(InputError, match=r"`\.\./\.\./far` of run \S+ would lie outside of"):
        scene.prepare(with_runs=("latest:far",))


def test_a_link_of_the_project_leads_nowhere_else(scene: Scene) -> None:
    made(scene, {"out/x": "1"})
    prepared = scene.prepare(with_runs=("latest",))
    checkout = scene.local.check_out(scene.at)
    (scene.at / "out").symlink_to(scene.caller)
    with pytest.raises(InputError, match="would be laid outside of the checkout"):
        inputs.lay(prepared, checkout)
    assert not (scene.caller / "x").exists()
