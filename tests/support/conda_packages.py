"""The packages of the tests' channel: each has something that a solver or an installer can miss."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.support.conda_channel import PLACEHOLDER, Package, module, platform

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = f"{sys.version_info[0]}.{sys.version_info[1]}"
_NEXT = f"{sys.version_info[0]}.{sys.version_info[1] + 1}.0a0"
OWN_PYTHON = f"python >={SHORT},<{_NEXT}"


def plain() -> Iterator[Package]:
    """Modules with versions to decide between: `gamma` wants an old `beta`, `alpha` 2 a new one."""
    yield module("beta", "1.0")
    yield module("beta", "2.0", depends=("python >=3.6",))
    yield module("alpha", "1.0", depends=("python", "beta"))
    yield module("alpha", "1.1", depends=("python", "beta <2"), timestamp=1_620_000_000)
    yield module("alpha", "2.0", depends=("python", "beta >=2"), timestamp=1_640_000_000)
    yield module("gamma", "1.0", depends=("python", "beta >=1,<2"))
    # In its company there is no new beta, though it does not need one.
    yield replace(module("wary", "1.0"), constrains=("beta <2",))
    yield module("ancient", "1.0", depends=("python <3",))
    yield module("needs-glibc", "1.0", depends=("python", "__glibc >=2.17"))
    yield module("needs-cuda", "1.0", depends=("python", "__cuda >=99"))
    yield module("tool", "1.0", source=_TOOL, entry_points=("tool = tool:main",))


_TOOL = """
import sys
__version__ = '1.0'
def main():
    print('tool', __version__, sys.prefix)
"""
_ACTIVATE = 'export ACTED="$CONDA_PREFIX"\n'
_DEACTIVATE = "unset ACTED\n"
_POST_LINK = (
    '#!/bin/sh\necho linked >"$PREFIX/post-link-ran"\necho hello >"$PREFIX/.messages.txt"\n'
)


def scripted() -> Package:
    """A post-link script, activation scripts, a variable, and a shell script with its prefix."""
    return Package(
        "scripted",
        "1.0",
        files={
            "bin/scripted": f"#!/bin/sh\necho {PLACEHOLDER}/share/scripted\n".encode(),
            "bin/.scripted-post-link.sh": _POST_LINK.encode(),
            "etc/conda/activate.d/scripted.sh": _ACTIVATE.encode(),
            "etc/conda/deactivate.d/scripted.sh": _DEACTIVATE.encode(),
            "etc/conda/env_vars.d/scripted.json": b'{"SCRIPTED": "yes"}',
            "share/scripted/a folder/words.txt": b"words\n",
        },
        replaced={"bin/scripted": "text"},
        links={"share/scripted/latest": "a folder"},
        noarch="generic",
    )


_WHERE = """
#include <stdio.h>
static const char prefix[] = "%s";
int main(void) { puts(prefix); return 0; }
"""
_EXTENSION = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "native", 0, -1, methods};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&definition); }
"""


@functools.cache
def native() -> Package | None:
    """An extension module and a program with its prefix compiled in.

    None without a compiler or Python's headers.
    """
    if shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        return None
    extension = f"lib/python{SHORT}/site-packages/native{sysconfig.get_config_var('EXT_SUFFIX')}"
    headers = f"-I{sysconfig.get_path('include')}"
    files = {
        "bin/where": _compiled(_WHERE % PLACEHOLDER, "-O0"),
        extension: _compiled(_EXTENSION, "-shared", "-fPIC", headers),
    }
    build = f"py{SHORT.replace('.', '')}_0"
    return Package(
        "native",
        "1.0",
        build,
        files=files,
        depends=(OWN_PYTHON, "__glibc >=2.17"),
        subdir=platform(),
        replaced={"bin/where": "binary"},
    )


def _compiled(source: str, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "source.c").write_text(source)
        argv = ["cc", *options, "-o", "made", "source.c"]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
        return (Path(folder) / "made").read_bytes()


def of_wheel(wheel: Path, *, depends: tuple[str, ...] = ("python",)) -> Package:
    """A pure wheel as the noarch package that conda would have of it."""
    name, version = wheel.name.split("-")[:2]
    files, entry_points = {}, ConfigParser(delimiters=("=",))
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if not member.endswith("/"):
                files[f"site-packages/{member}"] = archive.read(member)
            if member.endswith(".dist-info/entry_points.txt"):
                entry_points.read_string(archive.read(member).decode())
    files[f"site-packages/{name}-{version}.dist-info/INSTALLER"] = b"conda\n"
    entry_points.read_dict({"console_scripts": {}})
    commands = entry_points["console_scripts"]
    return Package(
        name,
        version,
        "pyh_0",
        files=files,
        depends=depends,
        noarch="python",
        entry_points=tuple(f"{command} = {target}" for command, target in commands.items()),
    )


def tools() -> Iterator[Package]:
    """`pip`, `setuptools` and `wheel`, as virtualenv carries them, for the running Python."""
    from virtualenv.seed.wheels.embed import get_embed_wheel

    yield of_wheel(get_embed_wheel("setuptools", SHORT).path, depends=("python >=3.9",))
    yield of_wheel(get_embed_wheel("wheel", "3.8").path, depends=("python >=3.7",))
    of_pip = ("python >=3.9", "setuptools", "wheel")
    yield of_wheel(get_embed_wheel("pip", SHORT).path, depends=of_pip)


def everything() -> Iterator[Package]:
    """All of them, Python apart."""
    yield from plain()
    yield scripted()
    yield from tools()
    if (compiled := native()) is not None:
        yield compiled
