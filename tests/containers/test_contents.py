"""What an image holds is read from its files: as its own tools say, and never by running it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.containers.inside import contents
from runner.environments.base import Package
from runner.environments.requirements import normalised
from tests.support.archives import Archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.containers.inside.contents import Contents

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
APK = """\
C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:musl
V:1.2.4-r2
A:x86_64
S:411227
I:634880
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Natanael Copa <ncopa@alpinelinux.org>
t:1696515556
c:e34c1ae4a1fb5f1f9b0f8a7a1d0b1d1a1c1f4f9b
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1h8pM4yUP7CfbVJUMMsu0Tc3iFzY=

C:Q1Ea5cMnBWnNSqUKMTLoOcGLmDbBo=
P:python3
V:3.11.6-r0
A:x86_64
D:so:libc.musl-x86_64.so.1
p:python3~3.11 cmd:python3.11=3.11.6-r0
F:usr/bin
R:python3.11
Z:Q1UxTHPVdrV6sLmM6UJvJ5u5dVXqo=

C:Q1lw1yJQn3nVKaCGYGTxS1rVd5rVo=
P:.build-dependencies
V:20260101.101010
A:noarch
D:gcc musl-dev
"""
DISTROLESS = (
    "Package: tzdata\nArchitecture: all\nVersion: 2024a-0+deb12u1\nDescription: zones\n x\n"
)
HELD = """\
Package: held
Status: hold ok installed
Version: 1:2.0-1

Package: gone
Status: deinstall ok config-files
Version: 1.0-1

Package: half
Status: install ok half-configured
Version: 3.0~rc1-1
Conffiles:
 /etc/half 0123
