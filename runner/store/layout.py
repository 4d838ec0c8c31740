"""Where things lie in the data home: run ids, the paths below a run, and the home itself."""

from __future__ import annotations

import errno
import os
import re
import time
from typing import TYPE_CHECKING

from runner.errors import RequestError, SettingsError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings

RECORD = "record.json"
LOCK = "lock"
ARTIFACTS = "artifacts"
JOURNAL = "logged.jsonl"  # what the step logged by MLflow's calls, as it came
LOGGED = "logged"  # the artifacts that the step handed over by MLflow's calls
UPLOADING = ".uploading-"  # what a client has not sent whole yet
CHECKOUT = "checkout"  # kept because somebody asked for it, or to save what is in it
PARENT = "__parent__"

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANDOM_BITS = 80

_last = 0


def new_id() -> str:
    """A new run id: a ULID in lower case, later ones of one process always sort higher.

    Written here because importing python-ulid takes longer than a whole Python start.
    Source of the format: https://github.com/ulid/spec.
    """
    global _last  # noqa: PLW0603  monotonic within the process, as the specification asks
    fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | int.from_bytes(os.urandom(10), "big")
    # Within one millisecond (or when the clock steps back) the next value after the last one.
    _last = fresh if fresh >> _RANDOM_BITS > _last >> _RANDOM_BITS else _last + 1
    return "".join(_CROCKFORD[_last >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether `text` may name a run's folder."""
    return _RUN_ID.fullmatch(text) is not None


def run_ids(settings: Settings) -> list[str]:
    """The folders of the store that may hold a run, unsorted."""
    try:
        entries = os.listdir(settings.runs)  # noqa: PTH208  100,000 names
    except FileNotFoundError:
        return []
    return [name for name in entries if is_id(name)]


def is_digest(text: str) -> bool:
    """Whether `text` is a hexadecimal SHA-256, and so may name an object."""
    return _SHA256.fullmatch(text) is not None


def check_id(text: str) -> str:
    """`text`, if it can be a run id.

    Raises:
        RequestError: it can't.
    """
    if not is_id(text):
        raise RequestError(
            f"`{text}` can't be a run id",
            "use up to 64 letters, digits, `-` and `_`, a letter or digit first",
        )
    return text


def run_directory(run_id: str, settings: Settings) -> Path:
    """The folder of the run, whether it is there or not.

    Raises:
        RequestError: `run_id` can't name a folder.
    """
    return settings.runs / check_id(run_id)


def pending_directory(settings: Settings) -> Path:
    """Marks of records that the index may not know yet."""
    return settings.data / "runs-pending"


def object_path(digest: str, settings: Settings) -> Path:
    """Where the object with this SHA-256 lies.

    Raises:
        StoreError: `digest` is no SHA-256.
    """
    if not is_digest(digest):
        raise StoreError(f"`{digest}` is no SHA-256 of an object")
    return settings.objects / digest


def clean_path(path: str, *, parents: int = 0) -> bool:
    """Whether a recorded `path` stays inside: relative, no `..` but `parents` leading ones."""
    parts = path.split("/")
    leading = 0
    while leading < len(parts) and parts[leading] == "..":
        leading += 1
    rest = parts[leading:]
    return (
        bool(rest)
        and leading <= parents
        and "\0" not in path
        and not any(part in {"", ".", ".."} for part in rest)
    )


def artifact_name(path: str) -> str:
    """Where an output lies below `artifacts/`: `path`, its leading `../` as `__parent__/`."""
    parts = path.split("/")
    return "/".join(PARENT if part == ".." else part for part in parts)


def prepare(settings: Settings) -> None:
    """Make both homes, readable by their owner only.

    Raises:
        SettingsError: a home can't be made or written: read-only, a file, no space.
    """
    for home, variable in ((settings.data, "REPRUN_HOME"), (settings.cache, "REPRUN_CACHE")):
        _prepare(home, f"set {variable} to a folder that you can write to")
    for folder in (settings.runs, settings.objects, pending_directory(settings)):
        _prepare(folder, "set REPRUN_HOME to a folder that you can write to")


def _prepare(folder: Path, hint: str) -> None:
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} can't be made: {_reason(error)}", hint) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"{folder} is read-only", hint)


def _reason(error: OSError) -> str:
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return "a file is in its place"
    return (error.strerror or str(error)).lower()


def storing(what: str, error: OSError, *, hint: str | None = None) -> StoreError:
    """The error for a failed write: what could not be kept, why, and where it was to go."""
    where = f" ({error.filename})" if error.filename else ""
    if hint is None and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = "free some space, for example with `reprun runs delete`, or set REPRUN_HOME"
    return StoreError(
        f"{what} can't be kept: {(error.strerror or str(error)).lower()}{where}", hint
    )
