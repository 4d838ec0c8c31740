"""Capturing outputs: everything the step made, nothing lost, nothing outside touched."""

from __future__ import annotations

import mmap
import os
import socket
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.store import copies, layout
from runner.store.records import RecordedFile
from tests.support.runs import make_run
from tests.support.work import Work, paths, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings


def test_made_changed_deleted(work: Work) -> None:
    work.write("changed.txt", "after!")
    work.write("out/model.bin", b"\0\1").chmod(0o755)
    (work.root / "gone.txt").unlink()
    captured = work.capture("out/**", "none/*.csv")
    assert captured.outputs == (
        RecordedFile("changed.txt", sha256(b"after!"), 6, mode=0o644, origin="undeclared"),
        RecordedFile("out/model.bin", sha256(b"\0\1"), 2, mode=0o755, origin="declared"),
    )
    assert captured.deleted == ("gone.txt",)
    assert captured.missing == ("none/*.csv",)
    assert captured.warnings == ()
    for file in captured.outputs:
        for kept in (work.artifact(file.path), work.settings.objects / file.sha256):
            assert sha256(kept.read_bytes()) == file.sha256
            assert kept.stat().st_mode & 0o777 == 0o444
        assert work.artifact(file.path).samefile(work.settings.objects / file.sha256)
        assert work.artifact(file.path).samefile(work.root / file.path), "nothing was copied"
    run = make_run(outputs=captured.outputs, directory=work.run_directory)
    assert copies.path_of(run, captured.outputs[1]) == work.artifact("out/model.bin")


def test_a_change_that_hides_behind_its_times_is_seen(work: Work) -> None:
    file = work.root / "changed.txt"
    status = file.stat()
    file.write_text("BEFORE")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert paths(work.capture()) == ["changed.txt"]


def test_a_file_that_was_only_touched_is_no_output(work: Work) -> None:
    def original(path: str) -> bytes | None:
        return b"before" if path == "changed.txt" else None

    os.utime(work.root / "changed.txt")
    os.utime(work.root / "kept.txt")
    assert paths(work.capture(original=original)) == ["kept.txt"]
    assert paths(work.capture()) == ["changed.txt", "kept.txt"]
    assert "changed.txt" in paths(work.capture(metrics="changed.txt", original=original))
    (work.root / "changed.txt").chmod(0o755)
    assert "changed.txt" in paths(work.capture(original=original))


def test_declared_files_are_kept_although_unchanged(work: Work) -> None:
    captured = work.capture("kept.txt", metrics="changed.txt")
    assert paths(captured) == ["kept.txt"]
    assert captured.missing == ()


def test_declared_globs(work: Work) -> None:
    for path in ("a/b/c.csv", "a/d.csv", "e.csv", "models/x/y", ".hidden"):
        work.write(path, path)
    found = {
        "**/*.csv": True,
        "a/*.csv": True,
        "./a//b/": True,
        "models": True,
        "models/**": True,
        "?.csv": True,
        "[d-f].csv": True,
        "[!e].csv": False,
        "b/*.csv": False,
        "*.CSV": False,
        "hidden": False,
        "*hidden": True,
    }
    missing = work.capture(*found).missing
    assert {glob: glob not in missing for glob in found} == found


def test_a_project_below_the_top(tmp_path: Path, settings: Settings) -> None:
    work = Work(tmp_path / "checkout", settings, subdirectory="deep/er")
    work.write("deep/er/out.txt", "1")
    work.write("deep/beside.txt", "2")
    work.write("top.txt", "3")
    captured = work.capture("../beside.txt")
    assert paths(captured) == ["../../top.txt", "../beside.txt", "out.txt"]
    assert captured.outputs[1].origin == "declared"
    assert work.artifact("__parent__/beside.txt").read_text() == "2"
    assert work.artifact("__parent__/__parent__/top.txt").read_text() == "3"
    run = make_run(outputs=captured.outputs, directory=work.run_directory)
    run = replace(run, source=replace(run.source, subdirectory="deep/er"))
    assert [copies.path_of(run, file).read_text() for file in run.outputs] == ["3", "2", "1"]


