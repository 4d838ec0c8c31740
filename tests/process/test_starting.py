"""A signal between the start of a tool and the line that knows of it leaves no tool behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import git.cmd
import pytest

from runner.environments import uv
from runner.process.relay import deferred
from runner.progress import Silent
from runner.source import git as fetching
from runner.source import plumbing
from tests.support.processes import children_of, wait_until
from tests.support.silence import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Early(subprocess.Popen[Any]):
    """A process that nobody knows yet when the signal comes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  Popen's own
        super().__init__(*arguments, **options)
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes whose start is interrupted; the signal becomes an exception, as in reprun."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Early)
    monkeypatch.setattr(git.cmd, "safer_popen", Early)
    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def nothing_stays() -> Iterator[str]:
    """The address of a server that never answers."""
    there = set(children_of(os.getpid()))
    with listen() as silence:
        with pytest.raises(KeyboardInterrupt):
            yield f"127.0.0.1:{silence.port}"
        wait_until(lambda: not set(children_of(os.getpid())) - there, seconds=5)


def test_a_signal_waits_until_the_process_is_known() -> None:
    known = []
    with pytest.raises(KeyboardInterrupt), deferred():
        known.append(Early(["true"]))
    assert known[0].wait() == 0


def test_git(tmp_path: Path) -> None:
    with nothing_stays() as address:
        plumbing.git(["ls-remote", f"git://{address}/x"], store=tmp_path, variables=os.environ)


def test_a_fetch(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "refs").mkdir()
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    with nothing_stays() as address:
        fetching.fetch(
            tmp_path,
            f"git://{address}/x",
            ["main"],
            where="x",
            variables=os.environ,
            report=print,
        )


def test_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    with nothing_stays() as address:
        index = f"http://{address}/simple/"
        arguments = ["pip", "install", "--dry-run", "--target", str(tmp_path), "anything"]
        uv.run([*arguments, "--default-index", index], progress=Silent())
