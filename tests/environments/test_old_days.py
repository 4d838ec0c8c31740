"""The packages, the Python and the build tools of a day; what old packages have wrong."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from runner.environments import build_tools, old_packages, python_of_day
from runner.environments.build_tools import BuildTools
from runner.errors import BuildFailure, NoSuchPackage
from runner.manifest.model import EnvironmentReference
from tests.support.index import wheel_bytes
from tests.support.listening import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.conftest import Workshop
    from tests.support.index import Index

REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
THEN = "2021-01-01T00:00:00Z"
# Builds a pure wheel that says which version of the tool built it.
MAKER = """
import base64, os, zipfile
VERSION = {version!r}
class Backend:
    def get_requires_for_build_wheel(self, config=None):
        {check}
        return []
    def build_wheel(self, folder, config=None, metadata=None):
        {check}
        stem = "old-1.0"
        files = {{"old.py": "BUILT_BY = " + repr(VERSION)}}
        files[stem + ".dist-info/METADATA"] = "Metadata-Version: 2.1\\nName: old\\nVersion: 1.0\\n"
        files[stem + ".dist-info/WHEEL"] = (
            "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        )
        files[stem + ".dist-info/RECORD"] = "".join(name + ",,\\n" for name in files)
        with zipfile.ZipFile(os.path.join(folder, stem + "-py3-none-any.whl"), "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return stem + "-py3-none-any.whl"
__legacy__ = Backend()
"""


def add_setuptools(index: Index, version: str, uploaded: str, check: str = "pass") -> None:
    """A setuptools with its way to build what has nothing but a `setup.py`."""
    code = MAKER.format(version=version, check=check)
    files = {"setuptools/__init__.py": "", "setuptools/build_meta.py": code}
    content = wheel_bytes("setuptools", version, files=files)
    index.add("setuptools", f"setuptools-{version}-py3-none-any.whl", content, uploaded=uploaded)


def add_old(index: Index) -> None:
    """`old`, a source distribution with nothing but a `setup.py`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in {"setup.py": "", "PKG-INFO": "Name: old\nVersion: 1.0\n"}.items():
            info = tarfile.TarInfo(f"old-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    index.add("old", "old-1.0.tar.gz", buffer.getvalue())


def built_by(at: Path | None) -> str:
    assert at is not None
    command = [str(at / "bin" / "python"), "-c", "import old; print(old.BUILT_BY)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def old(workshop: Workshop) -> Workshop:
    """A project that asks for `old`, and a setuptools of 2020 beside one of 2023."""
    add_old(workshop.index)
    add_setuptools(workshop.index, "57.5.0", "2020-06-01T00:00:00Z")
    workshop.project.write("requirements.txt", "old\n")
    return workshop


def test_builds_see_the_tools_of_the_day_when_locking_and_when_installing(
    old: Workshop, tmp_path: Path
) -> None:
    add_setuptools(old.index, "80.9.0", "2025-06-01T00:00:00Z")
    _, lock = old.lock(REQUIREMENTS, as_of=THEN)
    assert f"\n# as of {THEN}\n" in lock.text
    shutil.rmtree(tmp_path / "uv-cache")  # as on another machine, where the lock is all there is
    assert built_by(old.ensure(lock).path) == "57.5.0"
    shutil.rmtree(tmp_path / "uv-cache")
    assert built_by(old.build(REQUIREMENTS).path) == "80.9.0"


def test_a_build_that_wants_what_setuptools_dropped_gets_the_last_that_had_it(
    old: Workshop, tmp_path: Path
) -> None:
    refuse = 'raise SystemExit("error in old setup command: use_2to3 is invalid.")'
    add_setuptools(old.index, "80.9.0", "2025-06-01T00:00:00Z", check=refuse)
    _, lock = old.lock(REQUIREMENTS)
    assert "\n# build with setuptools<58\n" in lock.text
    assert "setuptools==80.9.0" in lock.text  # the environment has today's
    shutil.rmtree(tmp_path / "uv-cache")
    assert built_by(old.ensure(lock).path) == "57.5.0"


def test_a_build_gets_the_module_that_it_does_not_declare(old: Workshop) -> None:
    old.index.wheel("numpy", "1.0")
    add_setuptools(old.index, "80.9.0", "2025-06-01T00:00:00Z", check="import numpy")
    _, lock = old.lock(REQUIREMENTS)
    assert "\n# build old with numpy\n" in lock.text
    assert built_by(old.ensure(lock).path) == "80.9.0"


def test_a_version_that_does_not_build_is_done_without(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.sdist("alpha", "2.0", fail="raise SystemExit('no compiler')")
    workshop.project.write("requirements.txt", "alpha\n")
    assert "alpha==1.0" in workshop.lock(REQUIREMENTS)[1].text
    workshop.project.write("requirements.txt", "alpha==2.0\n")
    with pytest.raises(BuildFailure, match=r"`alpha==2\.0` can't be built"):
        workshop.lock(REQUIREMENTS)


def test_a_version_of_after_the_day_is_said_to_be_one(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("alpha", "2.0", uploaded="2022-03-04T05:06:07Z")
    workshop.project.write("requirements.txt", "alpha==2.0\n")
    with pytest.raises(NoSuchPackage, match="published after the day of `--as-of`") as caught:
        workshop.lock(REQUIREMENTS, as_of=THEN)
    assert caught.value.hint == "pass `--as-of 2022-03-04`, or a later day"
    workshop.index.wheel("beta", "2.0", uploaded="2022-03-04T05:06:07Z")
    workshop.project.write("requirements.txt", "beta\n")
    with pytest.raises(NoSuchPackage, match=r"`beta`, whose latest version is 2\.0, was"):
        workshop.lock(REQUIREMENTS, as_of=THEN)


@pytest.mark.parametrize(
    "tools",
    [
        BuildTools(),
        BuildTools(as_of=THEN),
        BuildTools(THEN, ("cython<3", "setuptools<58"), {"a": ("numpy", "scipy"), "b": ("c",)}),
    ],
)
def test_a_lock_says_what_it_is_built_with(tools: BuildTools) -> None:
    text = "\n".join(("# Python 3.7.1", *tools.header(), "a==1 \\", "    --hash=sha256:00"))
    assert build_tools.of_lock(text) == tools
    assert build_tools.of_lock(f"b==1\n{text}") == BuildTools()


def test_the_oldest_days_have_build_tools_that_can_be_used() -> None:
    told = build_tools.cut_off("2018-05-01T00:00:00Z")
    assert told[:2] == ["--exclude-newer", "2018-05-01T00:00:00Z"]
    assert "setuptools=2019-03-01T00:00:00Z" in told
    assert build_tools.cut_off(THEN) == ["--exclude-newer", THEN]


@pytest.mark.parametrize(
    ("day", "minor"),
    [("2015-01-01", 6), ("2018-08-01", 6), ("2019-06-01", 7), ("2020-09-01", 8),
     ("2021-12-01", 9), ("2023-03-01", 10), ("2024-01-02", 11), ("2026-01-01", 13)],
)  # fmt: skip
def test_the_python_that_was_usual(day: str, minor: int) -> None:
    assert python_of_day.usual(f"{day}T00:00:00Z") == minor


@pytest.mark.parametrize(
    ("text", "looked_for"),
    [(None, "3.8"), (">=3.6", "3.8"), (">=3.9", "3.9"), ("<3.8", "3.7"), (">=3.99", ">=3.99")],
)
def test_a_range_bounds_the_python_of_the_day(text: str | None, looked_for: str) -> None:
    assert python_of_day.described(text, "2020-09-01T00:00:00Z") == looked_for


def test_a_project_that_names_no_python_gets_that_of_the_day(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write("requirements.txt", "alpha\n")
    _, lock = workshop.lock(REQUIREMENTS, as_of=THEN)
    assert lock.python is not None
    if not lock.python.startswith("3.8."):
        assert "Python 3.8, usual on 2021-01-01, isn't here" in workshop.heard.warnings[-1]
    assert workshop.lock(REQUIREMENTS, as_of=THEN)[1].python == lock.python


def test_the_nearest_python_is_taken_where_that_of_the_day_is_not_to_be_had(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    found = python_of_day.find(
        None, "2018-08-01T00:00:00Z", settings=workshop.settings, progress=workshop.heard
    )
    assert f"Python {found.version} is used" in workshop.heard.warnings[-1]
    assert "Python 3.6, usual on 2018-08-01, isn't here" in workshop.heard.warnings[-1]
    assert workshop.heard.hints[-1] == "install it (`pyenv install 3.6`)"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("sklearn", "scikit-learn"),
        ("sklearn==0.0", "scikit-learn"),
        ("sklearn == 0.0.post1 ; python_version > '3'", "scikit-learn; python_version > '3'"),
        ("sklearn>=0.20", "scikit-learn>=0.20"),
    ],
)
def test_sklearn_means_scikit_learn(line: str, meant: str) -> None:
    heard = Listener()
    assert old_packages.mended((line,), heard) == (meant, "numpy", "scipy")
    assert f"`{meant}` is installed" in heard.warnings[0]


def test_what_old_wheels_forgot_is_not_asked_for_twice() -> None:
    lines = ("scikit-learn==0.19.1", "NumPy==1.16", "sklearn-pandas")
    assert old_packages.mended(lines, Listener()) == (*lines, "scipy")


def test_pandas_of_before_0_25_is_not_passed_over(workshop: Workshop) -> None:
    for name in ("numpy", "python-dateutil", "pytz"):
        workshop.index.wheel(name, "2018.9")
    workshop.index.wheel("pandas", "0.24.2", requires=["pytz (>=2011k)"])
    workshop.project.write("requirements.txt", "pandas\n")
    built = workshop.build(REQUIREMENTS)
    assert {"pandas", "pytz", "numpy"} <= {one.name for one in built.packages}


def test_two_packages_with_the_same_file_are_not_refused(workshop: Workshop) -> None:
    for name in ("alpha", "beta"):
        files = {"shared.py": f"NAME = {name * len(name)!r}\n"}
        workshop.index.wheel(name, "1.0", files=files)
    workshop.project.write("requirements.txt", "alpha\nbeta\n")
    assert workshop.build(REQUIREMENTS).path is not None
    assert "another package has files of the same names" in workshop.heard.warnings[-1]


@pytest.mark.parametrize("minor", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_pip_setuptools_and_wheel_are_in_each_environment(workshop: Workshop, minor: str) -> None:
    from runner.environments import interpreters
    from runner.errors import NoSuchPython

    try:
        interpreters.find(
            minor, exact=False, settings=workshop.settings, progress=workshop.heard, fetch=False
        )
    except NoSuchPython:
        pytest.skip(f"no Python {minor} is installed")
    workshop.project.write("python_env.yaml", f"python: '{minor}'\ndependencies: [old]\n")
    workshop.index.wheel("old", "1.0", files={"old.py": "BUILT_BY = 'hand'\n"})
    built = workshop.build(EnvironmentReference(kind="python_env", path="python_env.yaml"))
    assert built_by(built.path) == "hand"
    assert {"pip", "setuptools", "wheel"} <= {one.name for one in built.packages}


def test_packages_of_another_system_are_locked_for_that_one(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    for name in ("pywin32", "appnope"):
        workshop.index.wheel(name, "227")
    workshop.project.write("requirements.txt", "alpha\npywin32==227\nappnope==227\n")
    built = workshop.build(REQUIREMENTS)
    assert "sys_platform == 'win32'" in built.lock.text
    assert "sys_platform == 'darwin'" in built.lock.text
    assert {"pywin32", "appnope"}.isdisjoint({one.name for one in built.packages})
