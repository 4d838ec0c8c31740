"""What a prefix says of itself: its packages, a fingerprint that travels, what was changed."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from runner.conda import meta, observation
from runner.environments import contents
from runner.errors import EnvironmentFailure
from tests.support.conda_channel import PLACEHOLDER, Package, module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conda.conftest import Linker

SHORT = f"{sys.version_info[0]}.{sys.version_info[1]}"
# A script in Python's place is enough where only its name counts.
PYTHON = Package(
    "python",
    f"{SHORT}.0",
    files={
        f"bin/python{SHORT}": f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode(),
        f"lib/python{SHORT}/os.py": b"",
    },
    links={"bin/python": f"python{SHORT}"},
    subdir="linux-64",
)
TOOL = module("tool", "1.0", entry_points=("tool = tool:main",))
WHERE = Package(
    "where",
    "1.0",
    files={
        "share/where": f"{PLACEHOLDER}/share\n".encode(),
        "share/whole": b"whole\n",
        "share/a/bytecode/b.txt": b"folder\n",
        "share/empty": b"",
    },
    replaced={"share/where": "text"},
    links={"share/link": "whole"},
)
SITE = f"lib/python{SHORT}/site-packages"


@pytest.fixture
def at(linker: Linker) -> Path:
    """A prefix with a Python, a tool, and files of every kind."""
    return linker.link(PYTHON, TOOL, WHERE)


def changed(at: Path, *, hashed: bool = False) -> list[str]:
    sizes = None if hashed else contents.scan(at).sizes
    return list(meta.changed(at, meta.installed(at), sizes))


def test_the_packages_as_environments_name_them(at: Path, linker: Linker) -> None:
    found = meta.installed(at)
    assert [one.name for one in found] == ["python", "tool", "where"]
    tool = found[1].package
    assert (tool.name, tool.version, tool.type) == ("tool", "1.0", "conda")
    assert tool.source == "channel::tool=1.0=py_0"
    assert tool.sha256 == linker.fetch(TOOL)[0].package.sha256
    kinds = {file.path: file.kind for one in found for file in one.files}
    assert kinds["bin/tool"] == "unix_python_entry_point"
    assert kinds["share/link"] == "softlink"


@pytest.mark.parametrize(
    ("channel", "short"),
    [
        ("https://conda.anaconda.org/conda-forge/", "conda-forge"),
        ("https://host/pkgs/main", "pkgs/main"),
        ("https://host/conda-forge/label/dev", "conda-forge/label/dev"),
        ("file:///home/me/channel/", "channel"),
        ("https://host", "host"),
    ],
)
def test_a_channel_goes_by_its_name(channel: str, short: str) -> None:
    one = meta.Installed("a", "1", "0", channel, None, ())
    assert one.package.source == f"{short}::a=1=0"


def test_the_fingerprint_is_the_same_at_another_place_and_another_in_other_company(
    at: Path, linker: Linker
) -> None:
    first = observation.look(at)
    again = observation.look(linker.link(PYTHON, TOOL, WHERE))
    assert again.fingerprint == first.fingerprint
    assert again.packages == first.packages
    assert first.changed == again.changed == ()
    assert first.interpreter is not None
    assert first.interpreter.version.startswith(SHORT)
    assert first.stat != again.stat
    fewer = observation.look(linker.link(PYTHON, TOOL))
    assert fewer.fingerprint != first.fingerprint
    rebuilt = module("tool", "1.0", source="other = 1\n", entry_points=("tool = tool:main",))
    assert observation.look(linker.link(PYTHON, rebuilt, WHERE)).fingerprint != first.fingerprint


def test_bytecode_is_no_part_of_the_fingerprint() -> None:
    def of(kind: str, sha256: str | None) -> list[object]:
        files = (meta.File("a", sha256, None, 1, kind), meta.File("b", "2", None, 1, "hardlink"))
        return meta.described(meta.Installed("n", "1", "0", "c", "3", files))

    assert of("pyc_file", "1") == of("pyc_file", "5")
    assert of("hardlink", "1") != of("hardlink", "5")
    assert of("hardlink", "1") != of("pyc_file", "1")


def test_each_fact_of_a_package_is_in_the_fingerprint() -> None:
    one = meta.Installed("n", "1", "0", "c", "3", ())
    others = [
        meta.Installed("m", "1", "0", "c", "3", ()),
        meta.Installed("n", "2", "0", "c", "3", ()),
        meta.Installed("n", "1", "1", "c", "3", ()),
        meta.Installed("n", "1", "0", "c", "4", ()),
    ]
    assert meta.described(one) not in [meta.described(other) for other in others]
    elsewhere = meta.Installed("n", "1", "0", "a mirror of c", "3", ())
    assert meta.described(elsewhere) == meta.described(one)


def test_what_is_as_it_was_linked_is_not_changed(at: Path) -> None:
    assert changed(at) == []
    assert changed(at, hashed=True) == []


def test_another_size_is_seen_at_once(at: Path) -> None:
    rewrite(at / "share/whole", b"more than whole\n")
    assert changed(at) == ["where"]
    assert changed(at, hashed=True) == ["where"]


def test_other_content_of_one_size_takes_hashing(at: Path) -> None:
    rewrite(at / "share/whole", b"WHOLE\n")
    assert changed(at) == []
    assert changed(at, hashed=True) == ["where"]


def test_a_file_with_the_prefix_in_it_is_held_to_its_own_hash(at: Path) -> None:
    rewrite(at / "share/where", b"somewhere else\n")
    assert changed(at) == []
    assert changed(at, hashed=True) == ["where"]


@pytest.mark.parametrize(
    "path", ["share/whole", "share/link", "share/empty", "bin/tool", "share/a/bytecode/b.txt"]
)
def test_a_file_that_is_gone_is_missed(at: Path, path: str) -> None:
    (at / path).unlink()
    name = ["tool"] if path == "bin/tool" else ["where"]
    assert changed(at) == name
    assert changed(at, hashed=True) == name


def test_a_folder_or_a_link_has_no_size_that_could_change(at: Path) -> None:
    folder = meta.File("nowhere", None, None, None, "directory")
    # What a link weighs is the length of its name.
    link = meta.File("share/link", None, None, 100, "softlink")
    one = meta.Installed("n", "1", "0", "c", None, (folder, link))
    assert list(meta.changed(at, (one,), contents.scan(at).sizes)) == []


def test_records_of_other_tools_lack_some_of_it(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "history").write_text("not JSON")
    record = {"name": "n", "version": "1", "build": "0"}
    (tmp_path / "conda-meta" / "n-1-0.json").write_text(json.dumps(record))
    assert meta.installed(tmp_path) == (meta.Installed("n", "1", "0", "", None, ()),)
    (tmp_path / "conda-meta" / "n-1-0.json").write_text("{}")
    with pytest.raises(ValueError, match="name"):
        meta.installed(tmp_path)


def test_what_pip_put_beside_is_seen_and_told_apart(at: Path) -> None:
    before = observation.look(at)
    info = at / SITE / "six-1.0.dist-info"
    info.mkdir()
    (at / SITE / "six.py").write_text("six = 6\n")
    (info / "RECORD").write_text("six.py,sha256=abc,8\n")
    seen = observation.look(at)
    assert [(one.name, one.type) for one in seen.packages] == [
        ("python", "conda"), ("six", "pypi"), ("tool", "conda"), ("where", "conda"),
    ]  # fmt: skip
    assert seen.fingerprint != before.fingerprint
    assert seen.changed == ()
    (at / SITE / "six.py").write_text("six = 66\n")
    assert observation.look(at).changed == ("six",)
    (info / "RECORD").write_text("six.py,sha256=abd,9\n")
    other = observation.look(at).fingerprint
    assert other != seen.fingerprint
    (at / contents.ORIGINS).write_text('{"six": {"source": "git+https://host/six@1"}}')
    assert observation.look(at).fingerprint not in {other, seen.fingerprint}


def test_a_prefix_without_python_has_no_packages_of_pips(linker: Linker) -> None:
    seen = observation.look(linker.link(WHERE))
    assert [one.name for one in seen.packages] == ["where"]
    assert seen.interpreter is None


def test_the_cache_forgets_what_was_changed_and_nothing_else(at: Path, linker: Linker) -> None:
    tool, where = linker.fetch(TOOL, WHERE)
    observation.forget_changed(at, progress=linker.heard)
    assert tool.folder.is_dir()
    assert where.folder.is_dir()
    rewrite(at / "share/whole", b"WHOLE\n")
    observation.forget_changed(at, progress=linker.heard)
    assert tool.folder.is_dir()
    assert not where.folder.exists()
    rewrite(at / "conda-meta" / "tool-1.0-py_0.json", b"[")
    with pytest.raises(EnvironmentFailure, match="conda-meta holds what is no record"):
        observation.look(at)
    observation.forget_changed(at, progress=linker.heard)
    assert tool.folder.is_dir(), "what can't be read says nothing of the cache"


def rewrite(path: Path, content: bytes) -> None:
    """Write it anew; written into, it would change the cache as well."""
    os.unlink(path)  # noqa: PTH108
    path.write_bytes(content)
