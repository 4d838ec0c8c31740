"""What a step made is not lost on a full disk, and what it runs in stays while it runs."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner import pipeline
from runner.errors import StoreError
from runner.request import Request
from runner.store import runs
from tests.support.disks import small_disk
from tests.support.listening import Listener
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from runner.settings import Settings

MANIFEST = """\
entry_points:
  main:
    command: "head -c 3000000 /dev/urandom > model.bin; sha256sum model.bin"
"""


def test_outputs_outlive_a_run_whose_home_is_full(tmp_path: Path, settings: Settings) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "MLproject").write_text(MANIFEST)
    request = Request(uri=str(project), caller=tmp_path, env_manager="local")
    with small_disk(tmp_path / "disk", size="2m") as disk:
        small = replace(settings, data=disk / "home")
        with pytest.raises(StoreError, match="no space left on device") as caught:
            pipeline.run(request, settings=small)
        assert runs.read("latest", settings=small).status == "failed"
        said = re.search(r"still lie in (\S+), can't be kept", caught.value.message)
        assert said, caught.value.message
        assert said[1] in (caught.value.hint or "")
        place = Path(said[1])
        assert (place / "model.bin").stat().st_size == 3_000_000, "an hour's work is still there"
        # The next run of the same project takes the same slot, and leaves them alone.
        with pytest.raises(StoreError):
            pipeline.run(request, settings=small)
        assert (place / "model.bin").stat().st_size == 3_000_000


class Pressed(Listener):
    """A person who presses Ctrl-C when they see a warning."""

    def warning(self, text: str, hint: str | None = None) -> None:
        super().warning(text, hint)
        raise KeyboardInterrupt


def test_ctrl_c_after_the_outputs_were_kept(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "MLproject").write_text("entry_points: {main: {command: 'echo 1 > o; mkfifo f'}}")
    request = Request(uri=str(tmp_path), caller=tmp_path, env_manager="local")
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(request, settings=settings, progress=Pressed())
    run = runs.read("latest", settings=settings)
    assert run.directory is not None
    kept = run.directory / "artifacts"
    assert run.reason == f"interrupted; the step's outputs are in {kept}"
    assert (kept / "o").read_text() == "1\n"


SLOW = """\
import os, sys, time
from pathlib import Path

packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
(packages / "left_here.py").write_text("x = 1")
Path(os.environ["MARK"]).touch()
while not Path(os.environ["GO"]).exists():
    time.sleep(0.01)
    assert (packages / "left_here.py").exists(), "the environment went away"
"""


def test_an_environment_is_not_built_anew_under_a_running_step(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "MLproject").write_text('entry_points: {main: {command: "python slow.py"}}')
    (project / "slow.py").write_text(SLOW)
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    request = Request(uri=str(project), caller=tmp_path)
    heard = Listener()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(pipeline.run, request, settings=settings)
        wait_until((tmp_path / "mark").exists)
        second = pool.submit(pipeline.run, request, settings=settings, progress=heard)
        try:
            wait_until(lambda: any("waiting for" in text for text in heard.updates), seconds=10)
            time.sleep(0.3)
        finally:
            (tmp_path / "go").touch()
        log = (first.result().directory or tmp_path) / "stderr.log"
        assert first.result().status == "finished", log.read_text()
        assert second.result().status == "finished"
    assert "it was changed by hand" in second.result().warnings[0]
