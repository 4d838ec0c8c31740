"""Resolves the `pip:` section of a conda environment among the packages that conda has solved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.conda import pip_addresses, python_packages, replaced
from runner.environments import building, compiling
from runner.environments.build_tools import BuildTools
from runner.environments.compiling import Among
from runner.environments.requirements import name_of
from runner.environments.resolve import kept_options, lay_out
from runner.errors import (
    BuildFailure,
    DependencyConflict,
    EnvironmentFailure,
    NoSuchPackage,
)
from runner.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.conda.model import LockedPackage
    from runner.conda.python_packages import Held
    from runner.environments.base import Interpreter, Spec
    from runner.environments.building import Resolved
    from runner.environments.conda_file import CondaFile
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

_HINT: Final = "add `- python=3.11`, or the version that you need, above `- pip:`"


class Section(NamedTuple):
    """A `pip:` section, locked.

    Attributes:
        packages: what is installed by pip, sorted by name; conda's packages that suit are not
            among them.
        options: index options of the project, without credentials: with them its packages are
            found again.
        notes: what builds among them need, as comments of a lock; `build_tools.of_lock` reads
            them where they are its first lines.
    """

    packages: tuple[LockedPackage, ...] = ()
    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Room(NamedTuple):
    """Where it is resolved: the Python, what conda has put beside it, a folder for uv's files."""

    interpreter: Interpreter
    held: Mapping[str, Held]
    folder: Path
    sources: list[str]


def require_python(content: CondaFile, path: str, solved: Iterable[str]) -> None:
    """Refuse a `pip:` section where conda's packages, by their names `solved`, have no Python.

    Raises:
        EnvironmentFailure: there is none to install it with.
    """
    if content.pip and "python" not in solved:
        first = content.pip[0]
        raise EnvironmentFailure(
            f"{path}:{first.line}:{first.column}: `{first.text}` is for pip, but conda's section "
            "brings no Python",
            _HINT,
        )


def resolve(
    spec: Spec, prefix: Path, *, files: ProjectFiles, settings: Settings, progress: Progress
) -> Section:
    """Lock the `pip:` section of `spec` for the conda packages that are in `prefix`.

    Conda's packages stay where that has an answer; where it has none, or where the section itself
    asks for another version, pip's replace them, with a warning.

    Raises:
        EnvironmentFailure: no such package, a conflict, no network, a build that fails.
    """
    from tempfile import TemporaryDirectory

    if not (spec.requirements or dict(spec.extra)):
        return Section()
    interpreter = python_of(prefix, spec.origin, settings)
    held = python_packages.held_in(prefix)
    progress.update("resolving the `pip:` section")
    with TemporaryDirectory(prefix="reprun-pip-") as temporary:
        folder = Path(temporary)
        room = _Room(interpreter, held, folder, lay_out(spec, files, folder))
        python_packages.lay_out(held.values(), folder / "conda", interpreter)
        found = _resolved(spec, room, progress)
        options = tuple(kept_options(spec, progress))
        packages = pip_addresses.located(
            found.entries,
            compiling.options(spec),
            interpreter,
            found.tools,
            folder,
            settings=settings,
            progress=progress,
        )
    replaced.warn(packages, held, spec, interpreter, progress)
    return Section(packages, options, found.tools.header())


def python_of(prefix: Path, origin: str | None, settings: Settings) -> Interpreter:
    """The Python in `prefix`.

    Raises:
        EnvironmentFailure: there is none that runs.
    """
    from runner.environments.facts import Facts

    found = Facts(settings).interpreter(prefix / "bin" / "python")
    if found is None:
        where = f"{origin}: " if origin else ""
        raise EnvironmentFailure(
            f"{where}there is a `pip:` section, but conda's packages bring no Python that runs",
            _HINT,
        )
    return found


def _resolved(spec: Spec, room: _Room, progress: Progress) -> Resolved:
    """With conda's packages as they are where that has an answer, else with pip's own."""
    refused = replaced.refused(spec, room.held, room.interpreter)
    kept = {name: one for name, one in room.held.items() if name not in refused}
    try:
        found = _attempt(spec, room, kept, _limits(room, kept), progress)
    except (DependencyConflict, NoSuchPackage):
        return _attempt(spec, room, kept, _wishes(room, kept), progress)
    except BuildFailure as error:
        # It may be the last version that knows nothing of what it can't do with.
        limited = _pins_of(spec, room, kept, _limits(room, kept))
        if limited == _pins_of(spec, room, kept, _wishes(room, kept)):
            raise
        try:
            return _attempt(spec, room, kept, _wishes(room, kept), progress)
        except EnvironmentFailure:
            raise error from None
    _compare(found, spec, room, kept, progress)
    return found


def _limits(room: _Room, kept: Mapping[str, Held]) -> tuple[str, ...]:
    """What tells uv to leave conda's packages as they are."""
    file = room.folder / "conda.txt"
    file.write_text(_pins(kept))
    return ("--constraints", str(file))


def _wishes(room: _Room, kept: Mapping[str, Held]) -> tuple[str, ...]:
    """What tells uv to take conda's packages where they suit: as an earlier answer of its own."""
    file = room.folder / "wishes.txt"
    file.write_text(_pins(kept))
    return ("--output-file", str(file))


def _pins(held: Mapping[str, Held]) -> str:
    return "".join(f"{one.name}=={one.version}\n" for one in held.values())


def _attempt(
    spec: Spec,
    room: _Room,
    kept: Mapping[str, Held],
    told: tuple[str, ...],
    progress: Progress,
) -> Resolved:
    return building.resolved(
        spec,
        room.interpreter,
        room.folder,
        room.sources,
        progress,
        among=_among(room, kept, told),
    )


def _among(room: _Room, kept: Mapping[str, Held], told: tuple[str, ...]) -> Among:
    return Among(
        seeds={},
        held={name: one.version for name, one in kept.items()},
        universal=False,
        told=("--find-links", str(room.folder / "conda"), *told),
    )


def _pins_of(
    spec: Spec, room: _Room, kept: Mapping[str, Held], told: tuple[str, ...]
) -> tuple[str, ...]:
    """What it would be, whether that can be built or not; empty where there is no answer."""
    lines = compiling.mended(spec, Silent())
    question = compiling.Question(
        spec, lines, room.interpreter, room.sources, room.folder, _among(room, kept, told)
    )
    return compiling.compile_once(question, BuildTools(as_of=spec.as_of), (), Silent()).entries


def _compare(
    found: Resolved, spec: Spec, room: _Room, kept: Mapping[str, Held], progress: Progress
) -> None:
    """Say which packages of the section are older than they would be without conda's.

    uv may go back by years to find a version that knows nothing of what it can't do with.
    """
    asked = {name_of(line) for line in spec.requirements if "==" not in line}
    now = _versions(found.entries, asked)
    if not now:
        return
    free = _versions(_pins_of(spec, room, kept, _wishes(room, kept)), asked)
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
