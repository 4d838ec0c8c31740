"""What a killed reprun leaves of a step's container: noted before it is made, removed later."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Final

from runner.errors import RunnerError
from runner.files import remove_tree
from runner.locking import try_hold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.settings import Settings

_NOTE: Final = "container.json"
_LOCK: Final = ".lock"
_PATIENCE: Final = 20  # seconds that a command waits for an engine that is none of its business


@contextlib.contextmanager
def noted(key: str, *, name: str, engine: str, settings: Settings) -> Iterator[Path]:
    """A folder of one container alone, with a note of what to remove; gone at the end.

    Args:
        key: nobody else's, such as the run's id.
        name: the container's.
        engine: where the engine listens.

    Raises:
        OSError: it can't be made.
    """
    place = settings.containers / f"{key}{_LOCK}"
    lock = try_hold(place)
    assert lock is not None, "another process has this run"
    folder = place.with_suffix("")
    gone = True
    try:
        folder.mkdir(mode=0o700)
        (folder / _NOTE).write_text(json.dumps({"engine": engine, "name": name}))
        try:
            yield folder
        except BaseException:
            gone = _removed(folder)
            raise
    finally:
        if gone:
            remove_tree(folder)
            place.unlink(missing_ok=True)
        lock.release()


def sweep(settings: Settings) -> None:
    """Remove the containers of runs whose reprun was killed, or whose engine had gone away.

    Costs a look into one folder where there is nothing. What can't be removed now stays noted.
    """
    try:
        names = os.listdir(settings.containers)  # noqa: PTH208  on every command
    except OSError:
        return
    for name in names:
        if name.endswith(_LOCK):
            with contextlib.suppress(OSError, RunnerError):
                _sweep(settings.containers / name)


def _sweep(place: Path) -> None:
    lock = try_hold(place)
    if lock is None:
        return  # its run is alive
    try:
        folder = place.with_suffix("")
        if not folder.is_dir() or _removed(folder):
            remove_tree(folder)
            place.unlink(missing_ok=True)
    finally:
        lock.release()


def _removed(folder: Path) -> bool:
    """Remove the container that is noted; False where its engine doesn't answer."""
    try:
        note = json.loads((folder / _NOTE).read_bytes())
        name, place = str(note["name"]), str(note["engine"])
    except (OSError, ValueError, KeyError, TypeError):
        return True  # killed before there was a container
    from docker.errors import NotFound

    from runner.containers.engine import Engine

    try:
        with Engine(place, patience=_PATIENCE) as engine, engine.asked("a container was removed"):
            with contextlib.suppress(NotFound):
                engine.api.remove_container(name, force=True, v=True)
            return True
    except RunnerError:
        return False