def test_links_are_links_and_never_followed(work: Work, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (work.root / "out").symlink_to(outside)
    (work.root / "file").symlink_to("/etc/passwd")
    (work.root / "dangling").symlink_to("nowhere")
    captured = work.capture()
    assert {file.path: (file.kind, file.sha256) for file in captured.outputs} == {
        "dangling": ("symlink", sha256(b"nowhere")),
        "file": ("symlink", sha256(b"/etc/passwd")),
        "out": ("symlink", sha256(os.fsencode(outside))),
    }
    assert work.artifact("file").readlink().as_posix() == "/etc/passwd"
    assert not any(work.settings.objects.iterdir())


def test_strange_files_are_named_and_left(work: Work) -> None:
    os.mkfifo(work.root / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.fspath(work.root / "s"))
        captured = work.capture()
    assert captured.outputs == ()
    assert captured.warnings == (
        "`pipe` is a named pipe and is not kept",
        "`s` is a socket and is not kept",
    )


def test_names_of_any_bytes(work: Work) -> None:
    names = ["new\nline", os.fsdecode(b"caf\xe9"), "-rf", "ünï cödé ☃", "a" * 255]
    for name in names:
        work.write(name, name.encode("utf-8", "surrogateescape"))
    captured = work.capture()
    assert sorted(paths(captured)) == sorted(names)
    assert all(work.artifact(name).exists() for name in names)


def test_equal_files_and_hard_links_are_kept_once(work: Work) -> None:
    for name in ("a", "b"):
        work.write(name, "same")
    os.link(work.root / "a", work.root / "c")
    captured = work.capture()
    assert paths(captured) == ["a", "b", "c"]
    assert len({file.sha256 for file in captured.outputs}) == 1
    assert len(list(work.settings.objects.iterdir())) == 1


def test_a_file_that_is_also_elsewhere_stays_as_it_is(work: Work, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dataset.bin"
    elsewhere.write_text("data")
    os.link(elsewhere, work.root / "data.bin")
    captured = work.capture()
    assert elsewhere.stat().st_mode & 0o777 == 0o644
    elsewhere.write_text("DATA")
    assert (work.settings.objects / captured.outputs[0].sha256).read_text() == "data"


def test_a_straggler_cannot_change_what_was_kept(work: Work) -> None:
    work.write("log", "first")
    with (work.root / "log").open("ab", buffering=0) as straggler:
        captured = work.capture()
        straggler.write(b"more")
    kept = work.settings.objects / captured.outputs[0].sha256
    assert kept.read_text() == "first"
    mapped = work.write("mapped", b"m" * 4096)
    with mapped.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as memory:
        captured = work.capture()
        memory[:4] = b"late"
        memory.flush()
    digest = next(file.sha256 for file in captured.outputs if file.path == "mapped")
    assert sha256((work.settings.objects / digest).read_bytes()) == digest


def test_sparse_files_stay_sparse(work: Work) -> None:
    for name, in_place in (("linked", False), ("copied", True)):
        with (work.root / name).open("wb") as file:
            file.seek(64 << 20)
            file.write(name.encode())
        captured = work.capture(in_place=in_place)
        found = next(item for item in captured.outputs if item.path == name)
        assert found.size == (64 << 20) + 6
        kept = work.settings.objects / found.sha256
        assert sha256(kept.read_bytes()) == found.sha256
        if (work.root / name).stat().st_blocks * 512 < 1 << 20:
            assert kept.stat().st_blocks * 512 < 1 << 20


def test_in_place_nothing_is_moved_linked_or_made_read_only(work: Work) -> None:
    file = work.write("out.txt", "mine")
    captured = work.capture(in_place=True)
    assert paths(captured) == ["out.txt"]
    assert file.stat().st_nlink == 1
    assert file.stat().st_mode & 0o777 == 0o644
    file.write_text("MINE")
    assert work.artifact("out.txt").read_text() == "mine"
    captured = work.capture(stays=True)
    assert file.stat().st_nlink == 1


def test_our_own_home_inside_the_project_is_no_output(tmp_path: Path, settings: Settings) -> None:
    inside = replace(settings, data=tmp_path / "checkout/.reprun", cache=tmp_path / "checkout/.c")
    layout.prepare(inside)
    (inside.data / "old").write_text("x")
    work = Work(tmp_path / "checkout", inside)
    (inside.data / "old").unlink()
    (inside.data / "new").write_text("x")
    (inside.cache / "new").write_text("x")
    captured = work.capture(in_place=True)
    assert captured.outputs == ()
    assert captured.deleted == ()


def test_git_folders(work: Work) -> None:
    work.write(".git/index", "touched by the step")
    work.write("sub/.git/index", "touched by the step")
    work.write("clone/.git/HEAD", "made by the step")
    work.write("clone/file", "made by the step")
    assert paths(work.capture()) == ["clone/.git/HEAD", "clone/file"]


def test_empty_folders_are_shown(work: Work) -> None:
    (work.root / "logs/empty").mkdir(parents=True)
    assert work.capture().outputs == ()
    assert work.artifact("logs/empty").is_dir()
