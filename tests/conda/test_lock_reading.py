"""What is read of locks: explicit files, the Python; and what is refused, with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from runner.conda import lock_file
from runner.errors import EnvironmentFailure, HashMismatch
from tests.conda.test_lock_file import (
    ALL,
    COMMIT,
    HOST,
    MD5,
    PLAIN,
    PLATFORM,
    SHA256,
    condalocks,
    entry,
    theirs,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

EXPLICIT = f"""\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
 @EXPLICIT

{HOST}/linux-64/python-3.10-h1_0_cpython.conda#{MD5}
{HOST}/noarch/tzdata-2024a-h0_0.tar.bz2#sha256:{SHA256}
{HOST}/noarch/a-b-1-0.conda#{SHA256.upper()}
{HOST}/noarch/c-1-0.conda#md5={MD5}
# pip six @ https://files.example.org/six-1.16.0-py2.py3-none-any.whl#sha256={SHA256}
# pip old @ https://files.example.org/old-name-0.9.tar.gz#sha256={SHA256}
# pip mine @ git+https://git.example.org/mine.git@{COMMIT}
"""


def test_an_explicit_file_is_read() -> None:
    found = lock_file.read(EXPLICIT, platform=PLATFORM, origin="conda-linux-64.lock").packages
    assert [(one.manager, one.name, one.version, one.build) for one in found] == [
        ("conda", "python", "3.10", "h1_0_cpython"),
        ("conda", "tzdata", "2024a", "h0_0"),
        ("conda", "a-b", "1", "0"),
        ("conda", "c", "1", "0"),
        ("pip", "six", "1.16.0", None),
        ("pip", "old", "0.9", None),
        ("pip", "mine", "", None),
    ]
    assert [(one.sha256, one.md5) for one in found[:4]] == [
        (None, MD5),
        (SHA256, None),
        (SHA256, None),
        (None, MD5),
    ]
    assert found[0].url == f"{HOST}/linux-64/python-3.10-h1_0_cpython.conda"
    assert found[4].sha256 == SHA256


def test_what_conda_lock_renders_explicitly_is_read(tmp_path: Path) -> None:
    from conda_lock.conda_lock import render_lockfile_for_platform

    lines = render_lockfile_for_platform(
        lockfile=condalocks(written(), tmp_path),
        include_dev_dependencies=True,
        extras=None,
        kind="explicit",
        platform=PLATFORM,
        suppress_warning_for_pip_and_explicit=True,
    )
    found = lock_file.read("\n".join(lines), platform=PLATFORM, origin=None).packages
    assert {(one.name, one.url) for one in found} == {(one.name, one.url) for one in ALL}


@pytest.mark.parametrize("kind", ["written", "explicit"])
def test_the_python_is_found_without_reading_it_all(kind: str) -> None:
    text = EXPLICIT if kind == "explicit" else written()
    assert lock_file.python_of(text, platform=PLATFORM) == "3.10"
    assert lock_file.python_of(text.replace("/python-", "/cpython-").replace(
        "name: python", "name: cpython"), platform=PLATFORM) is None  # fmt: skip


def test_the_python_of_a_lock_by_an_old_conda_lock_is_found() -> None:
    content = yaml.safe_load(theirs(entry("python", version="3.10"), entry("numpy")))
    text = yaml.dump(content)  # its keys in the order of the alphabet
    assert text.index("package:") < text.index("version: 1\n")
    assert lock_file.python_of(text, platform=PLATFORM) == "3.10"
    found = lock_file.read(text, platform=PLATFORM, origin=None).packages
    assert [(one.name, one.version) for one in found] == [("python", "3.10"), ("numpy", "1.0")]


def test_the_python_of_another_platform_is_not_ours() -> None:
    text = theirs(entry("python", platform="osx-64", version="3.8"), entry("python", version="3.9"))
    assert lock_file.python_of(text, platform=PLATFORM) == "3.9"
    assert lock_file.python_of(text, platform="win-64") is None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("version: [1\n", "conda-lock.yml:2:1: not YAML: ", None),
        ("just words\n", "conda-lock.yml:1: the lock must be a mapping", "write the lock anew"),
        ("", "conda-lock.yml: the lock must be a mapping", "write the lock anew"),
        ("a: 1\n", "is no conda-lock.yml: it has no `version`", "`conda-lock lock`"),
        ("version: 1\n", "is no conda-lock.yml: it has no `package`", "`conda-lock lock`"),
        (
            PLAIN.replace("version: 1\n", "version: 6\n"),
            "conda-lock.yml:3: is a lock of version 6, which is unknown",
            "`conda-lock lock`, whose format has the version 1",
        ),
        (
            PLAIN.replace(PLATFORM, "osx-arm64"),
            "conda-lock.yml: is a lock for osx-arm64, and this machine is linux-64",
            "`conda-lock lock --platform linux-64`",
        ),
        (
            PLAIN.replace("/noarch/", "/win-64/"),
            "conda-lock.yml:20: tzdata is for win-64, and this machine is linux-64",
            "`conda-lock lock --platform linux-64`",
        ),
        (
            PLAIN.replace("_0.conda", "_0.zip"),
            f"conda-lock.yml:20: `{HOST}/noarch/tzdata-2024a-h0c530f3_0.zip` is not the address of",
            "NAME-VERSION-BUILD.conda",
        ),
        (
            PLAIN.replace("  manager: conda", "  manager: brew"),
            "conda-lock.yml:20: tzdata is of `brew`",
            "of `conda` or `pip`",
        ),
        (
            PLAIN.replace("  manager: conda\n", ""),
            "conda-lock.yml:20: tzdata has no `manager`",
            "write the lock anew",
        ),
        (
            PLAIN.partition("package:")[0] + "package: 3\n",
            "conda-lock.yml:19: `package` must be a list",
            "write the lock anew",
        ),
        ("@EXPLICIT\nnumpy=1.16\n", "conda-lock.yml:2: `numpy=1.16` is not the address", "NAME-"),
        (
            f"@EXPLICIT\n{HOST}/osx-64/a-1-0.conda#{MD5}\n",
            "conda-lock.yml:2: a is for osx-64, and this machine is linux-64",
            "make a lock for linux-64",
        ),
        (
            "# pip six @ file:///home/six\n@EXPLICIT\n",
            "conda-lock.yml:1: `file:///home/six` is not the address of a wheel or an sdist",
            "`pip:` section of the yaml",
        ),
        (
            f"@EXPLICIT\n{HOST}/noarch/a-1-0.conda#!\n",
            "conda-lock.yml:2: `#!` is no hash",
            "write `#sha256:…`",
        ),
    ],
)  # fmt: skip
def test_what_is_no_lock_is_refused_with_its_place(
    text: str, message: str, hint: str | None
) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        lock_file.read(text, platform=PLATFORM, origin="conda-lock.yml")
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PLAIN.replace(f"    md5: {MD5}\n    sha256: {SHA256}\n", "    md5: null\n"),
            "conda-lock.yml:20: tzdata: has no hash, so what is installed can't be checked",
        ),
        (PLAIN.replace(SHA256, "abc"), "conda-lock.yml:20: tzdata: `abc` is no sha256"),
        (PLAIN.replace(MD5, "xyz"), "conda-lock.yml:20: tzdata: `xyz` is no md5"),
        (f"@EXPLICIT\n{HOST}/noarch/a-1-0.conda\n", "conda-lock.yml:2: a: has no hash"),
        (f"@EXPLICIT\n{HOST}/noarch/a-1-0.conda#md5:\n", "conda-lock.yml:2: `#md5:` is no hash"),
        (f"@EXPLICIT\n{HOST}/noarch/a-1-0.conda#abcdef\n", "`abcdef` is no sha256"),
        (
            f"@EXPLICIT\n# pip six @ https://x.org/six-1-py3-none-any.whl#md5={MD5}\n",
            "conda-lock.yml:2: six: has no hash",
        ),
        (
            "@EXPLICIT\n# pip mine @ git+https://git.example.org/mine.git@main\n",
            "conda-lock.yml:2: `git+https://git.example.org/mine.git@main` is pinned to no commit",
        ),
    ],
)
def test_a_package_that_can_not_be_checked_is_refused(text: str, message: str) -> None:
    with pytest.raises(HashMismatch) as caught:
        lock_file.read(text, platform=PLATFORM, origin="conda-lock.yml")
    assert message in caught.value.message
    assert caught.value.hint


def test_a_package_with_two_addresses_is_refused() -> None:
    text = theirs(entry("a"), entry("a", "dev", url=f"{HOST}/noarch/a-2-0.conda"))
    with pytest.raises(EnvironmentFailure) as caught:
        lock_file.read(text, platform=PLATFORM, origin=None)
    assert "a is there twice, with two addresses" in caught.value.message


def test_a_line_that_an_explicit_file_has_twice_is_one_package() -> None:
    line = f"{HOST}/linux-64/a-1-0.conda#sha256:{SHA256}\n"
    found = lock_file.read(f"@EXPLICIT\n{line}{line}", platform=PLATFORM, origin=None).packages
    assert [one.name for one in found] == ["a"]
    other = line.replace("a-1-0", "a-2-0")
    with pytest.raises(EnvironmentFailure, match="the lock:3: a is there twice"):
        lock_file.read(f"@EXPLICIT\n{line}{other}", platform=PLATFORM, origin=None)


def test_a_package_of_pips_needs_a_hash_too() -> None:
    url = "https://x.org/six-1-py3-none-any.whl"
    one = entry("six", manager="pip", hash={"md5": MD5}, url=url)  # uv would not check it
    with pytest.raises(HashMismatch) as caught:
        lock_file.read(theirs(one), platform=PLATFORM, origin=None)
    assert "six: has no hash" in caught.value.message
