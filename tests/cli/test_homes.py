"""Homes that can't be written, are full, or lie on a file system of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import samples
from tests.support.disks import read_only, small_disk
from tests.support.filesystems import mounted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Served
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")


def test_a_read_only_home(reprun: Program, tmp_path: Path) -> None:
    samples.commit(reprun.directory)
    reprun.home.mkdir()
    with read_only(reprun.home):
        for arguments in ((*LOCAL,), ("--env-manager", "venv"), ("-v", "main", *LOCAL)):
            said = reprun("run", ".", *arguments)
            assert said.code == 125, said
            assert str(reprun.home) in said.err
            assert "read-only" in said.err
            assert "hint: " in said.err
            assert "Traceback" not in said.err
        assert reprun("check").code == 0
        assert reprun("runs", "list").code == 0
        (reprun.directory / "main.py").write_text("# changed\n")
        said = reprun("run", ".", "--dry-run", REPRUN_CACHE=str(tmp_path / "cache"))
        assert said.code == 0, said.err
        assert "1 modified" in said.out
    assert list(reprun.home.iterdir()) == []


def test_a_read_only_home_of_a_colleague_can_be_read(reprun: Program) -> None:
    samples.lay(reprun.directory)
    record = reprun.record(".", *LOCAL)
    with read_only(reprun.home):
        assert record["id"] in reprun("runs", "list").out
        assert reprun("runs", "show").code == 0
        assert reprun("runs", "logs").out == "hello\n"
        assert reprun("runs", "get", "latest", "out.txt", "--to", "got").code == 0
        said = reprun("runs", "delete", "latest", "--yes")
        assert said.code == 125
        assert "read-only" in said.err
    assert (reprun.directory / "got" / "out.txt").read_text() == "hello"
    assert reprun.records()[0] == record


def test_a_read_only_cache(reprun: Program, tmp_path: Path, served: Served) -> None:
    cache = tmp_path / "elsewhere"
    cache.mkdir()
    with read_only(cache):
        said = reprun("run", served.url, *LOCAL, REPRUN_CACHE=str(cache))
    assert said.code == 125
    assert str(cache) in said.err
    assert "REPRUN_CACHE" in said.err
    assert reprun.records() == []


def test_the_two_homes_on_file_systems_of_their_own(
    reprun: Program, tmp_path: Path, served: Served
) -> None:
    """Nothing can be linked or renamed from one to the other."""
    with mounted(tmp_path / "data", size="32m") as data, mounted(tmp_path / "c", size="32m") as c:
        variables = {"REPRUN_HOME": str(data), "REPRUN_CACHE": str(c)}
        for flags in ((), ("--keep",)):
            record = reprun.record(served.url, *LOCAL, *flags, **variables)
            assert record["status"] == "finished"
            out = data / "runs" / record["id"] / "artifacts" / "out.txt"
            assert out.read_text() == "hello"
        samples.lay(reprun.directory)
        assert reprun.record(".", **variables)["status"] == "finished"
        assert reprun("shell", "latest", "-c", "ls", **variables).out == "MLproject\nmain.py\n"


def test_a_home_without_room_for_the_outputs(reprun: Program, tmp_path: Path) -> None:
    command = "head -c 3000000 /dev/urandom > big.bin; echo made"
    samples.lay(reprun.directory, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    with small_disk(tmp_path / "small") as small:
        variables = {"REPRUN_HOME": str(small), "REPRUN_CACHE": str(tmp_path / "cache")}
        said = reprun("run", ".", *LOCAL, **variables)
        assert said.code == 125
        assert said.out == "made\n"
        assert "error: " in said.err
        assert "Traceback" not in said.err
        (listed,) = reprun("runs", "list", "--json", **variables).document
        assert listed["status"] == "failed"
        # What took hours to make isn't lost; the checkout could not be moved into the full home.
        (saved,) = (tmp_path / "cache").glob(f"work/*/{listed['id']}")
        assert f"hint: free some space or set REPRUN_HOME; the outputs are in {saved}" in said.err
        assert (saved / "big.bin").stat().st_size == 3_000_000
    assert not [path for path in (tmp_path / "cache").glob("work/*/*")
                if path.suffix != ".lock" and path != saved]  # fmt: skip


def test_outputs_that_cannot_be_kept_stay_with_the_run(reprun: Program, tmp_path: Path) -> None:
    command = "head -c 1200000 /dev/urandom > big.bin"
    samples.lay(reprun.directory, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    with small_disk(tmp_path / "small", size="2m") as small:
        # A checkout that stays is copied from, and there is no room for two.
        said = reprun("run", ".", *LOCAL, "--keep", REPRUN_HOME=str(small))
        assert said.code == 125
        (saved,) = small.glob("runs/*/checkout")
        assert f"the outputs are in {saved}" in said.err
        assert (saved / "big.bin").stat().st_size == 1_200_000
        assert reprun("runs", "delete", "latest", "-y", REPRUN_HOME=str(small)).code == 0
        assert not saved.exists()


def test_a_record_for_which_no_room_is_left(reprun: Program, tmp_path: Path) -> None:
    """The outputs need no room, as they are linked; whoever made them is told where they are."""
    command = "cat /dev/zero > big.bin 2>/dev/null; true"
    samples.lay(reprun.directory, f"entry_points: {{main: {{command: '{command}'}}}}\n")
    with small_disk(tmp_path / "small", size="2m") as small:
        said = reprun("run", ".", *LOCAL, REPRUN_HOME=str(small))
        assert said.code == 125
        assert "the record of run " in said.err
        (made,) = small.glob("runs/*/artifacts")
        assert said.err.splitlines()[-1].endswith(f"; the step's outputs are in {made}")
        assert (made / "big.bin").stat().st_size > 1_000_000


def test_a_home_that_is_a_file(reprun: Program) -> None:
    samples.lay(reprun.directory)
    reprun.home.write_text("")
    said = reprun("run", ".", *LOCAL)
    assert said.code == 125
    assert str(reprun.home) in said.err
    assert "something broke inside" not in said.err
