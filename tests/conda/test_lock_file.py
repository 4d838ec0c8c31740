"""The lock's text: conda-lock's own parser and py-rattler read what we write, and we theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from runner.conda import lock_file
from runner.conda.model import LockedPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pytest

JSON = Any  # conda-lock's models come without types
PLATFORM = "linux-64"
SHA256, MD5, COMMIT = "a1" * 32, "b2" * 16, "c3" * 20
HOST = "https://conda.example.org/forge"
PYTHON = LockedPackage(
    name="python",
    version="3.10",
    build="h1_0_cpython",
    url=f"{HOST}/linux-64/python-3.10-h1_0_cpython.conda",
    sha256=SHA256,
    md5=MD5,
    depends={"openssl": ">=3,<4", "__glibc": "", "bzip2": ">=1.0.8,<2.0a0"},
)
NUMPY = LockedPackage(
    name="numpy-base",
    version="1!1.10",
    build="py310_0",
    url=f"{HOST}/linux-64/numpy-base-1!1.10-py310_0.tar.bz2",
    sha256=SHA256,
    md5=MD5,
    depends={"python": "3.10.*"},
)
TZDATA = LockedPackage(
    name="tzdata",
    version="2024a",
    build="h0c530f3_0",
    url=f"{HOST}/noarch/tzdata-2024a-h0c530f3_0.conda",
    sha256=SHA256,
    md5=MD5,
)
WHEEL = LockedPackage(
    name="six",
    version="1.16.0",
    url="https://files.example.org/packages/source/t/six-1.16.0-py2.py3-none-any.whl",
    manager="pip",
    sha256=SHA256,
    depends={"python": ">=2.7"},
)
GIT = LockedPackage(
    name="mine",
    version="0.1",
    url=f"git+https://git.example.org/mine.git@{COMMIT}#subdirectory=package",
    manager="pip",
    sha256=SHA256,
)
ALL = (NUMPY, PYTHON, TZDATA, GIT, WHEEL)


def written(packages: Sequence[LockedPackage] = ALL, **changes: JSON) -> str:
    given_: dict[str, Any] = {
        "channels": ("forge", "https://conda.example.org/other"),
        "platform": PLATFORM,
        "origin": "conda.yaml",
        "specification": "5" * 64,
        "custom": {"as-of": "2024-01-01", "a": "no"},
        **changes,
    }
    return lock_file.write(packages, **given_)


def condalocks(text: str, folder: Path) -> JSON:
    """What conda-lock's own parser makes of it."""
    from conda_lock.lockfile import parse_conda_lock_file

    path = folder / "conda-lock.yml"
    path.write_text(text)
    return parse_conda_lock_file(path)


def facts(package: JSON) -> LockedPackage:
    """A package of conda-lock's as one of ours."""
    return LockedPackage(
        name=package.name,
        version=package.version,
        url=package.url,
        manager=package.manager,
        build=package.build,
        sha256=package.hash.sha256,
        md5=package.hash.md5,
        depends=package.dependencies,
    )


def by_name(packages: Iterable[LockedPackage]) -> list[LockedPackage]:
    return sorted(packages, key=lambda one: (one.manager, one.name))


def test_conda_lock_reads_what_we_write_package_by_package(tmp_path: Path) -> None:
    found = condalocks(written(), tmp_path)
    by_key = {(one.manager, one.name): facts(one) for one in found.package}
    assert by_key == {(one.manager, one.name): one for one in ALL}
    assert {one.platform for one in found.package} == {PLATFORM}
    assert {category for one in found.package for category in one.categories} == {"main"}
    metadata = found.metadata
    assert metadata.content_hash == {PLATFORM: "5" * 64}
    assert [one.url for one in metadata.channels] == ["forge", "https://conda.example.org/other"]
    assert metadata.platforms == [PLATFORM]
    assert metadata.sources == ["conda.yaml"]
    assert metadata.custom_metadata == {"as-of": "2024-01-01", "a": "no"}
    assert metadata.time_metadata is None


