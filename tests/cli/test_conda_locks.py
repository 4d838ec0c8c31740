"""Locks of conda environments that a project carries, by `reprun lock` and by other tools."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from runner.conda import lock_file
from runner.environments.platforms import conda_subdir
from tests.support import samples
from tests.support.conda_channel import module
from tests.support.program import person

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.conda_server import ChannelServer
    from tests.support.conda_shelf import Channel
    from tests.support.program import Program

MANIFEST = "conda_env: conda.yaml\nentry_points: {main: {command: python main.py}}\n"
MAIN = "import alpha, beta; print(alpha.__version__, beta.__version__)\n"
SUBDIR = conda_subdir()


def lay(reprun: Program, channel: Channel, *packages: str, manifest: str = MANIFEST) -> Path:
    """A project that asks the channel for Python and `alpha` 1."""
    asked = "".join(f"  - {one}\n" for one in ("python", "alpha=1", *packages))
    conda = f"channels: ['{channel.url}', nodefaults]\ndependencies:\n{asked}"
    return samples.lay(reprun.directory, manifest, main_py=MAIN, conda_yaml=conda)


@pytest.fixture
def locked(reprun: Program, channel: Channel) -> Path:
    """A project with a lock by `reprun lock`."""
    project = lay(reprun, channel)
    said = reprun("lock", ".")
    assert said.code == 0, said.err
    lock = project / "conda-lock.yml"
    assert said.out.startswith(f"wrote {lock} (3 packages, Python 3."), said
    return project


def test_a_lock_is_written_that_conda_lock_can_read(locked: Path, reprun: Program) -> None:
    from conda_lock.lockfile import parse_conda_lock_file

    found = parse_conda_lock_file(locked / "conda-lock.yml")
    assert {(one.name, one.version) for one in found.package} > {("alpha", "1.1"), ("beta", "1.0")}
    assert found.metadata.sources == ["conda.yaml"]
    before = (locked / "conda-lock.yml").read_bytes()
    said = reprun("lock", ".")
    assert said.out.startswith(f"nothing new in {locked / 'conda-lock.yml'}"), said
    assert (locked / "conda-lock.yml").read_bytes() == before


def test_the_lock_decides_here_there_and_on_another_machine(
    locked: Path, reprun: Program, channel: Channel, tmp_path: Path
) -> None:
    first = reprun.record(".")
    environment = first["environment"]
    assert environment["lock"]["made"] == "project"
    assert environment["lock"]["format"] == "conda-lock"
    assert reprun("run", ".", "-q").out == "1.1 1.0\n"
    channel.add(module("alpha", "1.2", depends=("python", "beta")))
    moved = locked.with_name("moved")
    shutil.copytree(locked, moved)
    other = person(tmp_path / "other")
    other.directory.rmdir()
    shutil.copytree(locked, other.directory)
    for who, where in ((reprun, str(moved)), (other, ".")):
        record = who.record(where)
        assert record["environment"]["hash"] == environment["hash"]
        assert record["environment"]["fingerprint"] == environment["fingerprint"]
    (locked / "conda-lock.yml").unlink()
    assert reprun("run", ".", "-q").out.startswith("1.2 ")


def test_a_lock_and_a_first_run_have_the_same_environment(
    reprun: Program, channel: Channel
) -> None:
    lay(reprun, channel)
    first = reprun.record(".")
    assert reprun("lock", ".").code == 0
    second = reprun.record(".")
    assert second["environment"]["hash"] == first["environment"]["hash"]
    assert [first["environment"]["lock"]["made"], second["environment"]["lock"]["made"]] == [
        "resolved",
        "project",
    ]


def test_a_changed_file_asks_for_a_new_lock(
    locked: Path, reprun: Program, channel: Channel
) -> None:
    lay(reprun, channel, "tool")
    said = reprun("run", ".")
    assert said.code == 125
    assert said.err.endswith(
        "error: conda-lock.yml was made from another conda.yaml than stands beside it\n"
        "hint: run `reprun lock` and commit what it writes\n"
    ), said
    assert reprun("lock", ".").out.startswith(f"wrote {locked / 'conda-lock.yml'} (4 packages")
    assert reprun("run", ".", "-q").code == 0


def test_what_flags_do_with_a_lock(locked: Path, reprun: Program, channel: Channel) -> None:
    del locked
    channel.add(module("alpha", "1.2", depends=("python", "beta")))
    said = reprun("run", ".", "--relock")
    assert said.out == "1.1 1.0\n"
    assert "warning: --relock changes nothing: the project's own lock is used as it is" in said.err
    said = reprun("run", ".", "--add-package", "tool")
    assert said.out.startswith("1.2 "), "an amended environment is solved anew"


def test_a_lock_of_conda_locks_own_is_used_and_left_alone(
    reprun: Program, channel: Channel
) -> None:
    from conda_lock.lockfile import parse_conda_lock_file, write_conda_lock_file

    project = lay(reprun, channel)
    path = project / "conda-lock.yml"
    assert reprun("lock", ".").code == 0
    write_conda_lock_file(parse_conda_lock_file(path), path, metadata_choices=None)
    text = path.read_text()
    assert text.startswith("# This lock file was generated by conda-lock")
    lay(reprun, channel, "tool")  # what it was made from is its own tool's business
    record = reprun.record(".")
    assert record["environment"]["lock"]["made"] == "project"
    assert (reprun.home / "runs" / record["id"] / "lock").read_text() == text
    said = reprun("lock", ".")
    assert said.code == 2
    assert said.err.endswith(
        "error: conda-lock.yml is a lock already, and is used as it is\n"
        "hint: bring it up to date with the tool that wrote it\n"
    ), said
    assert path.read_text() == text


@pytest.mark.parametrize("place", ["beside", "named"])
def test_an_explicit_file_is_enough(reprun: Program, channel: Channel, place: str) -> None:
    project = lay(reprun, channel)
    assert reprun("lock", ".").code == 0
    lock = project / "conda-lock.yml"
    found = lock_file.read(lock.read_text(), platform=SUBDIR, origin=None).packages
    lines = "".join(f"{one.url}#sha256:{one.sha256}\n" for one in found)
    lock.unlink()
    if place == "beside":
        (project / f"conda-{SUBDIR}.lock").write_text(f"@EXPLICIT\n{lines}")
    else:
        (project / "conda.yaml").write_text(f"@EXPLICIT\n{lines}")
    record = reprun.record(".")
    assert record["environment"]["lock"]["format"] == "explicit"
    versions = {one["name"]: one["version"] for one in record["environment"]["packages"]}
    assert (versions["alpha"], versions["beta"]) == ("1.1", "1.0")
    again = reprun("shell", "latest", "-c", "python main.py")
    assert (again.code, again.out) == (0, "1.1 1.0\n"), again


def test_a_lock_for_another_platform_is_refused(locked: Path, reprun: Program) -> None:
    lock = locked / "conda-lock.yml"
    lock.write_text(lock.read_text().replace(SUBDIR, "win-64"))
    said = reprun("run", ".")
    assert said.code == 125
    assert said.err.endswith(
        f"error: conda-lock.yml: is a lock for win-64, and this machine is {SUBDIR}\n"
        f"hint: add {SUBDIR} to it: `conda-lock lock --platform {SUBDIR}`\n"
    ), said
    assert not list((reprun.home / "cache" / "envs").glob("conda/*/conda-meta"))


@pytest.mark.parametrize("form", ["written", "variables"])
def test_the_login_of_a_lock_is_used_and_kept_nowhere(
    reprun: Program, channel: Channel, channels: ChannelServer, form: str
) -> None:
    project = lay(reprun, channel)
    assert reprun("lock", ".").code == 0
    lock = project / "conda-lock.yml"
    login = "me:5ecret" if form == "written" else "${WHO}:$WORD"
    head, _, body = lock.read_text().partition("\nversion: 1")
    assert head
    lock.write_text(f"version: 1{body}".replace("http://", f"http://{login}@"))
    channels.login = "me:5ecret"
    said = reprun("run", ".", WHO="me", WORD="5ecret")
    assert (said.code, said.out) == (0, "1.1 1.0\n"), said
    # Among the objects is the project as it stood, which is the person's own.
    kept = [
        path
        for folder in ("runs", "locks", "cache")
        for path in (reprun.home / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    assert kept
    assert [path for path in kept if b"5ecret" in path.read_bytes()] == []
    if form == "written":
        assert "conda-lock.yml: the passwords and tokens in its addresses are not kept" in said.err
    else:
        shutil.rmtree(reprun.home / "cache")
        said = reprun("run", ".", WHO="me")
        assert said.code == 125
        assert "from $WORD, which isn't set" in said.err, said
