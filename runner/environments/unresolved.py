"""Turns a resolution that uv finds no solution for into an error: what is wrong with which line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.environments.popular import STANDARD, meant_by
from runner.errors import DependencyConflict, EnvironmentFailure, NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_FOUND: Final = re.compile(
    r"[Bb]ecause (\S+) was not found in the (package registry|cache|provided package locations)"
)
_NO_VERSION: Final = re.compile(r"there (?:is|are) no versions? of ([^\s=<>!~\[]+)(\S*)")
# A range that no version falls into is told by what there is instead.
_OUT_OF_RANGE: Final = re.compile(
    r"[Bb]ecause only (?:the following versions of )?([\w.-]+?)(?=[=<>!~\s]).* and you require "
    r"\1([=<>!~]\S+?),? we can conclude that your requirements are unsatisfiable"
)
_TOO_LATE: Final = re.compile(
    r"`([^`]+)` was filtered by `exclude-newer`[^\n]*?The (?:latest|requested) version[^\n]*? "
    r"v(\S+?),"
    r"(?: was)? published at "
    r"(\d{4}-\d\d-\d\d)"
)
_NEEDS_PYTHON: Final = re.compile(
    r"(\S+) (?:requires|depends on) Python\s?([<>=!~\d.,*]+?),?(?=\s)"
)
_NO_WHEEL: Final = re.compile(
    r"(?:only found wheels|heels are available) for `([^`]+)` \(v([^)]+)\) "
    r"with the following Python[^:]*: ([^\n]*)"
)


def unresolved(messages: str, where: str) -> EnvironmentFailure | None:
    """The error, `where` in front of it; None where uv's `messages` are about something else."""
    if "No solution found" not in messages:
        return None
    rules: tuple[Callable[[str, str], EnvironmentFailure | None], ...] = (
        _too_late, _missing_package, _no_wheel, _wrong_python, _missing_version,
    )  # fmt: skip
    for rule in rules:
        if (error := rule(messages, where)) is not None:
            return error
    return DependencyConflict(
        f"{where}the requirements contradict each other",
        "loosen one of them",
        details=_reason(messages),
    )


def _too_late(messages: str, where: str) -> EnvironmentFailure | None:
    for match in _TOO_LATE.finditer(messages):
        package, version, published = match.groups()
        said = f"`{package}=={version}`"
        if match.group().count("The latest version"):
            if f"no versions of {package} and" not in messages:
                continue
            said = f"`{package}`, whose latest version is {version},"
        return NoSuchPackage(
            f"{where}{said} was published after the day of `--as-of`, on {published}",
            f"pass `--as-of {published}`, or a later day",
            details=_reason(messages),
        )
    return None


def _missing_package(messages: str, where: str) -> EnvironmentFailure | None:
    match = _NOT_FOUND.search(messages)
    if match is None:
        return None
    name = match.group(1)
    if name in STANDARD:
        hint = f"`{name}` comes with Python: pass `--drop-package {name}`, or take it out"
    elif meant := meant_by(name):
        line = re.search(rf"you require {re.escape(name)}([<>=!~][^\s,]*)", messages)
        flags = f"--drop-package {name} --add-package '{meant}{line.group(1) if line else ''}'"
        hint = f"did you mean `{meant}`? pass `{flags}`, or correct the name"
    else:
        hint = "is its name right, and is it in the index that you use?"
    return NoSuchPackage(f"{where}no package is called `{name}`", hint, details=_reason(messages))


def _missing_version(messages: str, where: str) -> EnvironmentFailure | None:
    match = _NO_VERSION.search(messages) or _OUT_OF_RANGE.search(" ".join(_reason(messages)))
    if match is None:
        return None
    name, version = match.group(1), match.group(2).rstrip(",")
    if not version or "you require" not in messages:
        return None
    return NoSuchPackage(
        f"{where}`{name}` has no version {version}",
        f"does the version exist, and for this Python? loosen `{name}{version}`",
        details=_reason(messages),
    )


def _wrong_python(messages: str, where: str) -> EnvironmentFailure | None:
    match = _NEEDS_PYTHON.search(messages)
    if match is None or re.search(r"depends on (?!Python)", messages):
        return None
    package, python = match.groups()
    return DependencyConflict(
        f"{where}`{package}` does not support the Python that is asked for: it wants {python}",
        "ask for another Python, or for another version of the package",
        details=_reason(messages),
    )


def _no_wheel(messages: str, where: str) -> EnvironmentFailure | None:
    """A package that was only ever made for older Pythons: the newest of them serves it."""
    match = _NO_WHEEL.search(messages)
    minors = [int(minor) for minor in re.findall(r"cp3(\d+)", match.group(3))] if match else []
    if match is None or not minors:
        return None
    package, version, _ = match.groups()
    file = where.removesuffix(": ") or "the project"
    return DependencyConflict(
        f"{where}`{package}=={version}` has no wheel for this Python, but for 3.{max(minors)}",
        f"pass `--python 3.{max(minors)}`, or name it, or another version, in {file}",
        details=_reason(messages),
    )


def _reason(messages: str) -> tuple[str, ...]:
    """The derivation that uv gives, without its frame."""
    lines = messages.split("No solution found", 1)[-1].splitlines()[1:]
    return tuple(
        text for line in lines if (text := line.strip(" │╰─▶").removeprefix("cause: ").strip())
    )
