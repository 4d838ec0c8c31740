"""What a hostile package or lock may not do to a prefix, the cache, or the process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runner.conda import meta, packages, unpacked
from runner.errors import BuildFailure, EnvironmentFailure
from tests.support.conda_channel import Package

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conda.conftest import Linker

PLAIN = Package("plain", "1.0", files={"share/plain": b"plain\n"})


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/tmp/elsewhere", "lies outside of a prefix"),  # noqa: S108  never written
        ("../elsewhere", "lies outside of a prefix"),
        ("share/../../elsewhere", "lies outside of a prefix"),
        ("conda-meta/other.json", "is the prefix's own"),
        ("reprun.json", "is the prefix's own"),
        ("reprun-activation.json", "is the prefix's own"),
        ("reprun-origins.json", "is the prefix's own"),
    ],
)
def test_a_package_may_only_have_files_of_its_own(linker: Linker, path: str, why: str) -> None:
    hostile = replace(PLAIN, name="hostile", files={path: b"x"})
    with pytest.raises(BuildFailure) as caught:
        linker.link(hostile)
    assert caught.value.message == f"the package hostile-1.0-0 has the file `{path}`, which {why}"
    assert not list((linker.settings.conda / "packages").glob("*")), "it is in no cache"


def test_names_that_only_look_like_that_are_let_through(linker: Linker) -> None:
    files = {"share/conda-meta/a..b": b"1", "share/reprun.json": b"2", "conda-meta.txt": b"3"}
    at = linker.link(replace(PLAIN, files=files))
    assert {path: (at / path).read_bytes() for path in files} == files


def test_a_list_of_files_from_before_2017_is_looked_at_too(tmp_path: Path) -> None:
    info = tmp_path / "old-1.0-0" / "info"
    info.mkdir(parents=True)
    (info / "files").write_text("share/a\nshare/b\n")
    unpacked.check(info.parent)
    (info / "files").write_text("share/a\n../b\n")
    with pytest.raises(BuildFailure, match=r"has the file `\.\./b`"):
        unpacked.check(info.parent)
    (info / "files").unlink()
    with pytest.raises(BuildFailure, match="no list of files that can be read"):
        unpacked.check(info.parent)
    (info / "paths.json").write_text("[")
    with pytest.raises(BuildFailure, match="no list of files that can be read"):
        unpacked.check(info.parent)
    (info / "paths.json").write_text(json.dumps({"paths": [{"_path": "a\0b"}]}))
    with pytest.raises(BuildFailure, match="lies outside of a prefix"):
        unpacked.check(info.parent)
    with pytest.raises(BuildFailure, match="doesn't say what it is"):
        unpacked.name_of(info.parent)


def test_another_package_than_the_lock_names(linker: Linker) -> None:
    (one,) = linker.fetch(PLAIN)
    for name in ("other", "thr ee[", "*"):
        wrong = one._replace(package=replace(one.package, name=name))
        with pytest.raises(BuildFailure, match=r"is the package `plain`, and the lock calls it"):
            linker.install([wrong])
    at = linker.install([one._replace(package=replace(one.package, name="Plain"))])
    assert (at / "share" / "plain").is_file(), "case makes no other package"
    (loud,) = linker.fetch(replace(PLAIN, name="Loud"))
    with pytest.raises(BuildFailure, match=r"is the package `Loud`, and the lock calls it `loud`"):
        linker.install([loud])


@pytest.mark.parametrize(
    "name", ["a%2F..%2F..%2Fplain-1.0-0.conda", "a%00-1.0-0.conda", "..conda", "a.zip", ".conda"]
)
def test_an_address_that_names_no_file(linker: Linker, name: str) -> None:
    (one,) = linker.fetch(PLAIN)
    wrong = replace(one.package, url=f"{one.package.url.rpartition('/')[0]}/{name}")
    with pytest.raises(EnvironmentFailure, match="is no conda package"):
        packages.archive_name(wrong)


def test_what_a_prefix_says_of_its_packages_removes_nothing_but_packages(linker: Linker) -> None:
    (one,) = linker.fetch(PLAIN)
    at = linker.install([one])
    (mine,) = meta.installed(at)
    assert mine.cached == one.unpacked
    precious = linker.root / "conda" / "packages" / "precious"
    (precious / "work").mkdir(parents=True)
    for folder in (precious / "work", precious / ".." / "work", one.folder):
        packages.forget(folder)
    assert (precious / "work").is_dir()
    assert one.unpacked.is_dir()
    packages.forget(mine.cached)
    assert not one.folder.exists()


def test_of_two_packages_with_one_file_none_is_taken_for_changed(linker: Linker) -> None:
    same = {"share/same": b"of plain\n"}
    other = replace(PLAIN, name="other", files={"share/same": b"of the other one\n"})
    at = linker.link(replace(PLAIN, files=same), other)
    assert list(meta.changed(at, meta.installed(at), None)) == []
    assert (at / "share" / "same").read_bytes() == b"of the other one\n"
    clobbered = json.loads((at / "conda-meta" / "plain-1.0-0.json").read_text())["files"]
    assert clobbered == ["__clobbers__/plain/share/same"]
