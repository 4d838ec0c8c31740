"""What is known about each interpreter on this machine, kept in the cache home.

An entry is keyed by the executable's path and holds as long as its size and time of change do, so
that a warm run starts no process to learn what its Python is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.environments.base import Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.settings import Settings

_PROBE: Final = (
    "import sys,json;"
    "sys.stdout.write(json.dumps(["
    "'.'.join(map(str,sys.version_info[:3]))+"
    "('' if sys.version_info[3]=='final' else sys.version_info[3][:1]+str(sys.version_info[4])),"
    "sys.version.replace(chr(10),' '),"
    "sys.implementation.name if hasattr(sys,'implementation') else 'cpython',"
    "[p for p in sys.path if p.endswith('-packages')]]))"
)
_ANSWERS: Final = 4
_DAY: Final = 24 * 3600
_PROBE_SECONDS: Final = 20


class Facts:
    """The known interpreters: read once, written back by `save` if something was learnt."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.cache / "interpreters.json"
        self._entries = _read(self._file)
        self._changed = False

    def interpreter(self, path: Path) -> Interpreter | None:
        """What `path` is; None where it is no Python 3 that runs."""
        entry = self._entry(path)
        if not entry or not entry["answer"]:
            return None
        version, build, implementation, folders = entry["answer"]
        return Interpreter(path, version, build, implementation, tuple(map(Path, folders)))

    def missing(self, version: str, *, now: float) -> bool:
        """Whether fetching `version` failed within the last day."""
        tried = self._entries.get(f"missing:{version}", {}).get("time", 0)
        return bool(now - tried < _DAY)

    def note_missing(self, version: str, *, now: float) -> None:
        """Remember that `version` can't be fetched, so that not every run tries again."""
        self._entries[f"missing:{version}"] = {"time": now}
        self._changed = True

    def save(self) -> None:
        """Keep what was learnt; a cache home that can't be written only costs time."""
        if self._changed:
            from runner.files import atomic_write

            try:
                atomic_write(self._file, json.dumps(self._entries).encode())
            except OSError:
                return

    def _entry(self, path: Path) -> dict[str, Any] | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        key, stamp = str(path), [stat.st_mtime_ns, stat.st_size]
        entry = self._entries.get(key)
        if entry is None or entry.get("stamp") != stamp:
            entry = {"stamp": stamp, "answer": _ask(path)}
            self._entries[key] = entry
            self._changed = True
        return entry


@contextlib.contextmanager
def examining(path: Path) -> Iterator[Callable[[], Interpreter | None]]:
    """Asks what `path` is while the body runs; None is the answer where it is no Python."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_examine, path)
        yield asked.result


def _examine(path: Path) -> Interpreter | None:
    answer = _ask(path) or _ask(path, "-E", "-s")  # Python 2 has no -I
    if answer is None:
        return None
    version, build, implementation, folders = answer
    return Interpreter(path, version, build, implementation, tuple(map(Path, folders)))


def running() -> Interpreter:
    """The interpreter that runs reprun, its virtual environment taken away."""
    version = sys.version_info
    suffix = (
        "" if version.releaselevel == "final" else f"{version.releaselevel[:1]}{version.serial}"
    )
    base = getattr(sys, "_base_executable", "") or sys.executable
    return Interpreter(
        path=Path(os.path.realpath(base)),
        version=f"{version.major}.{version.minor}.{version.micro}{suffix}",
        build=sys.version.replace("\n", " "),
        implementation=sys.implementation.name,
    )


def quiet_variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited` without what would make an interpreter load somebody else's modules."""
    return {
        name: value
        for name, value in inherited.items()
        if not name.startswith(("PYTHON", "CONDA_")) and name != "VIRTUAL_ENV"
    }


def _ask(path: Path, *flags: str) -> list[Any] | None:
    import subprocess

    try:
        done = subprocess.run(
            [path, *(flags or ("-I",)), "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=quiet_variables(os.environ),
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return answer if isinstance(answer, list) and len(answer) == _ANSWERS else None


def _read(file: Path) -> dict[str, Any]:
    try:
        entries = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {key: value for key, value in entries.items() if isinstance(value, dict)}
