"""A step that ended well and whose results can't be kept: nothing that it made may be lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner import pipeline
from runner.errors import StoreError
from runner.request import Request
from runner.store import runs
from tests.support.disks import small_disk

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
