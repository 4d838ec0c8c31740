"""Values that name what an earlier run made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.errors import InputError, ParameterError, StoreError, UnknownRun
from runner.progress import Silent
from runner.source.model import Checkout
from runner.store import runs
from runner.store.artifacts import baseline, capture
from tests.support.runs import ENDED, make_run
from tests.support.scenes import Scene, argument, path, sha256

if TYPE_CHECKING:
    from runner.store.records import Run


def earlier(scene: Scene, **different: object) -> Run:
    """A run that made a model, recorded."""
    root = scene.caller.parent / f"made-{os.urandom(3).hex()}"
    root.mkdir()
    before = baseline(root)
    (root / "model/deep").mkdir(parents=True)
    (root / "model/a.bin").write_text("a")
    (root / "model/deep/b.bin").write_text("b")
    run = make_run(**different)
    directory = scene.settings.runs / run.id
    found = capture(
        Checkout(root, root),
        before,
        run_directory=directory,
        settings=scene.settings,
        progress=Silent(),
    )
    run = runs.begin(run, lock_text="", settings=scene.settings)
    ended = replace(run, outputs=found.outputs, **ENDED)
    return runs.finish(ended, settings=scene.settings)


def origin_of(scene: Scene, value: str) -> str:
    (placement,) = scene.prepare(path(value)).placements
    return placement.origin


def test_the_latest_is_one_of_this_project_where_there_is_one(scene: Scene) -> None:
    other = earlier(scene)
    value = "run:latest:train/model/a.bin"
    assert origin_of(scene, value) == f"run:{other.id}"
    mine = replace(make_run().source, url=scene.source.url, subdirectory=scene.source.subdirectory)
    own = earlier(scene, source=mine, started="2026-05-01T10:00:00.000Z")
    assert origin_of(scene, value) == f"run:{own.id}"


def test_outputs_of_an_earlier_run(scene: Scene) -> None:
    run = earlier(scene)
    for value in (f"run:{run.id[:-2]}/model/a.bin", "run:latest:train/model/a.bin"):
        prepared = scene.prepare(path(value))
        laid = scene.lay(prepared)
        assert argument(prepared) == str(scene.run_directory / "inputs/data/a.bin")
        assert laid[argument(prepared)].origin == f"run:{run.id}"
        assert laid[argument(prepared)].sha256 == sha256("a")
    (scene.run_directory / "inputs/data/a.bin").write_text("changed by the step")
    assert (scene.settings.objects / sha256("a")).read_text() == "a"


def test_a_folder_of_an_earlier_run(scene: Scene) -> None:
    earlier(scene, entry_point="scripts/train.py")
    for value in ("run:latest:scripts/train.py/model", "run:latest/model/"):
        prepared = scene.prepare(path(value))
        scene.lay(prepared)
        assert argument(prepared) == str(scene.run_directory / "inputs/data/model")
        assert (scene.run_directory / "inputs/data/model/deep/b.bin").read_text() == "b"


def test_earlier_runs_that_do_not_help(scene: Scene) -> None:
    with pytest.raises(UnknownRun, match="`run:latest:train/x`: there is no finished run of"):
        scene.prepare(path("run:latest:train/x"), fetch=False)
    run = earlier(scene)
    with pytest.raises(InputError, match=f"run {run.id} has no output `modl`") as error:
        scene.prepare(path(f"run:{run.id}/modl"), fetch=False)
    assert error.value.hint == "it has model/a.bin, model/deep/b.bin"
    runs.begin(make_run(entry_point="later"), lock_text="", settings=scene.settings)
    with pytest.raises(UnknownRun, match="there is no finished run of `later` yet"):
        scene.prepare(path("run:latest:later/x"), fetch=False)
    (scene.settings.runs / run.id / "artifacts/model/a.bin").unlink()
    with pytest.raises(StoreError, match=r"output `model/a.bin` is gone"):
        scene.prepare(path(f"run:{run.id}/model"), fetch=False)


def test_mlflows_names_for_what_a_run_made(scene: Scene) -> None:
    run = earlier(scene)
    base = scene.settings.runs / run.id / "artifacts"
    for value in (
        f"runs:/{run.id}/model/a.bin",
        f"mlflow-artifacts:/0/{run.id}/artifacts/model/a.bin",
        f"mlflow-artifacts://localhost:5000/0/{run.id}/artifacts/model/a.bin",
        str(base / "model/a.bin"),
    ):
        prepared = scene.prepare(path(value))
        assert argument(prepared) == str(scene.run_directory / "inputs/data/a.bin")
        assert scene.lay(prepared)[argument(prepared)].origin == f"run:{run.id}"
    prepared = scene.prepare(path(f"runs:/{run.id}"))
    assert len(prepared.placements) == 2
    with pytest.raises(InputError, match="has no output `nope`"):
        scene.prepare(path(f"runs:/{run.id}/nope"))
    with pytest.raises(ParameterError, match=r"`runs:/0123abc/model` is of no run in"):
        scene.prepare(path("runs:/0123abc/model"))
    # Its record is no output of it.
    record = scene.settings.runs / run.id / "record.json"
    assert argument(scene.prepare(path(str(record)))) == str(record)
