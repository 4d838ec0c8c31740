"""Says of a resolution that fails which of conda's packages it fails for, and does without it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec.structs import replace

from runner.environments.base import UNMAPPED
from runner.environments.requirements import name_of, normalised
from runner.errors import NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runner.environments.base import Spec
    from runner.progress import Progress

T = TypeVar("T")
_ABSENT: Final = re.compile(r"no package is called `([^`]+)`$")
_NO_VERSION: Final = re.compile(r"`([^`]+)` has no version (\S+)$")
_LEFT_OUT: Final = "# left out: "


def without_absent(spec: Spec, resolve: Callable[[Spec], T]) -> tuple[T, tuple[str, ...]]:
    """What `resolve` makes of `spec`, and the names of conda's section that no index has.

    Raises:
        EnvironmentFailure: of `resolve`; in the words of conda's file where it is about a package
            of it, and only about an absent one where the project can't do without.
    """
    left: list[str] = []
    while True:
        try:
            return resolve(spec), tuple(left)
        except NoSuchPackage as error:
            name = _absent(error, spec)
            if name is None or spec.extra.get(UNMAPPED) != "skip":
                raise _explained(error, spec) from None
            left.append(name)
            kept = tuple(line for line in spec.requirements if name_of(line) != name)
            spec = replace(spec, requirements=kept)


def _absent(error: NoSuchPackage, spec: Spec) -> str | None:
    """The name, out of conda's section, that no index has; None where that isn't what failed."""
    match = _ABSENT.search(error.message)
    name = normalised(match.group(1)) if match else None
    by_pip = bool(spec.origins) and any(name_of(line) == name for line in spec.requirements)
    return name if name in spec.origins or by_pip else None


def _explained(error: NoSuchPackage, spec: Spec) -> NoSuchPackage:
    """`error` in the words of conda's file, where it is about a package of conda's section."""
    if (name := _absent(error, spec)) is not None:
        asked = spec.origins.get(name)
        return NoSuchPackage(
            f"{asked} was looked for as `{name}` on the Python index, which has no such package"
            if asked
            else error.message,
            _misspelt(error) or "`--skip-unmapped` runs without it, if it is for conda only",
            details=error.details,
        )
    match = _NO_VERSION.search(error.message)
    name = normalised(match.group(1)) if match else ""
    if match is None or name not in spec.origins:
        return error
    return NoSuchPackage(
        f"{spec.origins[name]} was looked for as `{name}{match.group(2)}` on the Python index, "
        "which has no such version",
        f"loosen it, or name one that the index has for this Python: `{name}` below `pip:`",
        details=error.details,
    )


def _misspelt(error: NoSuchPackage) -> str | None:
    return error.hint if error.hint and error.hint.startswith("did you mean") else None


def note(spec: Spec, names: Iterable[str]) -> Iterator[str]:
    """Lines for a lock that say what was left out of it."""
    for name in names:
        asked = spec.origins.get(name, f"`{name}` below `pip:`")
        yield f"{_LEFT_OUT}{asked}, which no index has as `{name}`"


def warn(text: str, progress: Progress) -> None:
    """Say what was left out of the lock `text`."""
    for line in text.splitlines():
        if line.startswith(_LEFT_OUT):
            progress.warning(
                f"{line.removeprefix(_LEFT_OUT)}, is left out",
                "the step may fail for it: `--skip-unmapped` was asked for",
            )
        elif not line.startswith("#"):
            return
