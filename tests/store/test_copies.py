"""Outputs of a run, copied to where a person wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.errors import RequestError, StoreError
from runner.store.copies import copy_out
from tests.support.runs import ended_run
from tests.support.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from runner.store.records import Run


@pytest.fixture
def run(work: Work) -> Run:
    """A run that made a read-only program, a file in a folder, and a link."""
    work.write("model/weights.bin", "weights")
    work.write("tool", "#!/bin/sh\n").chmod(0o555)
    (work.root / "latest").symlink_to("model/weights.bin")
    return ended_run(outputs=work.capture().outputs, directory=work.run_directory)


def test_outputs_are_copied_as_they_were_made_but_can_be_written(run: Run, tmp_path: Path) -> None:
    copied = copy_out(run, "**", tmp_path / "to", replace=False)
    assert sorted(path.relative_to(tmp_path / "to").as_posix() for path in copied) == [
        "latest", "model/weights.bin", "tool",
    ]  # fmt: skip
    assert (tmp_path / "to/latest").readlink().as_posix() == "model/weights.bin"
    assert (tmp_path / "to/tool").stat().st_mode & 0o777 == 0o755
    (tmp_path / "to/model/weights.bin").write_text("mine now")
    assert (run.directory or tmp_path).joinpath("artifacts/model/weights.bin").read_text() == (
        "weights"
    )


def test_a_file_that_is_there_is_only_replaced_when_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to/tool").write_text("theirs")
    with pytest.raises(RequestError, match="tool is there already") as caught:
        copy_out(run, "**", tmp_path / "to", replace=False)
    assert "pass `--force`" in (caught.value.hint or "")
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["tool"]
    copy_out(run, "tool", tmp_path / "to", replace=True)
    assert (tmp_path / "to/tool").read_text() == "#!/bin/sh\n"


def test_what_the_run_has_not(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has no output that matches `nothing`") as caught:
        copy_out(run, "nothing", tmp_path, replace=False)
    assert caught.value.hint == "it has: latest, model/weights.bin, tool"
    assert run.directory is not None
    (run.directory / "artifacts/tool").unlink()
    with pytest.raises(StoreError, match="output `tool` is gone from"):
        copy_out(run, "**", tmp_path / "to", replace=False)
    assert not (tmp_path / "to").exists()


def test_outputs_beside_the_project(work: Work, tmp_path: Path) -> None:
    inner = Work(work.root.with_name("inner"), work.settings, subdirectory="project")
    for path in ("beside", "project/odd../file", "project/beside"):
        inner.write(path, path)
    run = ended_run(outputs=inner.capture().outputs, directory=inner.run_directory)
    run = replace(run, source=replace(run.source, subdirectory="project"))
    assert copy_out(run, "odd*/*", tmp_path, replace=False) == (tmp_path / "odd../file",)
    assert copy_out(run, "../beside", tmp_path, replace=False) == (tmp_path / "beside",)
    with pytest.raises(RequestError, match="would both become beside"):
        copy_out(run, "**", tmp_path / "to", replace=True)
