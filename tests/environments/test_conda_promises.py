"""What a conda environment promises beside holding its packages: exact, checked, told of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from runner.errors import HashMismatch
from runner.manifest.model import EnvironmentReference
from tests.support import conda_channel
from tests.support.conda_channel import Package
from tests.support.conda_projects import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments.conftest import Workshop
    from tests.support.conda_shelf import Channel

CONDA = EnvironmentReference(kind="conda_env", path="conda.yaml")
pytestmark = pytest.mark.usefixtures("conda_home")


def test_progress_counts_packages_and_bytes(workshop: Workshop, channel: Channel) -> None:
    workshop.project.write("conda.yaml", yaml([channel.url], "python", "alpha", "tool"))
    workshop.build(CONDA)
    told = workshop.heard.updates
    assert any(re.fullmatch(rf"solving with the channels `{channel.url}`", one) for one in told)
    fetched = [one for one in told if one.startswith("fetching packages: ")]
    # Python is large enough to be told of while it comes.
    assert any(re.fullmatch(r"fetching packages: 3 of 4, \d+\.\d MB", one) for one in fetched)
    assert re.fullmatch(r"fetching packages: 4 of 4, \d{2}\.\d MB", fetched[-1])
    assert len(fetched) > 10
    assert "linking packages: 4 of 4" in told


def test_a_folders_archive_is_checked_too(
    workshop: Workshop, channel: Channel, tmp_path: Path
) -> None:
    """py-rattler itself takes whatever lies in a folder."""
    address = channel.folder.as_uri()
    workshop.project.write("conda.yaml", yaml([address], "python", "alpha"))
    lock = workshop.lock(CONDA)[1]
    forged = conda_channel.module("alpha", "2.0", source="__version__ = 'forged'\n")
    other = conda_channel.pack(tmp_path / "other", forged)
    channel.replace("alpha-2.0-py_0", other.read_bytes())
    with pytest.raises(HashMismatch, match=r"alpha-2\.0-py_0\.conda from file://.* is not what"):
        workshop.ensure(lock)
    assert not list(workshop.settings.environments.glob("conda/*/conda-meta"))


def test_no_conda_of_the_machine_is_asked(
    workshop: Workshop, channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("conda", "mamba", "micromamba", "conda-lock", "pixi"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("CONDA_EXE", str(programs / "conda"))
    workshop.project.write("conda.yaml", yaml([channel.url], "python", "alpha", pip=["beta"]))
    workshop.index.wheel("beta", "3.0")
    workshop.build(CONDA)
    assert not (tmp_path / "asked").exists()


def test_a_pin_of_python_is_that_interpreter(workshop: Workshop, channel: Channel) -> None:
    """Whatever runs here: this channel has a Python that no machine has."""
    shell = b'#!/bin/sh\n[ "$1" = -V ] && echo "Python 2.6.9"\n'
    old = Package("python", "2.6.9", "0", files={"bin/python": shell}, subdir="linux-64")
    channel.add(old)
    workshop.project.write("conda.yaml", yaml([channel.url], "python=2.6"))
    built = workshop.build(CONDA)
    assert built.lock.python == "2.6.9"
    assert built.path is not None
    assert (built.path / "bin" / "python").read_bytes() == shell
    newest = conda_channel.python_version()
    workshop.project.write("conda.yaml", yaml([channel.url], f"python={newest}"))
    assert workshop.build(CONDA).lock.python == newest
