"""Real git repositories and real servers for them, on loopback."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_AUTHOR = {
    "GIT_AUTHOR_NAME": "A Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.org",
    "GIT_COMMITTER_NAME": "A Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
    "LC_ALL": "C",
}


def run_git(directory: Path, *arguments: str) -> str:
    """What git prints in `directory`, with a fixed author, date and configuration."""
    command = ["git", "-C", str(directory), "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **_AUTHOR}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


class Repository:
    """A repository with a working tree; made where there is none yet.

    `Repository(path).write("main.py", "print(1)").commit("first")` gives the commit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / ".git").exists():
            path.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        """What git prints in the repository."""
        return run_git(self.path, *arguments)

    def write(self, name: str, content: str | bytes, *, mode: int | None = None) -> Repository:
        """Write a file of the working tree, folders included."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            path.chmod(mode)
        return self

    def link(self, name: str, target: str) -> Repository:
        """Make a symlink in the working tree."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).symlink_to(target)
        return self

    def commit(self, message: str = "a commit") -> str:
        """Commit everything that is not ignored; the commit's full name."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    def submodule(self, url: str, path: str) -> Repository:
        """Add a submodule."""
        self.git("submodule", "--quiet", "add", url, path)
        return self

    @property
    def head(self) -> str:
        """The commit that the repository stands on."""
        return self.git("rev-parse", "HEAD")

    @property
    def tree(self) -> str:
        """The tree of that commit."""
        return self.git("rev-parse", "HEAD^{tree}")


def commit_files(path: Path, files: Mapping[str, bytes]) -> Repository:
    """A new repository at `path` with one commit, which holds `files`."""
    repository = Repository(path)
    for name, content in files.items():
        repository.write(name, content)
    repository.commit("all of it")
    return repository


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


def free_port() -> int:
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Daemon:
    """A running `git daemon`; `url` and the repository's path below its base make an address."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End it; what it served can't be reached any more."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 15)
        self.process.wait()

    @property
    def connections(self) -> int:
        """How many requests it had so far."""
        return self.log.read_text().count("Request upload-pack")


@contextlib.contextmanager
def serve(base: Path, *, port: int | None = None) -> Iterator[Daemon]:
    """Serve the repositories below `base` as `git://127.0.0.1:PORT/<path>`."""
    port = port or free_port()
    log = base.parent / f"daemon-{port}.log"
    command = ["git", "daemon", "--verbose", "--reuseaddr", "--export-all"]
    command += ["--listen=127.0.0.1", f"--port={port}", f"--base-path={base}", str(base)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **_AUTHOR},
        )
    daemon = Daemon(f"git://127.0.0.1:{port}", process, log)
    try:
        _wait_for(port)
        yield daemon
    finally:
        daemon.stop()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nobody listens on {port}")