def test_conda_lock_would_install_what_we_write(tmp_path: Path) -> None:
    from conda_lock.conda_lock import render_lockfile_for_platform

    lines = render_lockfile_for_platform(
        lockfile=condalocks(written(), tmp_path),
        include_dev_dependencies=True,
        extras=None,
        kind="explicit",
        platform=PLATFORM,
        suppress_warning_for_pip_and_explicit=True,
    )
    assert f"{PYTHON.url}#{MD5}" in lines
    assert f"# pip six @ {WHEEL.url}#sha256={SHA256}" in lines
    assert f"# pip mine @ {GIT.url}" in lines


def test_our_text_is_what_conda_locks_own_writer_writes(tmp_path: Path) -> None:
    from conda_lock.lockfile import write_conda_lock_file

    text = written()
    theirs = tmp_path / "theirs.yml"
    write_conda_lock_file(
        condalocks(text, tmp_path), theirs, metadata_choices=None, include_help_text=False
    )
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    assert theirs.read_text() == body


def test_py_rattler_reads_what_we_write(tmp_path: Path) -> None:
    from rattler import LockFile

    path = tmp_path / "conda-lock.yml"
    path.write_text(written())
    (environment,) = (one for _, one in LockFile.from_path(path).environments())
    (packages,) = environment.packages_by_platform().values()
    found = {one.name: one.location for one in packages}
    assert found["python"] == PYTHON.url
    assert set(found) == {one.name for one in ALL}


def test_the_same_packages_give_the_same_text_whatever_their_order() -> None:
    changed = written(tuple(reversed(ALL)), custom={"a": "no", "as-of": "2024-01-01"})
    assert changed == written()


def test_we_read_back_what_we_wrote() -> None:
    found = lock_file.read(written(), platform=PLATFORM, origin="conda-lock.yml")
    assert by_name(found.packages) == by_name(ALL)
    assert found.custom == {"a": "no", "as-of": "2024-01-01"}


def test_a_lock_of_nothing_is_one() -> None:
    text = written((), origin=None, custom={})
    assert lock_file.read(text, platform=PLATFORM, origin=None) == lock_file.Contents(())


def test_a_channel_without_md5_is_written_and_read_all_the_same() -> None:
    package = LockedPackage(
        name="tzdata", version="2024a", build="h0_0", sha256=SHA256,
        url=f"{HOST}/noarch/tzdata-2024a-h0_0.conda",
    )  # fmt: skip
    found = lock_file.read(written((package,)), platform=PLATFORM, origin=None)
    assert found.packages == (package,)


def test_virtual_packages_are_the_machines_not_the_locks() -> None:
    virtual = LockedPackage("__glibc", "2.36", f"{HOST}/noarch/__glibc-2.36-0.conda", md5=MD5)
    assert "- name: __glibc" not in written((PYTHON, virtual))
    text = written().replace("- name: tzdata", "- name: __tzdata")
    found = lock_file.read(text, platform=PLATFORM, origin=None)
    assert "__tzdata" not in {one.name for one in found.packages}


def theirs(*entries: dict[str, Any], **metadata: JSON) -> str:
    """A lock by conda-lock's models and YAML, several platforms and categories."""
    from conda_lock.lockfile.v1.models import LockedDependency, Lockfile, LockMeta

    content = Lockfile(
        package=[LockedDependency(**one) for one in entries],
        metadata=LockMeta(
            **{
                "content_hash": {PLATFORM: "1", "osx-64": "2"},
                "channels": ["conda-forge"],
                "platforms": [PLATFORM, "osx-64"],
                "sources": ["environment.yml"],
                **metadata,
            }
        ),
    )
    text: str = yaml.dump(content.dict_for_output(), sort_keys=False)
    return text


