"""Packages of the cache, linked into a prefix: scripts, prefixes in texts, what goes wrong."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.conda import packages, prefix
from runner.errors import BuildFailure, EnvironmentFailure, HashMismatch
from tests.support.conda_channel import PLACEHOLDER, Package, module

if TYPE_CHECKING:
    from tests.conda.conftest import Linker

PLAIN = Package("plain", "1.0", files={"share/plain": b"plain\n"})
SCRIPT = b'#!/bin/sh\necho "$PKG_NAME" >"$PREFIX/ran"\n'
SCRIPTED = Package("scripted", "1.0", files={"bin/.scripted-post-link.sh": SCRIPT})
FAILING = Package("failing", "1.0", files={"bin/.failing-post-link.sh": b"#!/bin/sh\nexit 1\n"})


def test_scripts_are_run_only_when_that_is_asked_for(linker: Linker) -> None:
    found = linker.fetch(PLAIN, SCRIPTED)
    assert prefix.scripts_not_run(found) == ("scripted",)
    loud = [
        one._replace(package=replace(one.package, name=one.package.name.upper())) for one in found
    ]
    assert prefix.scripts_not_run(loud) == ("SCRIPTED",)
    at = linker.install(found)
    assert not (at / "ran").exists()
    assert linker.heard.lines == []
    at = linker.install(found, run_scripts=True)
    assert (at / "ran").read_text() == "scripted\n"
    assert len(linker.heard.lines) == 1
    assert linker.heard.lines[0].startswith("running ")
    assert linker.heard.lines[0].endswith("post-link.sh of scripted")
    assert linker.heard.warnings == []


def test_a_script_that_fails_is_told(linker: Linker) -> None:
    with pytest.raises(BuildFailure, match="the post-link script of failing failed"):
        linker.link(PLAIN, FAILING, run_scripts=True)


def test_a_script_writes_into_no_file_of_the_cache(linker: Linker) -> None:
    at = linker.link(PLAIN, run_scripts=True)
    assert (at / "share" / "plain").stat().st_nlink == 1
    assert not (at / "share" / "plain").is_symlink()


def test_what_is_linked_is_counted(linker: Linker) -> None:
    linker.link(PLAIN, SCRIPTED)
    said = [one for one in linker.heard.updates if one.startswith("linking")]
    assert said == ["linking packages: 1 of 2", "linking packages: 2 of 2"]


def test_the_prefix_is_written_into_texts_of_each(linker: Linker) -> None:
    text = f"at {PLACEHOLDER}/share\n".encode()
    found = linker.fetch(
        replace(PLAIN, files={"share/where": text}, replaced={"share/where": "text"})
    )
    for at in (linker.install(found), linker.install(found)):
        assert (at / "share" / "where").read_text() == f"at {at}/share\n"


def test_a_module_without_a_python_can_not_be_linked(linker: Linker) -> None:
    with pytest.raises(BuildFailure, match="the packages can't be linked: ") as caught:
        linker.link(module("alone", "1.0", depends=()))
    assert "\n" not in caught.value.message
    assert all(line == line.strip() and line for line in caught.value.details)
    assert "python" in "\n".join((caught.value.message, *caught.value.details)).lower()


def test_two_builds_of_one_name_lie_in_folders_of_their_own(linker: Linker) -> None:
    other = replace(PLAIN, files={"share/plain": b"other\n"})
    (first,) = linker.fetch(PLAIN)
    (second,) = linker.fetch(other)
    assert first.folder.parent == second.folder.parent
    assert first.folder.name == first.package.sha256
    for one, content in ((first, "plain\n"), (second, "other\n")):
        assert (linker.install([one]) / "share" / "plain").read_text() == content


def test_an_md5_is_enough_for_an_old_lock_and_nothing_is_not(linker: Linker) -> None:
    (one,) = linker.fetch(PLAIN)
    fetcher = packages.Fetcher(lambda: pytest.fail("a client was wanted"), 1)
    archive = (linker.root / "channel" / "noarch" / "plain-1.0-0.conda").read_bytes()
    md5 = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    old = replace(one.package, sha256=None, md5=md5)
    (kept,) = packages.fetch([old], fetcher, settings=linker.settings, progress=linker.heard)
    assert kept.folder.name == f"md5-{md5}"
    wrong = replace(old, md5="0" * 32)
    with pytest.raises(HashMismatch, match=f"its hash is {md5}, not 0000"):
        packages.fetch([wrong], fetcher, settings=linker.settings, progress=linker.heard)
    packages.forget(kept.unpacked)
    assert not kept.folder.exists()
    bare = replace(one.package, sha256=None)
    with pytest.raises(EnvironmentFailure, match=r"no hash of `plain` 1\.0"):
        packages.fetch([bare], fetcher, settings=linker.settings, progress=linker.heard)
