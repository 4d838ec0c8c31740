"""The mark of an environment: that it is being built, or that it is finished and what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from runner.environments.base import Interpreter, Package
from runner.environments.contents import MARKER

if TYPE_CHECKING:
    from runner.environments.base import Lock

VERSION = 1


class Marker(Struct, frozen=True):
    """Everything that a warm run needs to know of a finished environment.

    Attributes:
        lock: the lock's SHA-256.
        stamp: size and time of change (nanoseconds) of the interpreter's executable.
        stat: digest of the environment's files by size and time, from `contents.stat_digest`.
    """

    lock: str
    interpreter: Interpreter | None
    stamp: tuple[int, int] | None
    packages: tuple[Package, ...]
    fingerprint: str
    stat: str


def begin(at: Path, lock: Lock) -> None:
    """Mark `at`, just made, as being built."""
    _write(at, {"version": VERSION, "state": "building", "lock": lock.sha256})


def finish(at: Path, marker: Marker) -> None:
    """Mark `at` as finished; the last thing that happens to it."""
    content = asdict(marker)
    content["packages"] = [_package(package) for package in marker.packages]
    if (own := marker.interpreter) is not None:
        content["interpreter"] = [str(own.path), own.version, own.build, own.implementation]
    _write(at, {"version": VERSION, "state": "complete", **content})


def read(at: Path) -> Marker | None:
    """The mark of a finished environment; None where there is none, or none that is finished."""
    try:
        content = json.loads((at / MARKER).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("version") != VERSION:
        return None
    return _from_json(content) if content.get("state") == "complete" else None


def stamp_of(interpreter: Interpreter | None) -> tuple[int, int] | None:
    """Size and time of change of the interpreter's executable; None where it is gone."""
    if interpreter is None:
        return None
    try:
        status = interpreter.path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _write(at: Path, content: dict[str, Any]) -> None:
    from runner.files import atomic_write

    atomic_write(at / MARKER, json.dumps(content).encode())


def _package(package: Package) -> dict[str, Any]:
    content = asdict(package)
    if package.type == "pypi":
        del content["type"]  # a reprun that does not know it shares this cache
    return content


def _from_json(content: dict[str, Any]) -> Marker | None:
    try:
        own = content["interpreter"]
        return Marker(
            lock=content["lock"],
            interpreter=Interpreter(Path(own[0]), *own[1:]) if own else None,
            stamp=tuple(content["stamp"]) if content["stamp"] else None,
            packages=tuple(Package(**one) for one in content["packages"]),
            fingerprint=content["fingerprint"],
            stat=content["stat"],
        )
    except (KeyError, TypeError):
        return None