def entry(name: str, category: str = "main", platform: str = PLATFORM, **more: JSON) -> JSON:
    return {
        "name": name,
        "version": "1.0",
        "manager": "conda",
        "platform": platform,
        "dependencies": {"python": ">=3.8"},
        "url": f"{HOST}/{platform}/{name}-1.0-h1_0.conda",
        "hash": {"md5": MD5, "sha256": SHA256},
        "category": category,
        "optional": category != "main",
        **more,
    }


def test_categories_and_platforms_are_taken_as_conda_lock_installs_them(tmp_path: Path) -> None:
    from conda_lock.conda_lock import render_lockfile_for_platform

    text = theirs(
        entry("a"),
        entry("a", platform="osx-64"),
        entry("b", "dev"),
        entry("c", "docs"),
        entry("d", "dev"),
        entry("d", "docs"),
        entry("__e"),
        entry("f", hash={"md5": MD5}),
    )
    found = lock_file.read(text, platform=PLATFORM, origin="conda-lock.yml")
    lines = render_lockfile_for_platform(
        lockfile=condalocks(text, tmp_path),
        include_dev_dependencies=True,
        extras=None,
        kind="explicit",
        platform=PLATFORM,
    )
    assert {f"{one.url}#{one.md5}" for one in found.packages} == {
        line for line in lines if line.startswith("http")
    }
    assert [one.name for one in found.packages] == ["a", "b", "d", "f"]
    assert [one.build for one in found.packages] == ["h1_0"] * 4
    assert found.packages[-1].sha256 is None


_NAMES = some.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True)
_VERSIONS = some.from_regex(r"[0-9]{1,2}(\.[0-9a-z]{1,3}){0,2}", fullmatch=True)


@given(
    some.lists(
        some.tuples(_NAMES, _VERSIONS, some.dictionaries(_NAMES, some.text("<>=!,.*| 0123456789"))),
        unique_by=lambda one: one[0],
        max_size=5,
    )
)
@settings(max_examples=60, deadline=None)
def test_both_readers_see_the_same(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str, dict[str, str]]]
) -> None:
    packages = [
        LockedPackage(
            name, version, f"{HOST}/noarch/{name}-{version}-0.conda",
            build="0", md5=MD5, depends=depends,
        )
        for name, version, depends in found
    ]  # fmt: skip
    text = written(packages)
    ours = lock_file.read(text, platform=PLATFORM, origin=None).packages
    by_theirs = condalocks(text, tmp_path_factory.mktemp("lock")).package
    assert by_name(ours) == by_name(map(facts, by_theirs)) == by_name(packages)


def test_a_commit_in_place_of_a_hash_is_the_commits_business() -> None:
    url = f"git+https://git.example.org/mine.git@{COMMIT}"
    one = entry("mine", manager="pip", url=url, hash={"sha256": COMMIT})
    found = lock_file.read(theirs(one), platform=PLATFORM, origin=None)
    assert (found.packages[0].url, found.packages[0].sha256) == (url, None)


PLAIN = f"""\
# The exact packages of a conda environment, by reprun; conda-lock, mamba, micromamba and pixi
# install them from this file as well.
version: 1
metadata:
  content_hash:
    linux-64: '{"5" * 64}'
  channels:
  - url: forge
    used_env_vars: []
  - url: https://conda.example.org/other
    used_env_vars: []
  platforms:
  - linux-64
  sources:
  - conda.yaml
  custom_metadata:
    a: 'no'
    as-of: '2024-01-01'
package:
- name: tzdata
  version: 2024a
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: {HOST}/noarch/tzdata-2024a-h0c530f3_0.conda
  hash:
    md5: {MD5}
    sha256: {SHA256}
  build: h0c530f3_0
  category: main
  optional: false
"""


def test_what_a_lock_looks_like() -> None:
    assert written((TZDATA,)) == PLAIN


def test_a_lock_is_read_without_conda_lock(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "conda-lock.yml"
    path.write_text(written())
    program = (
        "import sys; from pathlib import Path; from runner.conda import lock_file;"
        f"lock_file.read(Path({str(path)!r}).read_text(), platform='linux-64', origin=None);"
        "sys.exit('conda_lock' in sys.modules or 'pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
