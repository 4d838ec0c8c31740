"""What is on this machine: the programs, interpreters, homes and caches that runs rely on."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.settings import Settings


class Finding(Struct, frozen=True):
    """One thing that was looked for.

    Attributes:
        state: `ok`, `missing`, or `note` for what only some projects need.
        found: what was found, or what can't be done without it.
        needed: whether every run needs it.
        size_bytes: what a cache or a store takes on the disk.
    """

    name: str
    state: Literal["ok", "missing", "note"]
    found: str
    hint: str | None = None
    needed: bool = False
    size_bytes: int | None = None

    def to_json(self) -> dict[str, object]:
        """The finding as `reprun doctor --json` prints it."""
        return {
            "name": self.name,
            "state": self.state,
            "found": self.found,
            "hint": self.hint,
            "needed": self.needed,
            "size_bytes": self.size_bytes,
        }


def examine(settings: Settings) -> list[Finding]:
    """Look for everything that a run may need; nothing is changed on the machine."""
    return [
        _program("git", "no project can be fetched", hint="install git 2.30 or newer"),
        _program("bash", "no step can be started", hint="install bash"),
        *_interpreters(settings),
        _uv(),
        _virtualenv(),
        _docker(),
        *_homes(settings),
        *_caches(settings),
    ]


def _program(name: str, without: str, *, hint: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "missing", f"not on PATH: {without}", hint, needed=True)
    said = _first_line([path, "--version"])
    return Finding(name, "ok", f"{said} ({path})", needed=True)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not answer: {error}"
    return (done.stdout or done.stderr).strip().split("\n", 1)[0]


def _interpreters(settings: Settings) -> Iterator[Finding]:
    from runner.environments.interpreters import installed

    found = sorted(installed(settings), key=lambda one: _numbers(one.version))
    if not found:
        hint = "install one, or let uv fetch one: `uv python install 3.12`"
        yield Finding("python", "missing", "no interpreter: no venv can be made", hint)
    for interpreter in found:
        yield Finding("python", "ok", f"{interpreter.version} ({interpreter.path})")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _uv() -> Finding:
    from runner.environments.uv import binary
    from runner.errors import RunnerError

    try:
        path = binary()
    except RunnerError as error:
        return Finding("uv", "missing", "no environment can be locked or filled", error.hint)
    return Finding("uv", "ok", f"{_first_line([str(path), '--version'])} ({path})")


def _virtualenv() -> Finding:
    from importlib.metadata import version

    return Finding("virtualenv", "ok", version("virtualenv"))


def _docker() -> Finding:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
        try:
            said = client.version()
        finally:
            client.close()
    except DockerException:
        place = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        hint = "only projects with a `docker_env` need one; start dockerd, or set DOCKER_HOST"
        return Finding("docker", "note", f"no engine answers at {place}", hint)
    return Finding("docker", "ok", f"engine {said['Version']}, API {said['ApiVersion']}")


def _homes(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("data home", settings.data), ("cache home", settings.cache)):
        standing = next(path for path in (folder, *folder.parents) if path.exists())
        if standing.is_dir() and os.access(standing, os.W_OK | os.X_OK):
            free = shutil.disk_usage(standing).free / (1 << 30)
            yield Finding(name, "ok", f"{folder} ({free:.0f} GiB free)", needed=True)
        else:
            hint = "set REPRUN_HOME and REPRUN_CACHE to folders that can be written"
            yield Finding(name, "missing", f"{folder} can't be written", hint, needed=True)


def _caches(settings: Settings) -> Iterator[Finding]:
    from runner.store.gc import sizes

    for size in sizes(settings):
        yield Finding(size.name, "ok", str(size.path), size_bytes=size.size)
