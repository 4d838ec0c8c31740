"""An engine of a test's own runs containers, can be stopped and killed, and leaves nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engine import why_silent
from tests.support.own_engine import own_engine
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.support.engine import Engine

SLEEP = f"{4321 + os.getpid()}"  # seconds that no other test sleeps


@pytest.mark.parametrize("killed", [True, False])
def test_an_engine_ends_in_the_middle_of_a_container(engine: Engine, *, killed: bool) -> None:
    with own_engine(engine) as own:
        client = own.engine.client
        assert client.info()["DockerRootDir"] == str(own.folder / "data")
        client.images.pull("alpine", "3.20")
        client.containers.run(
            "alpine:3.20", ["sleep", SLEEP], detach=True, network_mode="none", init=True
        )
        wait_until(lambda: _mentioning(f"sleep\0{SLEEP}"))
        own.kill() if killed else own.stop()
        assert why_silent(own.engine.address) is not None
    assert not own.folder.exists()
    wait_until(lambda: not _mentioning(f"sleep\0{SLEEP}") + _mentioning(str(own.folder)))
    assert str(own.folder) not in Path("/proc/mounts").read_text()
    assert engine.client.ping()


def _mentioning(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and text in (entry / "cmdline").read_text():
                found.append(entry.name)
        except OSError:
            continue
    return found
