"""Wheels for the running Python as the conda packages of a platform that a channel has of them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from typing import TYPE_CHECKING

from tests.support.conda_channel import PLACEHOLDER, Package, platform
from tests.support.conda_packages import OWN_PYTHON, SHORT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.conda_shelf import Channel

_SCRIPT = """\
#!{placeholder}/bin/python
import sys
from {module} import {name}
sys.exit({name}())
"""


def fetch(requirement: str, folder: Path) -> Path:
    """The wheel that pip would install for `requirement` alone, in `folder`."""
    options = ("--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "-q")
    argv = [sys.executable, "-m", "pip", "download", *options, "-d", str(folder), requirement]
    subprocess.run(argv, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def forge(channel: Channel, numpy: Path) -> str:
    """Make of a channel a `conda-forge` with NumPy; returns the `.condarc` that leads there.

    Projects name the channel that everybody knows, and are led to this one.
    """
    channel.add(of_wheel(numpy))
    channel.folder.rename(channel.folder.with_name("conda-forge"))
    return f"channel_alias: {channel.server.address}\n"


def of_wheel(wheel: Path, *, depends: tuple[str, ...] = (OWN_PYTHON,)) -> Package:
    """What is in `wheel`, laid out as pip installs it, its commands with the prefix to replace.

    Raises:
        ValueError: the wheel has files for other places than `site-packages`.
    """
    name, version = wheel.name.split("-")[:2]
    library = f"lib/python{SHORT}/site-packages"
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if other := [member for member in members if ".data/" in member]:
            raise ValueError(f"{wheel.name} has files elsewhere, such as {other[0]}")
        files = {f"{library}/{member}": archive.read(member) for member in members}
    info = f"{library}/{name}-{version}.dist-info"
    files[f"{info}/INSTALLER"] = b"conda\n"
    commands = dict(_commands(files.get(f"{info}/entry_points.txt", b"").decode()))
    return Package(
        name,
        version,
        f"py{SHORT.replace('.', '')}_0",
        files={**files, **commands},
        depends=depends,
        subdir=platform(),
        replaced=dict.fromkeys(commands, "text"),
    )


def _commands(entry_points: str) -> list[tuple[str, bytes]]:
    parsed = ConfigParser(delimiters=("=",))
    parsed.read_string(entry_points)
    if not parsed.has_section("console_scripts"):
        return []
    found = []
    for command, target in parsed["console_scripts"].items():
        module, _, name = target.partition(":")
        text = _SCRIPT.format(placeholder=PLACEHOLDER, module=module, name=name)
        found.append((f"bin/{command}", text.encode()))
    return found
