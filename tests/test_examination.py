"""What `reprun doctor` finds on this machine, and what it says of what isn't there."""

from __future__ import annotations

import gc
import io
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from runner import examination
from tests.support.silence import listen

if TYPE_CHECKING:
    from pathlib import Path

    from runner.examination import Finding
    from runner.settings import Settings
    from tests.support.engine import Engine
    from tests.support.images import Images

# docker's library lets go of a socket on which no engine answers without closing it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def by_name(settings: Settings) -> dict[str, Finding]:
    found = {finding.name: finding for finding in examination.examine(settings)}
    gc.collect()  # here, where the socket's warning is expected
    return found


def test_everything_that_a_run_needs_is_looked_for(settings: Settings) -> None:
    found = by_name(settings)
    assert {name for name, finding in found.items() if finding.needed} == {
        "git", "bash", "data home", "cache home",
    }  # fmt: skip
    for name in ("git", "bash", "python", "uv", "virtualenv", "conda", "data home", "mirrors"):
        assert found[name].state == "ok", found[name]
    assert found["git"].found.startswith("git version 2.")
    assert found["objects"].size_bytes == 0
    assert found["git"].to_json()["size_bytes"] is None
    assert not settings.data.exists()


@pytest.mark.parametrize("home", ["a file", "not there yet"])
def test_what_is_missing_is_said_with_what_to_do(
    home: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home == "a file":
        settings.data.write_text("")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    found = by_name(settings)
    assert found["git"].state == found["bash"].state == "missing"
    assert found["git"].found == "not on PATH: no project can be fetched"
    assert found["git"].hint == "install git 2.30 or newer"
    assert found["docker"].state == "note"
    nowhere = f"no Docker engine answers at unix://{tmp_path}/no.sock"
    assert found["docker"].found == f"{nowhere}: no such file or directory"
    assert "reprun doctor" not in (found["docker"].hint or ""), "this is it"
    assert "set DOCKER_HOST" in (found["docker"].hint or "")
    if home == "a file":
        assert found["data home"].state == "missing"
        assert found["data home"].found == f"{settings.data} can't be written"
        assert "set REPRUN_HOME" in (found["data home"].hint or "")
    else:
        assert found["data home"].state == "ok"


def test_an_engine_and_the_images_that_were_built_in_it(
    any_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", any_engine.address)
    found = by_name(settings)["docker"]
    version = any_engine.client.version()["Version"]
    make = "Podman" if "podman" in any_engine.address else "Docker"
    assert found.state == "ok"
    assert found.found.startswith(f"{make} {version}, API 1.")
    assert "run by root" in found.found
    assert found.found.endswith(" GiB free)")


def test_images_that_were_built_are_told_with_their_size(
    engine: Engine, images: Images, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    foreign = images.make({"large": "x" * 5_000_000})
    text = f"FROM {foreign}\nLABEL reprun=image\n".encode()
    built, _ = engine.client.images.build(fileobj=io.BytesIO(text), tag=f"tests:{uuid.uuid4().hex}")
    images.keep(built.id or "")
    found = by_name(settings)["images"]
    ours = engine.client.images.list(filters={"label": "reprun=image"})
    assert built.id in [one.id for one in ours]
    assert found.size_bytes is not None
    assert found.size_bytes >= 5_000_000
    assert "that reprun built" in found.found
    assert found.hint == f"to remove them: `docker {examination.REMOVE}`"


def test_an_engine_that_says_nothing_is_not_waited_for_long(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listen() as silence:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silence.port}")
        begun = time.monotonic()
        found = by_name(settings)["docker"]
    assert time.monotonic() - begun < 20
    assert found.state == "note"
    assert f"no Docker engine answers at tcp://127.0.0.1:{silence.port}" in found.found
