"""Resolves the `pip:` section of a conda environment among the packages that conda has solved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.conda import beside, pip_addresses, python_packages, replaced
from runner.environments.local_packages import DYNAMIC
from runner.environments.resolve import kept_options, lay_out
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from runner.conda.model import LockedPackage
    from runner.environments.base import Interpreter, Spec
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

    if not spec.requirements and not any(key.startswith(DYNAMIC) for key in spec.extra):
        return Section()
    interpreter = python_of(prefix, spec.origin, settings)
    held = python_packages.held_in(prefix)
    progress.update("resolving the `pip:` section")
    with TemporaryDirectory(prefix="reprun-pip-") as temporary:
        folder = Path(temporary)
        refused = replaced.refused(spec, held, interpreter)
        kept = {name: one for name, one in held.items() if name not in refused}
        python_packages.lay_out(kept.values(), folder / beside.CONDA)
        room = beside.Room(spec, interpreter, kept, folder, lay_out(spec, files, folder))
        found = beside.resolved(room, progress)
        options = tuple(kept_options(spec, progress))
        packages = pip_addresses.located(
            found.entries,
            spec,
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
        old = any((prefix / "lib").glob("python2*"))
        raise EnvironmentFailure(
            f"{where}there is a `pip:` section, but conda's packages bring "
            f"{'Python 2, for which' if old else 'no Python that runs: so'} it can't be locked",
            "ask for Python 3, or have its packages from conda" if old else _HINT,
        )
    return found
