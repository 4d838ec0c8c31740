"""What can go wrong with a channel and a disk: what a person reads, and that nothing is left."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_conda_runs import got
from tests.support.conda_channel import Package, module
from tests.support.conda_projects import lay
from tests.support.disks import read_only, small_disk
from tests.support.processes import wait_until
from tests.support.program import end, nothing_left, person

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.conda_server import How
    from tests.support.conda_shelf import Channel
    from tests.support.program import Program, Said

ALPHA = "alpha-2.0-py_0"


@pytest.fixture
def project(reprun: Program, channel: Channel) -> Program:
    """Somebody in front of a project that needs Python and a package."""
    lay(reprun.directory, channel, "python", "alpha")
    return reprun


def failed(reprun: Program, *words: str) -> Said:
    """A run that can't be started: all `words` are said, nothing half-made is left or listed."""
    said = reprun("run", ".")
    assert said.code == 125, said
    for word in words:
        assert word in said.err, said.err
    assert "Traceback" not in said.err
    assert "reqwest" not in said.err
    error, hint = said.err.index("error: "), said.err.index("hint: ")
    assert error < hint
    assert reprun.records() == []
    nothing_left(reprun)
    assert half_made(reprun) == []
    return said


def half_made(reprun: Program) -> list[str]:
    """Environments, packages and downloads that are not complete."""
    cache = reprun.home / "cache"
    found = [str(path) for path in cache.glob("envs/conda/*/")]
    found += [str(path) for path in cache.glob("conda/partial/*")]
    return found + [
        str(path)
        for path in cache.glob("conda/packages/*/")
        if not list(path.glob("*/info/index.json"))
    ]


def works(reprun: Program, **wanted: str) -> None:
    """It runs, now."""
    _, found = got(reprun("run", "."))
    assert found == (wanted or {"alpha": "2.0", "beta": "2.0"})
    nothing_left(reprun)


# --- the channel is asked what it has ------------------------------------------------------------


def test_nobody_listens(project: Program, channel: Channel) -> None:
    channel.server.stop()
    failed(project, channel.url, "--env-manager venv")
    channel.server.again()
    works(project)


@pytest.mark.parametrize("how", ["unavailable", "short", "cut", "forbidden"])
def test_what_the_channel_has_can_not_be_had(project: Program, channel: Channel, how: How) -> None:
    channel.server.fail("*repodata*", how)
    failed(project, channel.url)
    channel.server.mend()
    works(project)


@pytest.mark.parametrize("how", ["silent", "stalled"])
def test_a_channel_that_says_nothing_is_given_up(
    project: Program, channel: Channel, how: How
) -> None:
    channel.server.fail("*repodata*", how)
    failed(quick(project), channel.url)
    channel.server.mend()
    works(project)


def quick(reprun: Program) -> Program:
    """Somebody whose conda gives up early."""
    condarc = "remote_read_timeout_secs: 2\nremote_max_retries: 1\n"
    (reprun.home.parent / "person" / ".condarc").write_text(condarc)
    return reprun


def test_a_slow_channel_is_waited_for(project: Program, channel: Channel) -> None:
    channel.server.pause_s, channel.server.piece = 0.05, 400
    channel.server.fail("*/noarch/*", "slow")
    works(project)


def test_a_large_index_that_comes_slowly_is_waited_for(project: Program, channel: Channel) -> None:
    # Longer altogether than anybody waits for nothing.
    size = (channel.folder / "noarch" / "repodata.json").stat().st_size
    channel.server.pause_s, channel.server.piece = 0.4, size // 10
    channel.server.fail("*/repodata.json", "slow")
    quick(project)
    with (project.home.parent / "person" / ".condarc").open("a") as file:
        file.write("repodata_use_shards: false\nrepodata_use_zst: false\n")
    works(project)


def test_there_is_no_such_channel(project: Program, channel: Channel) -> None:
    shutil.rmtree(channel.folder)
    failed(project, channel.url)


def test_a_login_is_asked_for(project: Program, channel: Channel) -> None:
    channel.server.login = "me:secret"
    failed(project, channel.url, ".condarc")


