"""Declared inputs: found, digested, laid in although git ignores them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import inputs
from runner.errors import InputError, StoreError
from runner.manifest.model import Input
from runner.progress import Silent
from runner.source.model import Checkout
from runner.store.artifacts import baseline, capture
from tests.support.disks import fill, small_disk
from tests.support.scenes import Scene, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings


def test_declared_files_are_digested_and_ignored_ones_laid_in(scene: Scene) -> None:
    scene.local.write("tables/a.csv", "tracked")
    scene.local.commit()
    scene.local.write("data/deep/b.csv", "ignored").chmod(0o600)
    prepared = scene.prepare(declared=(Input("tables/*.csv"), Input("data/**")))
    assert not scene.at.exists()
    laid = scene.lay(prepared)
    assert {name: (file.sha256, file.origin) for name, file in laid.items()} == {
        "tables/a.csv": (sha256("tracked"), "source"),
        "data/deep/b.csv": (sha256("ignored"), "ignored"),
    }
    copy, mine = scene.at / "data/deep/b.csv", scene.local.project / "data/deep/b.csv"
    assert copy.read_text() == "ignored"
    assert not copy.samefile(mine)
    copy.write_text("changed by the step")
    assert mine.read_text() == "ignored"
    assert mine.stat().st_nlink == 1


def test_what_is_laid_in_is_no_output(scene: Scene) -> None:
    scene.local.write("data/b.csv")
    scene.lay(scene.prepare(declared=(Input("data"),)))
    before = baseline(scene.at)
    found = capture(
        scene.checkout,
        before,
        run_directory=scene.run_directory,
        settings=scene.settings,
        progress=Silent(),
    )
    assert found.outputs == ()


def test_inputs_beside_the_project(tmp_path: Path, settings: Settings) -> None:
    scene = Scene(tmp_path, settings, subdirectory="deep/er")
    scene.local.write("../shared/t.csv", "t")
    scene.local.write("../data/i.csv", "i")
    laid = scene.lay(scene.prepare(declared=(Input("../shared/*"), Input("../data/i.csv"))))
    assert {name: file.origin for name, file in laid.items()} == {
        "../shared/t.csv": "source",
        "../data/i.csv": "ignored",
    }
    assert (scene.at / "deep/data/i.csv").read_text() == "i"


def test_of_another_version_only_ignored_files_are_laid_in(scene: Scene) -> None:
    scene.local.commit()
    scene.local.write("data/i.csv")
    scene.local.write("extra/later.csv")
    scene.local.absent = {"extra/later.csv"}
    prepared = scene.prepare(declared=(Input("data/*"), Input("extra/*")), version="main")
    assert [placement.target for placement in prepared.placements] == ["data/i.csv"]


def test_a_declared_input_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(InputError, match=r"input `data/x.csv` of `train` is not there") as error:
        scene.prepare(declared=(Input("data/x.csv"),))
    assert "run the entry point that makes it" in (error.value.hint or "")
    prepared = scene.prepare(declared=(Input("data/*.csv"),))
    with pytest.raises(InputError, match=r"input `data/\*.csv` of `train` is not there"):
        scene.lay(prepared)


@pytest.mark.parametrize("glob", ["/etc/passwd", "../x", "a/../../x", ".git/config", "**/../../x"])
def test_declared_inputs_stay_in_the_source(scene: Scene, glob: str) -> None:
    with pytest.raises(InputError, match="lies outside of the source"):
        scene.prepare(declared=(Input(glob),))


def test_a_linked_folder_leads_nothing_out(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    scene.local.write("data/x", "x")
    prepared = scene.prepare(declared=(Input("data/x"),))
    checkout = scene.local.check_out(scene.at)
    (scene.at / "data").symlink_to(outside)
    with pytest.raises(InputError, match="would be laid outside of the checkout"):
        inputs.lay(prepared, checkout)
    assert not any(outside.iterdir())


def test_in_place_nothing_is_laid(scene: Scene) -> None:
    file = scene.local.write("data/x", "x")
    before = file.stat()
    prepared = scene.prepare(declared=(Input("data/x"),), in_place=True)
    checkout = Checkout(scene.top, scene.local.project, in_place=True)
    laid = inputs.lay(prepared, checkout)
    assert [(item.path, item.sha256) for item in laid] == [("data/x", sha256("x"))]
    assert file.stat() == before


def test_a_full_disk_while_laying(scene: Scene, tmp_path: Path) -> None:
    scene.local.write("data/x", "x" * 100_000)
    prepared = scene.prepare(declared=(Input("data/x"),))
    with small_disk(tmp_path / "disk") as disk:
        checkout = scene.local.check_out(disk / "checkout")
        fill(disk / "filler")
        with pytest.raises(StoreError, match="input `data/x` can't be kept: no space left"):
            inputs.lay(prepared, checkout)
