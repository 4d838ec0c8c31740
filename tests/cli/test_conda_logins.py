"""Logins that stand in a `conda.yaml` are used, and are kept and told nowhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import conda_projects, samples

if TYPE_CHECKING:
    from tests.support.conda_server import ChannelServer
    from tests.support.conda_shelf import Channel
    from tests.support.index import Index
    from tests.support.program import Program

SECRET = "5ecret"


def kept(reprun: Program) -> list[str]:
    """What of the home has the secret in it; the objects hold the project as it stood."""
    return [
        str(path)
        for folder in ("runs", "locks", "cache")
        for path in (reprun.home / folder).rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]


def test_a_venv_does_not_tell_them_either(reprun: Program, index: Index) -> None:
    index.wheel("six", "1.16.0")
    address = f"https://me:{SECRET}@conda.example.org/t/{SECRET}/forge"
    text = conda_projects.yaml([address], "python", f"{address}::six", "absent")
    samples.lay(reprun.directory, conda_projects.MANIFEST, main_py="", conda_yaml=text)
    said = reprun("run", ".", "--env-manager", "venv")
    assert said.code == 125
    assert "https://conda.example.org/forge, nodefaults" in said.err, said
    assert SECRET not in said.out + said.err
    assert kept(reprun) == []


def test_a_lock_is_had_with_the_login_of_the_file_beside_it(
    reprun: Program, channel: Channel, channels: ChannelServer
) -> None:
    channels.login = f"me:{SECRET}"
    text = conda_projects.yaml([channel.url.replace("://", f"://me:{SECRET}@")], "python", "alpha")
    manifest = conda_projects.MANIFEST.replace("conda.yaml", "envs/conda.yaml")
    project = samples.lay(reprun.directory, manifest, main_py=conda_projects.MAIN)
    (project / "envs").mkdir()
    (project / "envs" / "conda.yaml").write_text(text)
    assert reprun("lock", ".").code == 0
    assert SECRET not in (project / "envs" / "conda-lock.yml").read_text()
    shutil.rmtree(reprun.home / "cache")
    said = reprun("run", ".")
    assert (said.code, SECRET in said.err) == (0, False), said
    assert kept(reprun) == []


@pytest.mark.parametrize("place", ["channels", "package"])
def test_a_password_of_a_channel(
    reprun: Program, channel: Channel, channels: ChannelServer, place: str
) -> None:
    channels.login = f"me:{SECRET}"
    address = channel.url.replace("http://", f"http://me:{SECRET}@")
    if place == "channels":
        text = conda_projects.yaml([address], "python", "alpha")
    else:
        text = conda_projects.yaml([], "python", f"{address}::alpha", "beta")
    project = samples.lay(
        reprun.directory, conda_projects.MANIFEST, main_py=conda_projects.MAIN, conda_yaml=text
    )
    said = reprun("run", ".")
    assert said.code == 0, said
    assert '"alpha": "2.0"' in said.out
    assert SECRET not in said.out + said.err
    assert kept(reprun) == []
    (project / "conda.yaml").write_text(text.replace("alpha", "alhpa"))
    said = reprun("run", ".")
    assert said.code == 125
    assert "alhpa`: no package of that name" in said.err, said
    assert SECRET not in said.out + said.err
    (project / "conda.yaml").write_text(text.replace("alpha", "alpha[", 1))
    said = reprun("run", ".")
    assert said.code == 125
    assert "alpha[` can't be understood" in said.err, said
    assert SECRET not in said.out + said.err
    assert kept(reprun) == []