"""
SECRET = "s3cr3t"


def look(archive: Archive, path: Sequence[str] = PATH, **options: Any) -> Contents:  # noqa: ANN401
    return contents.read(archive.chunks(), path=path, **options)


def versions(found: Contents, sort: str) -> dict[str, str]:
    return {one.name: one.version for one in found.packages if one.type == sort}


def said_by(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine is no Debian")
def test_debian_packages_are_those_that_dpkg_lists() -> None:
    archive = Archive().folder(Path("/var/lib/dpkg/status"), "var/lib/dpkg/status")
    listed = said_by("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n")
    lines = [line.split(" ") for line in listed.splitlines()]
    expected = {
        Package(name, version, type="deb")
        for status, name, version in lines
        if status not in {"not-installed", "config-files"}
    }
    assert len(expected) > 50
    assert set(look(archive).packages) == expected


def test_what_dpkg_has_removed_is_not_there_and_what_it_has_begun_is() -> None:
    found = look(Archive().file("var/lib/dpkg/status", HELD))
    assert versions(found, "deb") == {"held": "1:2.0-1", "half": "3.0~rc1-1"}


def test_distroless_has_a_file_for_each_package() -> None:
    folder = "var/lib/dpkg/status.d"
    archive = Archive().file(f"./{folder}/tzdata", DISTROLESS)
    archive.file(f"./{folder}/tzdata.md5sums", "Package: not\nVersion: 1\n")
    assert versions(look(archive), "deb") == {"tzdata": "2024a-0+deb12u1"}


@pytest.mark.parametrize("place", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_alpine_on_busybox(place: str) -> None:
    archive = Archive().program("bin/busybox", "usr/bin/python3.11").file(place, APK)
    archive.link("bin/sh", "/bin/busybox").link("usr/bin/python3", "python3.11")
    found = look(archive)
    # The group of a build's dependencies is no package: its version is the time of the build.
    assert versions(found, "apk") == {"musl": "1.2.4-r2", "python3": "3.11.6-r0"}
    assert found.programs == {"sh": "/bin/sh", "python3": "/usr/bin/python3"}
    assert found.python == "3.11.6"


def test_python_packages_are_those_that_pip_lists(tmp_path: Path) -> None:
    options = ("--no-download", "--pip=bundle", "--setuptools=bundle", "--quiet")
    said_by(sys.executable, "-m", "virtualenv", *options, str(tmp_path / "venv"))
    python = str(tmp_path / "venv/bin/python")
    listed = json.loads(
        said_by(python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check")
    )
    archive = Archive().folder(tmp_path / "venv", "opt/venv")
    found = look(archive, ["/opt/venv/bin"])
    assert {normalised(one["name"]): one["version"] for one in listed} == versions(found, "pypi")
    assert "setuptools" in versions(found, "pypi")  # it brings others with it, which do not count


def test_the_programs_are_those_that_this_machine_would_start() -> None:
    archive = Archive()
    for name in (*PATH, "/etc/alternatives"):
        place = Path(name)
        if place.is_symlink():
            archive.link(name[1:], str(place.readlink()))
        elif place.is_dir():
            archive.names(place, name[1:])
    names = ("bash", "sh", "python3", "python", "env", "awk", "no-such-program", "vi", "which")
    found = look(archive, programs=names)
    expected = {name: shutil.which(name, path=":".join(PATH)) for name in names}
    assert found.programs == {name: place for name, place in expected.items() if place}
    assert {"bash", "sh", "env"} <= set(found.programs)


def python_in(prefix: str, version: str) -> Archive:
    minor = ".".join(version.split(".")[:2])
    header = f'#define PY_MAJOR_VERSION 3\n#define PY_VERSION      \t"{version}"\n'
    archive = Archive().file(f"{prefix}/include/python{minor}/patchlevel.h", header)
    return archive.program(f"{prefix}/bin/python{minor}")


def test_the_python_of_a_virtual_environment_is_the_one_it_links_to() -> None:
    archive = python_in("usr/local", "3.12.4").link("venv/bin/python", "/usr/local/bin/python")
    archive.link("usr/local/bin/python", "python3.12")
    archive.file("venv/pyvenv.cfg", "home = /usr/local/bin\nversion = 3.12.1\n")
    assert look(archive, ["/venv/bin", "/usr/local/bin"]).python == "3.12.4"


def test_the_python_that_was_copied_is_known_from_its_environment() -> None:
    archive = Archive().program("venv/bin/python").file("venv/pyvenv.cfg", "version = 3.12.1\n")
    assert look(archive, ["/venv/bin"]).python == "3.12.1"


def test_the_python_of_debian_is_known_from_its_package() -> None:
    stanza = "Package: python3.11-minimal\nStatus: install ok installed\nVersion: {}\n"
    for version, expected in {
        "3.11.2-6+deb12u6": "3.11.2",
        "3.11.0~rc1-1~22.04": "3.11.0rc1",
        "strange": "3.11",
    }.items():
        archive = Archive().file("var/lib/dpkg/status", stanza.format(version))
        archive.link("usr/bin/python3", "python3.11").program("usr/bin/python3.11")
        assert look(archive).python == expected


def test_hard_links_tell_the_version_of_a_python() -> None:
    archive = Archive().program("opt/bin/python")
    archive.link("opt/bin/python3.9", "opt/bin/python", hard=True, mode=0o755)
    assert look(archive, ["/opt/bin"]).python == "3.9"


def test_a_python_whose_version_nothing_tells_has_none() -> None:
    archive = python_in("usr/local", "3.12.4").program("root/.pyenv/shims/python")
    assert look(archive, ["/root/.pyenv/shims", "/usr/local/bin"]).python is None
    assert look(Archive()).python is None


def conda_record(name: str, version: str, build: str, **more: object) -> str:
    channel = f"https://conda.example/t/{SECRET}/forge/linux-64"
    files = [f"lib/{name}/{number}.py" for number in range(100)]
    record = {"build": build, "build_number": 0, "channel": channel, "depends": [], "files": files}
    return json.dumps({**record, "name": name, "version": version, **more}, indent=2)


def test_conda_with_two_environments_and_its_cache() -> None:
    archive = Archive()
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n"
    site = "lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA"
    build = "py311h64a7726_0"
    for prefix in ("opt/conda", "opt/conda/envs/ml"):
        meta = f"{prefix}/conda-meta"
        archive.file(f"{meta}/history", "==> 2026-01-01 <==\n")
        python = conda_record("python", "3.11.7", "h_1_cpython", sha256="a" * 64)
        archive.file(f"{meta}/python-3.11.7-h_1_cpython.json", python)
        numpy = conda_record("numpy", "1.26.4", build)
        archive.file(f"{meta}/numpy-1.26.4-{build}.json", numpy)
        archive.file(f"{prefix}/{site}", metadata).program(f"{prefix}/bin/python3.11")
        archive.link(f"{prefix}/bin/python", "python3.11")
    archive.file("opt/conda/pkgs/old-1.0-0/lib/python3.11/site-packages/old-1.0.dist-info/METADATA",
                 "Name: old\nVersion: 1.0\n")  # fmt: skip
    archive.file("srv/page.json", conda_record("page", "1", "0"))
    found = look(archive, ["/opt/conda/envs/ml/bin", "/opt/conda/bin"])
    channel = "https://conda.example/forge/linux-64"
    assert found.packages == (
        Package("numpy", "1.26.4", f"{channel}::numpy=1.26.4={build}", None, "conda"),
        Package("numpy", "1.26.4"),
        Package("python", "3.11.7", f"{channel}::python=3.11.7=h_1_cpython", "a" * 64, "conda"),
    )
    assert found.programs["python"] == "/opt/conda/envs/ml/bin/python"
    assert found.python == "3.11.7"


ORIGINS = [
    (
        {
            "url": f"https://me:{SECRET}@git.example/a.git?token={SECRET}",
            "vcs_info": {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "main"},
            "subdirectory": "python",
        },
        f"git+https://git.example/a.git@{'c' * 40}#subdirectory=python",
        None,
    ),
    (
        {
            "url": f"https://{SECRET}@files.example/a-1.0.whl",
            "archive_info": {"hash": f"sha256={'d' * 64}"},
        },
        "https://files.example/a-1.0.whl",
        "d" * 64,
    ),
    (
        {
            "url": "file:///src/a-1.0.tar.gz",
            "archive_info": {"hashes": {"sha256": "e" * 64}, "hash": "md5=1"},
        },
        "file:///src/a-1.0.tar.gz",
        "e" * 64,
    ),
    ({"url": "file:///src/a", "dir_info": {"editable": True}}, "file:///src/a", None),
    ({"url": "file:///src/\ud800\x1b[31m", "dir_info": {}}, None, None),
    ({"link": 1}, None, None),
]


@pytest.mark.parametrize(("said", "source", "sha256"), ORIGINS)
def test_origins_are_told_without_credentials(
    said: dict[str, Any], source: str | None, sha256: str | None
) -> None:
    folder = "app/.venv/lib/python3.12/site-packages/A_b-1.0.dist-info"
    archive = Archive().file(f"{folder}/direct_url.json", json.dumps(said))
    archive.file(f"{folder}/METADATA", "Metadata-Version: 2.3\r\nName: A.b\r\nVersion: 1.0\r\n")
    found = look(archive)
    assert found.packages == (Package("a-b", "1.0", source, sha256),)
    assert SECRET not in repr(found)


def test_eggs_of_every_age() -> None:
    site = "usr/lib/python3/dist-packages"
    archive = Archive().file(f"{site}/one-1.0.egg-info", "Metadata-Version: 1.0\nName: one\n")
    archive.file(f"{site}/two.egg-info/PKG-INFO", "Name: two\nVersion: 2.0\n\nVersion: 9\n")
    archive.file(f"{site}/three-3-py3.11.egg/EGG-INFO/PKG-INFO", "Name: three\nVersion: 3\n")
    archive.file("src/four/four.egg-info/PKG-INFO", "Name: four\nVersion: 4.dev0+g1\n")
    archive.file("src/five/PKG-INFO", "Name: five\nVersion: 5\n")
    expected = {"one": "1.0", "two": "2.0", "three": "3", "four": "4.dev0+g1"}
    assert versions(look(archive), "pypi") == expected


def test_metadata_that_is_a_link_into_the_cache_of_uv() -> None:
    cache = "root/.cache/uv/archive-v0/X1y"
    site = "venv/lib/python3.12/site-packages"
    archive = Archive()
    for name in ("hard", "soft", "unused"):
        text = f"Name: {name}\nVersion: 1\n"
        archive.file(f"{cache}/{name}-1.dist-info/METADATA", text)
    archive.link(f"{site}/hard-1.dist-info/METADATA", f"{cache}/hard-1.dist-info/METADATA",
                 hard=True)  # fmt: skip
    archive.link(f"{site}/soft-1.dist-info/METADATA", f"/{cache}/soft-1.dist-info/METADATA")
    assert versions(look(archive), "pypi") == {"hard": "1", "soft": "1"}


def test_a_folder_of_metadata_that_is_a_link() -> None:
    archive = Archive().file("store/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")
    archive.file("store/a-1.dist-info/direct_url.json", '{"url": "file:///a"}')
    archive.link("lib/python3/site-packages/a-1.dist-info", "../../../store/a-1.dist-info")
    assert versions(look(archive), "pypi") == {"a": "1"}


def test_small_files_are_kept_wherever_their_links_lead() -> None:
    archive = Archive().link("etc/os-release", "../usr/lib/os-release")
    archive.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n").file("usr/bin/passwd", b"\x7fELF")
    archive.file("usr/lib/os-release", "ID=debian\n")
    archive.link("etc/group", "/etc/group")
    assert look(archive).files == {
        "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "/etc/os-release": b"ID=debian\n",
    }
    other = Archive().file("etc/a").file("etc/b", "b").link("etc/c", "etc/b", hard=True)
    assert look(other, files=("/etc/b", "/etc/none")).files == {"/etc/b": b"b"}


def test_links_that_lead_nowhere_are_no_programs() -> None:
    archive = Archive().link("bin", "usr/bin").link("usr/bin/python", "python")
    archive.link("usr/bin/python3", "../../../../etc/alternatives/python3")
    archive.link("etc/alternatives/python3", "/gone").file("usr/bin/sh", b"", 0o644)
    archive.program("usr/bin/bash", "relative/env")
    found = look(archive, ["relative", "", "/bin", "/usr/bin"], programs=("env", "sh", "bash"))
    assert found.programs == {"bash": "/bin/bash"}
    assert found.python is None


def test_a_long_chain_of_links_is_followed_as_the_kernel_would() -> None:
    for count, programs in ((40, {"sh": "/bin/sh"}), (41, {})):
        archive = Archive().program(f"bin/l{count}").link("bin/sh", "l1")
        for number in range(1, count):
            archive.link(f"bin/l{number}", f"l{number + 1}")
        assert look(archive).programs == programs


@pytest.mark.parametrize(
    ("place", "whose"),
    [
        ("var/lib/rpm/rpmdb.sqlite", "rpm"),
        ("usr/lib/sysimage/rpm/Packages.db", "rpm"),
        ("var/lib/pacman/local/glibc-2.39-1/desc", "pacman"),
    ],
)
def test_databases_that_are_not_read_are_named(place: str, whose: str) -> None:
    (unread,) = look(Archive().file(place, b"x")).unread
    assert re.fullmatch(rf"the packages that {whose} installed \(/[a-zA-Z/.]+\)", unread)
    assert look(Archive().file(f"srv/{place}", b"x")).unread == ()