def test_a_failure_that_passes_is_not_told(project: Program, channel: Channel) -> None:
    channel.server.fail("*repodata*", "unavailable", times=1)
    channel.server.fail("*.conda", "unavailable", times=1)
    works(project)


# --- a package is to be had ----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["unavailable", "short", "chunked-short", "forbidden", "missing"])
def test_a_package_can_not_be_had(project: Program, channel: Channel, how: How) -> None:
    channel.server.fail(f"*/{ALPHA}.conda", how)
    failed(project, channel.url, f"{ALPHA}.conda")
    channel.server.mend()
    works(project)


@pytest.mark.parametrize("how", ["silent", "stalled"])
def test_a_package_that_does_not_come_is_given_up(
    project: Program, channel: Channel, how: How
) -> None:
    channel.server.fail(f"*/{ALPHA}.conda", how)
    failed(quick(project), channel.url, f"while `{ALPHA}.conda` was fetched", "no answer in time")
    channel.server.mend()
    works(project)


def test_a_package_that_comes_slowly_is_waited_for(project: Program, channel: Channel) -> None:
    # Longer altogether than anybody waits for nothing.
    channel.server.pause_s, channel.server.piece = 0.4, 128
    channel.server.fail(f"*/{ALPHA}.conda", "slow")
    works(quick(project))


@pytest.mark.parametrize("how", ["wrong", "cut"])
def test_other_bytes_than_the_channel_names(project: Program, channel: Channel, how: How) -> None:
    channel.server.fail(f"*/{ALPHA}.conda", how)
    said = failed(project, f"{ALPHA}.conda", "its hash is", "--relock")
    assert str(channel.url) in said.err
    channel.server.mend()
    works(project)


def test_a_package_that_breaks_off_once_is_had_on_the_second_try(
    project: Program, channel: Channel
) -> None:
    channel.server.fail("*.conda", "short", times=2)
    works(project)


