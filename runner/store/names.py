"""What a person may call a run: any unique prefix, `latest`, `latest:ENTRY`, a record's path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import UnknownRun
from runner.store import layout

if TYPE_CHECKING:
    from runner.settings import Settings

_SHOWN = 5
LATEST = "latest"


def record_path(name: str | Path) -> Path | None:
    """The record that `name` is a path to (or to the folder of), None where it is no path."""
    if isinstance(name, str) and "/" not in name and not name.endswith(".json"):
        return None
    path = Path(name)
    if path.is_dir():
        path /= layout.RECORD
    if not path.is_file():
        # `latest:scripts/train.py` has a slash and is no path.
        if str(name).startswith(f"{LATEST}:"):
            return None
        raise UnknownRun(f"there is no record at {path}")
    return path.absolute()


def find(
    name: str,
    *,
    settings: Settings,
    status: str | None = None,
    project: tuple[str, str] | None = None,
) -> str:
    """The id of the run that `name` names.

    Args:
        name: as a person gives it, upper or lower case.
        settings: the homes.
        status: `latest` only looks at runs of this status, None for all.
        project: address and subdirectory of the project whose runs `latest` prefers.

    Raises:
        UnknownRun: no run of this store, or several, have that name.
    """
    if (path := record_path(name)) is not None:
        return _of_this_store(path, settings)
    word, _, entry_point = name.partition(":")
    if word.lower() == LATEST:
        return _latest(entry_point or None, status, settings, project)
    return _by_prefix(name, settings)


def _of_this_store(path: Path, settings: Settings) -> str:
    if path.parent.parent.resolve() != settings.runs.resolve():
        raise UnknownRun(f"{path} lies outside of the store {settings.data}")
    return path.parent.name


def _by_prefix(name: str, settings: Settings) -> str:
    ids = layout.run_ids(settings)
    if name in ids and (settings.runs / name / layout.RECORD).exists():
        return name
    prefix = name.lower()
    found = sorted((known for known in ids if known.lower().startswith(prefix)), reverse=True)
    found = [known for known in found if (settings.runs / known / layout.RECORD).exists()]
    if len(found) == 1 and prefix:
        return found[0]
    if not found:
        raise UnknownRun(f"no run is called `{name}`", _nearby(ids))
    shown = ", ".join(found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise UnknownRun(f"`{name}` could be {len(found)} runs: {shown}{more}", "type more of the id")


def _nearby(ids: list[str]) -> str:
    if not ids:
        return "start with `reprun run .`"
    newest = ", ".join(sorted(ids, reverse=True)[:_SHOWN])
    return f"`reprun runs list` shows all; the latest are {newest}"


def _latest(
    entry_point: str | None,
    status: str | None,
    settings: Settings,
    project: tuple[str, str] | None,
) -> str:
    from runner.progress import Silent
    from runner.store import index
    from runner.store.summaries import Filter

    # What a step started is no run that a person means by `latest`, unless they name it; what it
    # logged as a run is no step at all.
    top = "" if entry_point is None else None
    wanted = Filter(entry_point=entry_point, status=status, parent=top, steps=True, limit=1)
    if project is not None:
        own = replace(wanted, source=project[0], limit=None)
        for one in index.list_runs(own, settings=settings, progress=Silent()):
            if (one.source, one.subdirectory) == project:
                return one.id
    found = index.list_runs(wanted, settings=settings, progress=Silent())
    if found:
        return found[0].id
    kind = f"{status} run" if status else "run"
    of = f" of `{entry_point}`" if entry_point else ""
    every = index.list_runs(Filter(limit=200), settings=settings, progress=Silent())
    known = sorted({summary.entry_point for summary in every})
    hint = f"there are runs of {', '.join(known)}" if known else "start with `reprun run .`"
    raise UnknownRun(f"there is no {kind}{of} yet", hint)
