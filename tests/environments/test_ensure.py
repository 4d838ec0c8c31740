"""Reuse or build: kills, races, hand-made changes, full and read-only disks."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner import locking
from runner.environments import contents, ensure, markers, venv
from runner.environments.facts import Facts
from runner.errors import NoRoom, ToolMissing
from runner.manifest.model import EnvironmentReference
from runner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.environments.conftest import Workshop

REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
EMPTY = EnvironmentReference(kind="empty")

ANOTHER = """
import json, sys
from pathlib import Path
from runner.environments import ensure, venv
from runner.environments.base import Lock
from runner.progress import Silent
from runner.settings import Settings
fields, data, cache = json.loads(sys.argv[1])
fields["local_packages"] = ()
settings = Settings(data=Path(data), cache=Path(cache))
built = ensure.ensure(venv, Lock(**fields), files=None, settings=settings, progress=Silent())
print(json.dumps([str(built.path), built.reused, [one.name for one in built.packages]]))
"""


def another(workshop: Workshop) -> subprocess.Popen[str]:
    """A second reprun that wants the same environment."""
    _, lock = workshop.lock(REQUIREMENTS)
    fields = {
        name: getattr(lock, name) for name in lock.__struct_fields__ if name != "local_packages"
    }
    homes = [str(workshop.settings.data), str(workshop.settings.cache)]
    return subprocess.Popen(
        [sys.executable, "-c", ANOTHER, json.dumps([fields, *homes])],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )


@pytest.fixture
def alpha(workshop: Workshop) -> Workshop:
    """A project that needs one package."""
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    return workshop


def test_two_first_runs_at_once_build_one_environment_once(alpha: Workshop) -> None:
    both = [another(alpha), another(alpha)]
    answers = [json.loads(one.communicate(timeout=60)[0]) for one in both]
    assert sorted(reused for _, reused, _ in answers) == [False, True]
    assert answers[0][0] == answers[1][0]
    assert answers[0][2] == answers[1][2] == ["alpha", "pip", "setuptools", "wheel"]


def test_an_environment_whose_builder_was_killed_is_never_used(alpha: Workshop) -> None:
    backend, lock = alpha.lock(REQUIREMENTS)
    interpreter = backend.interpreter(
        lock, exact=False, settings=alpha.settings, progress=alpha.heard
    )
    at = ensure.path_of(lock, ensure.hash_of(lock, interpreter), alpha.settings)
    for moment in ("pyvenv.cfg", "bin/python", "reprun.json"):
        process = another(alpha)
        deadline = time.monotonic() + 30
        while not (at / moment).exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if (marker := markers.read(at)) is not None:
            pytest.skip(f"it was finished before it could be killed: {marker.stat}")
        assert (at / moment).exists()
        assert not ensure.peek(backend, lock, settings=alpha.settings)[1]
    built = alpha.build(REQUIREMENTS)
    assert not built.reused
    assert built.packages[0].name == "alpha"


def test_what_a_killed_reprun_leaves_building_is_waited_for(
    workshop: Workshop, tmp_path: Path
) -> None:
    building = tmp_path / "building"
    slowly = f"import pathlib, time; pathlib.Path({str(building)!r}).touch(); time.sleep(4)"
    digest = workshop.index.sdist("slow", "1.0", fail=slowly)
    # A lock of the project: what is locked here is built at once, not in the environment.
    workshop.project.write("requirements.txt", f"slow==1.0 --hash=sha256:{digest}\n")
    process = another(workshop)
    deadline = time.monotonic() + 60
    while not building.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (lock_file,) = (workshop.settings.environments / "venv").glob("*.lock")
    assert locking.try_hold(lock_file) is None, "uv still writes into the environment"
    while (held := locking.try_hold(lock_file)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held is not None
    held.release()
    assert not workshop.build(REQUIREMENTS).reused


def test_a_failed_build_leaves_nothing_and_can_be_tried_again(alpha: Workshop) -> None:
    alpha.lock(REQUIREMENTS)
    alpha.index.down = True
    with pytest.raises(Exception, match="can't be reached"):
        alpha.build(REQUIREMENTS)
    folder = alpha.settings.environments / "venv"
    assert [path for path in folder.iterdir() if path.is_dir()] == []
    alpha.index.down = False
    assert not alpha.build(REQUIREMENTS).reused


def _edit(at: Path) -> None:
    with contents.site_packages(at).joinpath("alpha/__init__.py").open("a") as file:
        file.write("VERSION = 'forged'\n")


def _remove(at: Path) -> None:
    contents.site_packages(at).joinpath("alpha/__init__.py").unlink()


def _add(at: Path) -> None:
    contents.site_packages(at).joinpath("sitecustomize.py").write_text("raise SystemExit(9)")


def _script(at: Path) -> None:
    (at / "bin" / "extra").write_text("#!/bin/sh\n")


@pytest.mark.parametrize("change", [_edit, _remove, _add, _script])
def test_a_hand_changed_environment_is_noticed_and_built_again(
    alpha: Workshop, change: object
) -> None:
    first = alpha.build(REQUIREMENTS)
    assert first.path is not None
    assert callable(change)
    change(first.path)
    again = alpha.build(REQUIREMENTS)
    assert not again.reused
    assert again.fingerprint == first.fingerprint
    assert any("built again: it was changed by hand" in text for text in alpha.heard.warnings)
    done = subprocess.run(
        [first.path / "bin" / "python", "-c", "import alpha; print(alpha.VERSION)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1.0\n"
    assert alpha.build(REQUIREMENTS).reused


def test_a_change_that_went_through_to_the_cache_of_uv_is_not_installed_elsewhere(
    alpha: Workshop,
) -> None:
    first = alpha.build(REQUIREMENTS)
    assert first.path is not None
    _edit(first.path)
    alpha.index.wheel("beta", "1.0")
    alpha.project.write("requirements.txt", "alpha\nbeta\n")
    second = alpha.build(REQUIREMENTS)
    assert second.path is not None
    text = contents.site_packages(second.path).joinpath("alpha/__init__.py").read_text()
    assert "forged" not in text


def test_bytecode_is_no_change(alpha: Workshop) -> None:
    first = alpha.build(REQUIREMENTS)
    assert first.path is not None
    subprocess.run([first.path / "bin" / "python", "-c", "import alpha"], check=True)
    folder = venv.activate(first.path).bytecode
    assert list(folder) == [contents.site_packages(first.path)]
    for kept in folder.values():
        kept.mkdir(parents=True)
        (kept / "x.pyc").write_bytes(b"")
    assert alpha.build(REQUIREMENTS).reused


def test_an_interpreter_that_was_replaced_or_is_gone(alpha: Workshop) -> None:
    first = alpha.build(REQUIREMENTS)
    assert first.path is not None
    marker = markers.read(first.path)
    assert marker is not None
    markers.finish(first.path, replace(marker, stamp=(1, 1)))
    assert not alpha.build(REQUIREMENTS).reused
    assert any("its Python was replaced" in text for text in alpha.heard.warnings)
    (first.path / "bin" / "python").unlink()
    assert not alpha.build(REQUIREMENTS).reused
    assert any("its Python is gone" in text for text in alpha.heard.warnings)


def test_a_marker_that_is_no_marker_means_no_environment(alpha: Workshop) -> None:
    first = alpha.build(REQUIREMENTS)
    assert first.path is not None
    for content in (b"", b"[]", b'{"version": 1, "state": "complete"}', b'{"version": 99}'):
        (first.path / "reprun.json").write_bytes(content)
        assert markers.read(first.path) is None
    assert not alpha.build(REQUIREMENTS).reused


def test_peek_says_whether_a_run_would_build(alpha: Workshop) -> None:
    backend, lock = alpha.lock(REQUIREMENTS)
    digest, stands = ensure.peek(backend, lock, settings=alpha.settings)
    assert not stands
    assert alpha.build(REQUIREMENTS).hash == digest
    assert ensure.peek(backend, lock, settings=alpha.settings) == (digest, True)


def test_peek_takes_the_near_python_that_a_run_takes_and_fetches_none(alpha: Workshop) -> None:
    minor = ".".join(platform.python_version_tuple()[:2])
    backend, lock = alpha.lock(REQUIREMENTS)
    lock = replace(lock, python=f"{minor}.99")
    digest, stands = ensure.peek(backend, lock, settings=alpha.settings)
    assert not stands
    assert not Facts(alpha.settings).missing(f"{minor}.99", now=time.time()), "it was tried for"
    assert ensure.peek(backend, lock, settings=alpha.settings, exact=True) == (None, False)
    built = ensure.ensure(
        backend, lock, files=alpha.project, settings=alpha.settings, progress=alpha.heard
    )
    assert built.hash == digest
    assert ensure.peek(backend, lock, settings=alpha.settings) == (digest, True)


def test_the_hash_is_of_lock_and_interpreter(alpha: Workshop) -> None:
    backend, lock = alpha.lock(REQUIREMENTS)
    own = backend.interpreter(lock, exact=False, settings=alpha.settings, progress=alpha.heard)
    assert own is not None
    digest = ensure.hash_of(lock, own)
    assert digest == ensure.hash_of(replace(lock, made="reused"), own)
    assert digest != ensure.hash_of(replace(lock, sha256="0" * 64), own)
    assert digest != ensure.hash_of(lock, replace(own, build="another"))
    assert digest == ensure.hash_of(lock, replace(own, path=Path("/elsewhere/python")))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 1 MiB."""
    at = tmp_path / "small"
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(at)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield at
    subprocess.run(["umount", str(at)], check=True)