def test_an_archive_that_is_none(project: Program, channel: Channel) -> None:
    content = channel.archive(ALPHA).read_bytes()
    channel.replace(ALPHA, content[: len(content) // 2] + b"\0" * (len(content) // 2))
    _believe(channel, ALPHA)
    failed(project, f"{ALPHA}.conda can't be unpacked", "whoever made the package")


def test_an_archive_with_another_package_in_it(project: Program, channel: Channel) -> None:
    channel.add(module("omega", "9.0"))
    channel.replace(ALPHA, channel.archive("omega-9.0-py_0").read_bytes())
    _believe(channel, ALPHA)
    failed(project, f"{ALPHA}.conda holds omega 9.0")


def _believe(channel: Channel, stem: str) -> None:
    """Have the index name the hash of what lies there, whatever that is."""
    file = channel.archive(stem).parent / "repodata.json"
    content = json.loads(file.read_bytes())
    held = channel.archive(stem).read_bytes()
    content["packages.conda"][f"{stem}.conda"] |= {
        "sha256": hashlib.sha256(held).hexdigest(),
        "md5": hashlib.md5(held, usedforsecurity=False).hexdigest(),
        "size": len(held),
    }
    file.write_text(json.dumps(content))
    for other in file.parent.glob("*.zst"):  # its other forms
        other.unlink()


# --- between the lock and the installation -------------------------------------------------------


def another_machine(reprun: Program) -> None:
    """Forget all that a cache holds, but no lock."""
    shutil.rmtree(reprun.home / "cache")


def test_a_package_was_built_anew_under_its_old_name(project: Program, channel: Channel) -> None:
    works(project)
    another_machine(project)
    forged = module("alpha", "2.0", source="__version__ = 'forged'\n")
    channel.add(forged)
    said = project("run", ".")
    assert said.code == 125
    assert f"{ALPHA}.conda" in said.err
    assert "is not what the lock says" in said.err
    assert half_made(project) == []
    assert got(project("run", ".", "--relock"))[1]["alpha"] == "2.0"


def test_a_package_left_the_index_but_not_the_channel(project: Program, channel: Channel) -> None:
    works(project)
    another_machine(project)
    content = channel.archive(ALPHA).read_bytes()
    channel.remove(ALPHA)
    (channel.folder / "noarch" / f"{ALPHA}.conda").write_bytes(content)
    works(project)


def test_a_package_is_gone(project: Program, channel: Channel) -> None:
    works(project)
    another_machine(project)
    channel.remove(ALPHA)
    said = project("run", ".")
    assert said.code == 125
    assert said.err.endswith(
        f"error: the channel `{channel.url}` has no `{ALPHA}.conda` any more\n"
        "hint: lock anew with `--relock`\n"
    )
    assert half_made(project) == []
    assert got(project("run", ".", "--relock"))[1]["alpha"] == "1.1"


def test_relocking_asks_a_channel_though_its_index_was_to_hold_for_a_while(
    project: Program, channel: Channel
) -> None:
    channel.server.cache_control = "public, max-age=1200"
    works(project)
    channel.remove(ALPHA)
    assert got(project("run", ".", "--relock"))[1]["alpha"] == "1.1"


# --- packages are linked -------------------------------------------------------------------------


def test_a_path_that_is_too_long_for_a_program(tmp_path: Path, channel: Channel) -> None:
    if not list(channel.folder.glob("*/native-*")):
        pytest.skip("there is no compiler")
    deep = tmp_path.joinpath(*["d" * 50] * 4)
    deep.mkdir(parents=True)
    reprun = person(deep / "person")
    lay(reprun.directory, channel, "python", "native")
    failed(reprun, "native-1.0", "set REPRUN_CACHE to a folder with a shorter path")


def test_a_post_link_script_that_fails(reprun: Program, channel: Channel) -> None:
    script = {"bin/.broken-post-link.sh": b"#!/bin/sh\nexit 3\n"}
    channel.add(Package("broken", "1.0", files=script, noarch="generic"))
    lay(reprun.directory, channel, "python", "broken")
    said = reprun("run", ".", "--link-scripts")
    assert said.code == 125, said
    assert "error: the post-link script of broken failed\nhint: leave `--link-scripts`" in said.err
    assert half_made(reprun) == []
    assert reprun("run", ".").code == 0


def test_what_a_post_link_script_writes_does_not_reach_the_cache(
    reprun: Program, channel: Channel
) -> None:
    files = {"bin/.own-post-link.sh": b'#!/bin/sh\necho more >>"$PREFIX/share/own"\n'}
    files["share/own"] = b"packed\n"
    channel.add(Package("own", "1.0", files=files, noarch="generic"))
    lay(reprun.directory, channel, "python", "own")
    assert reprun("run", ".", "--link-scripts").code == 0
    (cached,) = reprun.home.glob("cache/conda/packages/*/*/share/own")
    (linked,) = reprun.home.glob("cache/envs/conda/*/share/own")
    assert cached.read_text() == "packed\n"
    assert linked.read_text() == "packed\nmore\n"


# --- disks, kills, neighbours --------------------------------------------------------------------


def test_the_disk_is_full_while_packages_are_fetched(project: Program) -> None:
    with small_disk(project.home / "cache" / "conda", size="8m"):
        said = project("run", ".")
        assert said.code == 125, said
        assert "the disk is full\nhint: free some space" in said.err, said.err
        assert "Traceback" not in said.err
        assert half_made(project) == []
    assert project.records() == []
    works(project)


def test_the_disk_is_full_while_packages_are_unpacked(project: Program) -> None:
    with small_disk(project.home / "cache" / "conda", size="48m"):
        said = project("run", ".")
        assert said.code == 125, said
        assert "the disk is full\nhint: free some space" in said.err, said.err
        assert half_made(project) == []
    works(project)


def test_the_disk_is_full_while_packages_are_linked(project: Program) -> None:
    # Another file system: what can't be linked is copied, and does not fit.
    with small_disk(project.home / "cache" / "envs", size="8m"):
        said = project("run", ".")
        assert said.code == 125, said
        assert "the disk is full\nhint: free some space" in said.err, said.err
        assert half_made(project) == []
    works(project)


def test_the_disk_is_full_while_an_index_is_kept(project: Program) -> None:
    with small_disk(project.home / "cache" / "conda", size="4k"):
        failed(project, "the disk is full\nhint: free some space")
    works(project)


def test_a_cache_that_can_not_be_written(project: Program) -> None:
    (project.home / "cache" / "conda").mkdir(parents=True)
    with read_only(project.home / "cache" / "conda"):
        failed(project, f"below {project.home}/cache: the file system is read-only")
    works(project)


def test_packages_on_another_file_system_are_copied(project: Program) -> None:
    with small_disk(project.home / "cache" / "conda", size="300m"):
        works(project)
        (module,) = project.home.glob("cache/envs/conda/*/lib/python*/site-packages/alpha.py")
        (cached,) = project.home.glob("cache/conda/packages/*/*/site-packages/alpha.py")
        assert module.stat().st_dev != cached.stat().st_dev
        module.write_text("__version__ = 'forged'\n")
        assert "forged" not in cached.read_text()


def test_packages_on_the_same_file_system_are_linked(project: Program) -> None:
    works(project)
    (module,) = project.home.glob("cache/envs/conda/*/lib/python*/site-packages/alpha.py")
    (cached,) = project.home.glob("cache/conda/packages/*/*/site-packages/alpha.py")
    assert module.samefile(cached)


def _fetching(cache: Path) -> bool:
    return any(cache.glob("conda/partial/*/*.conda"))


def _unpacking(cache: Path) -> bool:
    return any(cache.glob("conda/partial/*/*/python-*/lib"))


def _linking(cache: Path) -> bool:
    return any(cache.glob("envs/conda/*/lib"))


def _linked(cache: Path) -> bool:
    return any(cache.glob("envs/conda/*/conda-meta/python-*.json"))


@pytest.mark.parametrize("moment", [_fetching, _unpacking, _linking, _linked])
def test_kill_9_leaves_nothing_that_would_be_used(
    project: Program, moment: Callable[[Path], bool]
) -> None:
    process = project.start("run", ".")
    limit = time.monotonic() + 60
    while not moment(project.home / "cache"):
        assert process.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < limit
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    nothing_left(project)
    works(project)
    assert half_made(project)[1:] == []
    (record,) = project.records()
    assert record["status"] == "finished"
    packages = sorted(project.home.glob("cache/conda/packages/*/*/info/index.json"))
    assert len(packages) == 3


def test_ctrl_c_while_a_package_is_fetched(project: Program, channel: Channel) -> None:
    channel.server.fail(f"*/{ALPHA}.conda", "stalled")
    process = project.start("run", ".")
    wait_until(lambda: channel.server.paths(f"*/{ALPHA}.conda"))
    said = end(process)
    assert said.code == 130, said
    assert "Traceback" not in said.err
    assert half_made(project) == []
    nothing_left(project)
    channel.server.mend()
    works(project)


def test_two_first_runs_at_once_build_one_environment_once(
    project: Program, channel: Channel
) -> None:
    both = [project.start("run", ".") for _ in range(2)]
    ends = [(process, process.communicate(timeout=90)) for process in both]
    assert [process.returncode for process, _ in ends] == [0, 0], ends
    one, two = project.records()
    assert one["environment"]["fingerprint"] == two["environment"]["fingerprint"]
    assert len(list(project.home.glob("cache/envs/conda/*/"))) == 1
    assert len(channel.server.paths("*/python-*.conda")) == 1


def test_two_environments_at_once_share_their_packages(reprun: Program, channel: Channel) -> None:
    for name in ("alpha", "tool"):
        lay(reprun.directory / name, channel, "python", name)
    both = [reprun.start("run", name) for name in ("alpha", "tool")]
    ends = [(process, process.communicate(timeout=90)) for process in both]
    assert [process.returncode for process, _ in ends] == [0, 0], ends
    assert len(list(reprun.home.glob("cache/envs/conda/*/"))) == 2
    assert len(list(reprun.home.glob("cache/conda/packages/*/python-*/"))) == 1
    nothing_left(reprun)
