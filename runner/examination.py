"""What is on this machine: the programs, interpreters, homes and caches that runs rely on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.settings import Settings

# They lie with the engine, so that deleting the cache home leaves them.
REMOVE = "image prune --all --filter label=reprun=image"


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
        _conda(),
        *_docker(),
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


def _conda() -> Finding:
    """What conda projects are made with: no conda, but the person's configuration of it."""
    from importlib.metadata import version

    from runner.conda import channels, configuration
    from runner.errors import RunnerError

    try:
        found = configuration.read(os.environ, Path.home())
        names = [one.name for one in channels.effective((), found)]
    except RunnerError as error:
        return Finding("conda", "missing", error.message, error.hint)
    source = f"as {', '.join(found.files)} {'says' if len(found.files) == 1 else 'say'}"
    offline = ", offline" if found.offline else ""
    said = f"channels {', '.join(names)}{offline}, {source if found.files else 'by default'}"
    hint = "; ".join(found.warnings) or None
    return Finding("conda", "ok", f"py-rattler {version('py-rattler')}, {said}", hint)


def _docker() -> Iterator[Finding]:
    from runner.containers import condition
    from runner.containers.engine import DOCTOR
    from runner.errors import RunnerError

    try:
        found = condition.look()
    except RunnerError as error:
        way = (error.hint or "").removesuffix(f"; {DOCTOR}")
        hint = "; ".join(filter(None, ("only projects with a `docker_env` need one", way)))
        yield Finding("docker", "note", error.message, hint)
        return
    who = "rootless" if found.rootless else "run by root"
    free = "" if found.free_bytes is None else f", {found.free_bytes / (1 << 30):.0f} GiB free"
    engine = f"{found.make} {found.version}, API {found.api}, {who} ({found.address}{free})"
    yield Finding("docker", "ok", engine)
    if found.images:
        count = "1 image" if found.images == 1 else f"{found.images} images"
        yield Finding(
            "images",
            "ok",
            f"{count} that reprun built, with their bases",
            f"to remove them: `{found.make.lower()} {REMOVE}`",
            size_bytes=found.images_bytes,
        )


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
