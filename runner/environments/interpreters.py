"""Finds the Python a project asks for: on PATH, under pyenv, uv's own, fetched, or the nearest."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.environments import facts, versions
from runner.errors import NoSuchPython

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.environments.base import Interpreter
    from runner.progress import Progress
    from runner.settings import Settings


_PYTHON_2: Final = re.compile(r"(?:==|~=)?\s*2(?:\.|$)")


def find(
    text: str | None,
    *,
    exact: bool,
    settings: Settings,
    progress: Progress,
    fetch: bool = True,
    warn: bool = True,
) -> Interpreter:
    """The interpreter for `text`: a version, a specifier, or None for the one that runs reprun.

    A pinned patch release that is absent is fetched by uv where it can; else the nearest patch of
    the same minor is taken with a warning, which `exact` refuses. `fetch` and `warn` can be
    switched off by those who only look.

    Raises:
        NoSuchPython: there is none, and none can be fetched.
    """
    own = facts.running()
    wanted = parse(text)
    # The same minor as reprun's own unless something else is asked for: it is surely there, and
    # MLflow does likewise. The lock then says which, so that it stays.
    if not wanted or versions.admits(wanted, own.version):
        return own
    known = facts.Facts(settings)
    try:
        return (
            _best(wanted, known)
            or (_fetched(wanted, text or "", known, progress) if fetch else None)
            or _nearest(wanted, known, progress if warn else None, exact=exact)
            or _refuse(text or "", known)
        )
    finally:
        known.save()


def installed(settings: Settings) -> tuple[Interpreter, ...]:
    """Every interpreter on this machine, newest first, each once."""
    known = facts.Facts(settings)
    found = {own.path: own for own in [facts.running()]}
    for path in _candidates(()):
        if path not in found and (interpreter := known.interpreter(path)) is not None:
            found[path] = interpreter
    known.save()
    return tuple(sorted(found.values(), key=_newest_first))


def parse(text: str | None) -> versions.Wanted:
    """What `text` asks for; see `versions.parse`.

    Raises:
        NoSuchPython: it is no version.
    """
    try:
        return versions.parse(text or "")
    except ValueError:
        raise NoSuchPython(
            f"`{text}` is no Python version", "write a version such as `3.11` or `>=3.10,<3.13`"
        ) from None


def _newest_first(interpreter: Interpreter) -> tuple[int, ...]:
    return tuple(-number for number in versions.numbers(interpreter.version))


def _best(wanted: versions.Wanted, known: facts.Facts) -> Interpreter | None:
    """The newest that is wanted; of two alike, the first on PATH."""
    found = [
        interpreter
        for path in _candidates(wanted)
        if (interpreter := known.interpreter(path)) is not None
        and interpreter.implementation == "cpython"
        and versions.admits(wanted, interpreter.version)
    ]
    return min(found, key=_newest_first, default=None)


def _fetched(
    wanted: versions.Wanted, text: str, known: facts.Facts, progress: Progress
) -> Interpreter | None:
    from runner.environments import uv

    now = time.time()
    if known.missing(text, now=now):
        return None
    if uv.install_python(text, progress=progress):
        return _best(wanted, known)
    known.note_missing(text, now=now)
    return None


def _nearest(
    wanted: versions.Wanted, known: facts.Facts, progress: Progress | None, *, exact: bool
) -> Interpreter | None:
    release = versions.exact(wanted)
    if release is None or exact:
        return None
    near = _near(versions.same_minor(release), release, known)
    if near is not None and progress is not None:
        progress.warning(
            f"Python {release} isn't here and can't be fetched; Python {near.version} is used",
            "pass `--exact` to refuse another patch release",
        )
    return near


def _near(wanted: versions.Wanted, release: str, known: facts.Facts) -> Interpreter | None:
    patch = (*versions.numbers(release), 0, 0, 0)[2]
    own = facts.running()
    found = [own] if versions.admits(wanted, own.version) else []
    for path in _candidates(wanted):
        interpreter = known.interpreter(path)
        if interpreter is not None and versions.admits(wanted, interpreter.version):
            found.append(interpreter)
    return min(
        found,
        key=lambda one: (abs(versions.numbers(one.version)[2] - patch), _newest_first(one)),
        default=None,
    )


def _refuse(text: str, known: facts.Facts) -> Interpreter:
    there = {facts.running().version}
    for path in _candidates(()):
        if (interpreter := known.interpreter(path)) is not None:
            there.add(interpreter.version)
    listed = ", ".join(sorted(there, key=versions.numbers))
    if _PYTHON_2.match(text):
        raise NoSuchPython(
            f"Python {text} is too old: neither virtualenv nor uv makes environments of it",
            f"ask for one that is here: {listed}",
        )
    raise NoSuchPython(
        f"no Python {text} on this machine, and uv can't fetch it",
        f"install it (`pyenv install {text}`), or ask for one that is here: {listed}",
    )


def _candidates(wanted: versions.Wanted) -> Iterator[Path]:
    """Executables that may be what is wanted: real files, each once, shims left out."""
    seen: set[str] = set()
    for path in (*_on_path(wanted), *_pyenv(wanted), *_managed_by_uv(wanted)):
        real = os.path.realpath(path)
        if real not in seen and os.access(real, os.X_OK) and not _is_script(real):
            seen.add(real)
            yield Path(real)


def _minors(wanted: versions.Wanted) -> tuple[int, ...]:
    if (release := versions.exact(wanted)) is not None:
        return versions.numbers(release)[1:2]
    first_and_last = ("0", "99")
    return tuple(
        minor
        for minor in range(6, 20)
        if any(versions.admits(wanted, f"3.{minor}.{patch}") for patch in first_and_last)
    )


def _on_path(wanted: versions.Wanted) -> Iterator[str]:
    names = ("python3", "python", *(f"python3.{minor}" for minor in _minors(wanted)))
    for folder in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        if folder.startswith("/"):
            for name in names:
                path = f"{folder}/{name}"
                if os.path.exists(path):  # noqa: PTH110  a warm run does this two hundred times
                    yield path


def pyenv_root() -> Path:
    """Where pyenv keeps its versions and shims."""
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _pyenv(wanted: versions.Wanted) -> Iterator[str]:
    folder = pyenv_root() / "versions"
    for name in sorted(_names(folder)):
        # The folder is called what it holds (`3.10.13`), save for a person's own environments.
        if versions.numbers(name)[2:] and versions.admits(wanted, name):
            yield str(folder / name / "bin" / "python")


def _managed_by_uv(wanted: versions.Wanted) -> Iterator[str]:
    given = os.environ.get("UV_PYTHON_INSTALL_DIR")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    folder = Path(given) if given else Path(data) / "uv" / "python"
    for name in sorted(_names(folder)):
        parts = name.split("-")
        if len(parts) > 1 and parts[0] == "cpython" and versions.admits(wanted, parts[1]):
            yield str(folder / name / "bin" / "python3")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  hot
    except OSError:
        return []


def _is_script(path: str) -> bool:
    """A shim starts another interpreter, which one depends on the folder it is started in."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  hot
            return file.read(2) == b"#!"
    except OSError:
        return True
