"""What `reprun doctor` finds on this machine, and what it says of what isn't there."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from runner import examination

if TYPE_CHECKING:
    from pathlib import Path

    from runner.examination import Finding
    from runner.settings import Settings

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
    for name in ("git", "bash", "python", "uv", "virtualenv", "data home", "mirrors"):
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
    assert found["docker"].found == f"no engine answers at unix://{tmp_path}/no.sock"
    assert "set DOCKER_HOST" in (found["docker"].hint or "")
    if home == "a file":
        assert found["data home"].state == "missing"
        assert found["data home"].found == f"{settings.data} can't be written"
        assert "set REPRUN_HOME" in (found["data home"].hint or "")
    else:
        assert found["data home"].state == "ok"
