"""Git repositories made for a benchmark, and a real git daemon on loopback that serves them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

IDENTITY = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
START_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with one commit."""

    path: Path
    commit: str


def commit_files(path: Path, files: Mapping[str, bytes]) -> Repository:
    """A new repository at `path` that holds `files`."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    _git(path, "init", "-q", "-b", "main")
    _git(path, "add", "-A")
    _git(path, *IDENTITY, "commit", "-q", "-m", "All of it")
    return Repository(path, _git(path, "rev-parse", "HEAD").strip())


def _git(path: Path, *arguments: str) -> str:
    command = ["git", "-C", str(path), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def many_files(count: int) -> dict[str, bytes]:
    """`count` files of made-up words in 120 folders: half of them above 6 KiB, some of 100 KiB."""
    chance = random.Random(20)
    words = [bytes(chance.choices(range(97, 123), k=chance.randint(2, 11))) for _ in range(4000)]
    files = {}
    for number in range(count):
        size = int(chance.lognormvariate(8.7, 1.4))
        content = b" ".join(chance.choices(words, k=max(1, size // 7)))
        files[f"part{number % 12:02d}/chapter{number % 120:03d}/{number:04d}.txt"] = content
    return files


@contextlib.contextmanager
def serve(base: Path) -> Iterator[str]:
    """A git daemon over the repositories below `base`; yields `git://127.0.0.1:PORT`."""
    port = _free_port()
    command = ["git", "daemon", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr"]
    command += [f"--base-path={base}", "--export-all", str(base)]
    # A session of its own, so that the daemon that git starts ends with it.
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
        else:
            return
