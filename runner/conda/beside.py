"""Resolves beside conda's packages: as they are, else with as few in other versions as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from runner.conda import python_packages
from runner.environments import building, compiling
from runner.environments.build_tools import BuildTools
from runner.environments.compiling import Among
from runner.environments.requirements import name_of
from runner.errors import BuildFailure, DependencyConflict, EnvironmentFailure, NoSuchPackage
from runner.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from runner.conda.python_packages import Held
    from runner.environments.base import Interpreter, Spec
    from runner.environments.building import Resolved
    from runner.environments.compiling import Compiled
    from runner.progress import Progress

CONDA: Final = "conda"


class Room(NamedTuple):
    """What is resolved, and where.

    Attributes:
        kept: conda's Python packages that the project itself asks no other version of.
        folder: for the files that uv reads; its folder `CONDA` has wheels for conda's packages.
        sources: own files of packages that are built for what they depend on.
    """

    spec: Spec
    interpreter: Interpreter
    kept: Mapping[str, Held]
    folder: Path
    sources: list[str]


def resolved(room: Room, progress: Progress) -> Resolved:
    """Pins for what conda lacks; of `room.kept` only what can't stay is among them.

    Raises:
        EnvironmentFailure: no such package, a conflict, no network, a build that fails.
    """
    try:
        found = _attempt(room, _limits(room, room.kept), progress)
    except (DependencyConflict, NoSuchPackage):
        found = _attempt(room, _fewest(room, progress), progress)
    except BuildFailure as error:
        found = _otherwise(room, error, progress)
    _compare(found, room, progress)
    return found


def _otherwise(room: Room, error: BuildFailure, progress: Progress) -> Resolved:
    """What does not build may be the last version that knows nothing of what it can't do with."""
    free = _compiled(room, _wishes(room))
    if free.error or free.entries == _compiled(room, _limits(room, room.kept)).entries:
        raise error
    try:
        return _attempt(room, _fewest(room, progress), progress)
    except EnvironmentFailure:
        raise error from None


def _fewest(room: Room, progress: Progress) -> tuple[str, ...]:
    """What tells uv to leave as many of conda's packages as can be: each is tried in turn.

    Left to itself uv takes the newest of what it likes, and then what goes with that.
    """
    free = _compiled(room, _wishes(room))
    others = sorted({name_of(entry) or "" for entry in free.entries} & set(room.kept))
    limits = {name: one for name, one in room.kept.items() if name not in others}
    for name in others if len(others) > 1 else ():
        progress.update(f"looking whether conda's `{name}` can stay")
        more = {**limits, name: room.kept[name]}
        if _compiled(room, _limits(room, more)).error is None:
            limits = more
    return (*_limits(room, limits), *_wishes(room))


def _limits(room: Room, kept: Mapping[str, Held]) -> tuple[str, ...]:
    """What tells uv to leave these of conda's packages as they are."""
    file = room.folder / "limits.txt"
    file.write_text(_pins(kept))
    return ("--constraints", str(file))


def _wishes(room: Room) -> tuple[str, ...]:
    """What tells uv to take conda's packages where they suit: as an earlier answer of its own."""
    file = room.folder / "wishes.txt"
    file.write_text(_pins(room.kept))
    return ("--output-file", str(file))


def _pins(held: Mapping[str, Held]) -> str:
    return "".join(f"{one.name}=={one.version}\n" for one in held.values())


def _attempt(room: Room, told: tuple[str, ...], progress: Progress) -> Resolved:
    among = _among(room, told)
    return building.resolved(
        room.spec, room.interpreter, room.folder, room.sources, progress, among=among
    )


def _compiled(room: Room, told: tuple[str, ...]) -> Compiled:
    """What it would be, whether that can be built or not."""
    question = compiling.Question(
        room.spec,
        compiling.mended(room.spec, Silent()),
        room.interpreter,
        room.sources,
        room.folder,
        _among(room, told),
    )
    return compiling.compile_once(question, BuildTools(as_of=room.spec.as_of), (), Silent())


def _among(room: Room, told: tuple[str, ...]) -> Among:
    return Among(
        seeds={},
        held={name: one.version for name, one in room.kept.items()},
        universal=False,
        told=("--find-links", str(room.folder / CONDA), *told),
        settings=python_packages.metadata(room.kept.values()),
    )


def _compare(found: Resolved, room: Room, progress: Progress) -> None:
    """Say which packages of the section are older than they would be without conda's.

    uv may go back by years to find a version that knows nothing of what it can't do with.
    """
    asked = {name_of(line) for line in room.spec.requirements if "==" not in line}
    now = _versions(found.entries, asked)
    free = _versions(_compiled(room, _wishes(room)).entries, asked) if now else {}
    for name, version in free.items():
        if name in now and now[name] != version:
            progress.warning(
                f"`{name}` is {now[name]}, as {version} can't do with what conda has solved",
                f"pin `{name}` below `pip:`, and pip replaces what it must",
            )


def _versions(entries: Iterable[str], names: Iterable[str | None]) -> dict[str, str]:
    wanted = set(names)
    pins = ((name_of(entry), compiling.pinned(entry)) for entry in entries)
    return {name: version for name, version in pins if name and version and name in wanted}