def test_a_full_disk(alpha: Workshop, small_disk: Path) -> None:
    import random

    filler = random.Random(1).randbytes(3 << 20).hex()
    alpha.index.wheel("alpha", "2.0", files={"alpha/data.py": f"DATA = '{filler}'\n"})
    alpha.settings = Settings(data=alpha.settings.data, cache=small_disk / "cache")
    with pytest.raises(NoRoom) as caught:
        alpha.build(REQUIREMENTS)
    assert "the disk is full" in caught.value.message
    assert "REPRUN_CACHE" in (caught.value.hint or "")
    folder = alpha.settings.environments / "venv"
    assert [path for path in folder.iterdir() if path.is_dir()] == []


def test_a_cache_home_on_another_file_system(alpha: Workshop, small_disk: Path) -> None:
    alpha.settings = Settings(data=alpha.settings.data, cache=small_disk / "cache")
    built = alpha.build(REQUIREMENTS)
    assert not built.reused
    assert alpha.build(REQUIREMENTS).reused


def test_a_cache_home_that_can_not_be_written(alpha: Workshop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alpha.settings = Settings(data=alpha.settings.data, cache=tmp_path / "file" / "cache")
    with pytest.raises(NoRoom, match="can't be written below"):
        alpha.build(REQUIREMENTS)


def test_a_read_only_cache_home(alpha: Workshop, small_disk: Path) -> None:
    alpha.settings = Settings(data=alpha.settings.data, cache=small_disk / "cache")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(NoRoom, match="the file system is read-only"):
        alpha.build(REQUIREMENTS)


def test_a_data_home_that_can_not_keep_the_lock(alpha: Workshop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alpha.settings = Settings(data=tmp_path / "file" / "home", cache=alpha.settings.cache)
    with pytest.raises(NoRoom, match="the lock can't be kept"):
        alpha.lock(REQUIREMENTS)


def test_no_uv(alpha: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("runner.environments.uv._packaged", lambda: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="uv isn't on this machine"):
        alpha.build(REQUIREMENTS)


def test_a_path_with_spaces_and_letters(workshop: Workshop, tmp_path: Path) -> None:
    workshop.settings = Settings(data=tmp_path / "mein häus", cache=tmp_path / "mein çache")
    workshop.index.wheel("tool", "1.0", files={"tool.py": "def main():\n    print('ran')\n"},
                         scripts={"tool": "tool:main"})  # fmt: skip
    workshop.project.write("requirements.txt", "tool\n")
    built = workshop.build(REQUIREMENTS)
    assert built.path is not None
    done = subprocess.run([built.path / "bin" / "tool"], capture_output=True, text=True, check=True)
    assert done.stdout == "ran\n"
