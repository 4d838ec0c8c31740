"""The newest Python that has wheels for what a project pins: for a project that names none.

Packages that are pinned to a version of 2018 have no wheels for a Python of today, and rarely build
there; people ran them with the Python of their day.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.environments import build_tools, interpreters, python_of_day, uv, versions
from runner.environments.build_tools import BuildTools
from runner.environments.requirements import name_of
from runner.errors import NoSuchPython

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.environments.base import Interpreter, Spec
    from runner.errors import EnvironmentFailure
    from runner.progress import Progress
    from runner.settings import Settings

_PINNED: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*===?\s*[\d][^;,]*$")
_NO_WHEEL: Final = re.compile(r"ecause (\S+?)(?:==\S+)? has no (?:usable )?wheels")
_ROUNDS: Final = 12


def better(
    spec: Spec, first: Interpreter, *, settings: Settings, progress: Progress
) -> Interpreter:
    """`first`, or an older Python that has wheels where `first` has none.

    Args:
        spec: names no Python.
        first: what is taken where everything fits.
    """
    for minor, gained in _older(spec, first, progress):
        if (found := _find(minor, settings, progress)) is not None:
            _say(found, first, gained, progress)
            return found
    return first


def suggest(
    error: EnvironmentFailure,
    spec: Spec,
    taken: Interpreter,
    *,
    settings: Settings,
    progress: Progress,
) -> None:
    """Let the hint of a build that fails name an older Python that need not build."""
    for minor, gained in _older(spec, taken, progress):
        if _find(minor, settings, progress) is not None:
            names = ", ".join(f"`{name}`" for name in sorted(gained))
            error.hint = f"pass `--python 3.{minor}`, for which {names} need not be built"
            return


def _older(
    spec: Spec, first: Interpreter, progress: Progress
) -> Iterator[tuple[int, frozenset[str]]]:
    """Older minor versions that lack fewer wheels, the best first, and what they have more."""
    pinned = tuple(line for line in spec.requirements if _PINNED.match(line))
    if not pinned:
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="reprun-python-") as temporary:
        question = _Question(spec, first, pinned, Path(temporary), progress)
        newest = versions.numbers(first.version)[1]
        lacking = question.lacking(newest)
        if not lacking:
            return
        progress.update(f"looking for a Python that has wheels of {', '.join(sorted(lacking))}")
        older = sorted((minor for minor in python_of_day.RELEASED if minor < newest), reverse=True)
        # What never has a wheel has none anywhere: the fewest is what there is to have.
        for minor in sorted(older, key=lambda minor: len(question.lacking(minor))):
            if len(question.lacking(minor)) >= len(lacking):
                return
            yield minor, lacking - question.lacking(minor)


class _Question:
    """Asks uv for which packages a Python has no wheels."""

    def __init__(
        self,
        spec: Spec,
        first: Interpreter,
        pinned: tuple[str, ...],
        folder: Path,
        progress: Progress,
    ) -> None:
        self._first = first
        self._spec = spec
        self._folder = folder
        self._progress = progress
        self._known: dict[int, frozenset[str]] = {}
        self._lines = {name: line for line in pinned if (name := name_of(line)) is not None}

    def lacking(self, minor: int) -> frozenset[str]:
        """The pinned packages without a wheel for Python 3.`minor` on this platform."""
        if minor not in self._known:
            self._known[minor] = self._ask(minor)
        return self._known[minor]

    def _ask(self, minor: int) -> frozenset[str]:
        found: set[str] = set()
        for _ in range(_ROUNDS):
            # Without those that are known to lack one, for uv names one at a time.
            asked = {name: line for name, line in self._lines.items() if name not in found}
            (self._folder / "requirements.in").write_text("\n".join(asked.values()) + "\n")
            answer = uv.run(
                self._arguments(minor, asked),
                progress=self._progress,
                directory=self._folder,
            )
            if answer.status == 0:
                break
            named = {name for name in _NO_WHEEL.findall(answer.messages) if name in asked}
            if not named:
                break  # whatever else is wrong is said when it is resolved
            found |= named
        return frozenset(found)

    def _arguments(self, minor: int, names: Iterable[str]) -> list[str]:
        arguments = ["pip", "compile", str(self._folder / "requirements.in"), "--no-deps"]
        arguments += ["--python-version", f"3.{minor}", "--no-header", "--quiet"]
        # Nothing is built, so any will do; uv would fetch one of that version.
        arguments += ["--python", str(self._first.path), "--no-python-downloads"]
        arguments += [part for name in sorted(names) for part in ("--only-binary", name)]
        return arguments + build_tools.arguments(BuildTools(self._spec.as_of), self._folder)


def _find(minor: int, settings: Settings, progress: Progress) -> Interpreter | None:
    try:
        return interpreters.find(f"3.{minor}", exact=True, settings=settings, progress=progress)
    except NoSuchPython:
        return None


def _say(
    found: Interpreter, first: Interpreter, lacking: frozenset[str], progress: Progress
) -> None:
    names = ", ".join(f"`{name}`" for name in sorted(lacking))
    progress.warning(
        f"the project names no Python, and the versions of {names} that it pins have no wheels for "
        f"{first.version}: Python {found.version} is used",
        f"name it: `--python {'.'.join(found.version.split('.')[:2])}`, or in the project",
    )
