"""The mirrors: damaged, half-fetched, fetched by two at once, in a cache without room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    SourceError,
)
from runner.source.checkout import checkout
from runner.source.files import open_files
from tests.support.repositories import Daemon, Repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from tests.source.conftest import Resolve
    from tests.support.listening import Listener


def test_a_damaged_mirror_is_fetched_again(
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    listener: Listener,
) -> None:
    url, commit = f"{daemon.url}/project", project.head
    source = resolved(url)
    for harm in ("pack", "objects", "HEAD"):
        if harm == "pack":
            for pack in (source.store / "objects" / "pack").glob("*.pack"):
                pack.chmod(0o644)
                pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 400)
        elif harm == "objects":
            for pack in (source.store / "objects" / "pack").iterdir():
                pack.unlink()
        else:
            (source.store / "HEAD").write_bytes(b"")
        again = resolved(url, commit, progress=listener)
        with open_files(again, settings=settings) as files:
            assert files.read("MLproject") == b"name: second\n", harm
        with checkout(again, settings=settings, progress=listener) as made:
            assert (made.root / "MLproject").read_bytes() == b"name: second\n", harm


def test_a_mirror_damaged_between_reading_and_checkout(
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    listener: Listener,
) -> None:
    source = resolved(f"{daemon.url}/project", project.head)
    for pack in (source.store / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 400)
    with checkout(source, settings=settings, progress=listener) as made:
        assert (made.root / "MLproject").read_bytes() == b"name: second\n"
        assert run_git(made.root, "status", "--short") == ""
    assert "is damaged; it is fetched again" in listener.warnings[0]


_RESOLVE = """
import sys
from pathlib import Path
from runner.progress import Silent
from runner.request import Request
from runner.settings import Settings
from runner.source.resolve import resolve
uri, home = sys.argv[1], Path(sys.argv[2])
settings = Settings(data=home / "home", cache=home / "cache")
print(resolve(Request(uri=uri, caller=home), settings=settings, progress=Silent()).commit)
"""


def _start(url: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _RESOLVE, url, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _commit_large(project: Repository) -> None:
    """A commit that takes a while to fetch, but none to compress."""
    project.git("config", "core.compression", "0")
    project.write("large", os.urandom(80 << 20)).commit("large")


@pytest.mark.parametrize("first", [True, False])
def test_a_fetch_that_is_killed_leaves_the_next_one_unharmed(
    first: bool,  # noqa: FBT001
    project: Repository,
    daemon: Daemon,
    resolved: Resolve,
    settings: Settings,
    tmp_path: Path,
) -> None:
    url = f"{daemon.url}/project"
    if not first:
        resolved(url)
    _commit_large(project)
    process = _start(url, tmp_path)
    deadline = time.monotonic() + 60
    while not list(settings.mirrors.glob("**/tmp_pack_*")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = next(settings.mirrors.glob(".*" if first else "project*.git"))
    # A kill that comes later leaves locks on references.
    (store / "packed-refs.lock").write_text("")
    (store / "refs" / "heads").mkdir(exist_ok=True)
    (store / "refs" / "heads" / "main.lock").write_text("")
    assert resolved(url).commit == project.head
    assert not list(settings.mirrors.glob(".*"))


def test_a_fetch_that_is_interrupted_clears_up_at_once(
    project: Repository, daemon: Daemon, settings: Settings, tmp_path: Path
) -> None:
    _commit_large(project)
    process = _start(f"{daemon.url}/project", tmp_path)
    deadline = time.monotonic() + 60
    while not list(settings.mirrors.glob("**/tmp_pack_*")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    assert [path.name for path in settings.mirrors.iterdir() if path.is_dir()] == []


def test_two_first_clones_at_once_are_one(
    project: Repository, daemon: Daemon, tmp_path: Path, settings: Settings
) -> None:
    project.write("large", os.urandom(10 << 20)).commit("large")
    url = f"{daemon.url}/project"
    processes = [_start(url, tmp_path) for _ in range(4)]
    answers = [process.communicate() for process in processes]
    assert [out.strip() for out, _ in answers] == [project.head] * 4, answers
    # Each asks what there is, one of them fetches.
    assert daemon.connections == 5
    assert len(list(settings.mirrors.glob("*.git"))) == 1


def test_a_cache_that_can_not_be_written(
    project: Repository, daemon: Daemon, resolved: Resolve, settings: Settings
) -> None:
    settings.cache.mkdir()
    settings.mirrors.write_text("a file where a folder should be")
    assert project.head
    with pytest.raises(SourceError, match="can't write the mirror") as caught:
        resolved(f"{daemon.url}/project")
    assert "REPRUN_CACHE" in str(caught.value.hint)


def test_many_fetches_do_not_pile_up_packs(
    project: Repository, daemon: Daemon, resolved: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.source.mirror._PACKS", 3)
    url = f"{daemon.url}/project"
    lost = resolved(url).commit
    for number in range(5):
        project.git("commit", "-q", "--amend", "--allow-empty", "-m", str(number))
        source = resolved(url)
    assert len(list((source.store / "objects" / "pack").glob("*.pack"))) <= 3
    assert resolved(url, lost).commit == lost


def test_a_warm_run_loads_no_slow_library(
    project: Repository, daemon: Daemon, resolved: Resolve, tmp_path: Path
) -> None:
    resolved(f"{daemon.url}/project")
    code = _RESOLVE.replace("caller=home", f"caller=home, version='{project.head}'")
    code += """
from runner.source.checkout import checkout
from runner.source.files import open_files
request = Request(uri=uri, caller=home, version=sys.argv[3])
source = resolve(request, settings=settings, progress=Silent())
with open_files(source, settings=settings) as files:
    files.read("MLproject")
with checkout(source, settings=settings, progress=Silent()):
    pass
slow = {"git", "urllib.request", "http", "email", "tarfile", "zipfile", "asyncio", "logging",
        "difflib", "concurrent.futures", "importlib.metadata"}
print(sorted(slow & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"{daemon.url}/project", str(tmp_path), project.head],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [project.head, "[]"]
