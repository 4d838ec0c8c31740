"""Has uv resolve requirements once: for every platform if it can be, with pins if they fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.environments import build_tools, diagnosis, old_packages, own_builds, uv
from runner.environments.local_packages import DYNAMIC
from runner.environments.requirements import name_of
from runner.errors import DependencyConflict, EnvironmentFailure, NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.environments.base import Interpreter, Spec
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress

# MLflow's older releases import pkg_resources, which setuptools dropped after 80.
SEEDS: Final = {"pip": "pip", "setuptools": "setuptools<81", "wheel": "wheel"}
_PIN: Final = re.compile(r"[\w.-]+==([^\s;\\]+)")


class Among(NamedTuple):
    """What the packages will lie among.

    Attributes:
        seeds: what the environment gets whether the project asks for it or not.
        held: name → version of what is in it already, and so needs no entry.
        universal: whether pins for every platform are looked for first.
        told: further arguments for uv.
        settings: for its `uv.toml`.
    """

    seeds: Mapping[str, str] = SEEDS
    held: Mapping[str, str] = {}
    universal: bool = True
    told: tuple[str, ...] = ()
    settings: str = ""


NOTHING: Final = Among()


class Question(NamedTuple):
    """What is to be resolved.

    Attributes:
        lines: the requirements, mended.
        sources: own files of packages that are built for what they depend on.
        folder: for the files that uv reads.
    """

    spec: Spec
    lines: tuple[str, ...]
    interpreter: Interpreter
    sources: list[str]
    folder: Path
    among: Among = NOTHING


class Compiled(NamedTuple):
    """What uv found: its entries, each with hashes, else the error and what uv said."""

    entries: tuple[str, ...] = ()
    universal: bool = False
    error: EnvironmentFailure | None = None
    messages: str = ""


class _Attempt(NamedTuple):
    universal: bool
    pinned_tools: bool


def compile_once(
    question: Question, tools: BuildTools, wheels_only: tuple[str, ...], progress: Progress
) -> Compiled:
    """The first attempt that has a solution; the error of the last one otherwise.

    Args:
        wheels_only: packages that are not to be built.
    """
    spec, among, found = question.spec, question.among, Compiled()
    seeds = "|".join({*among.seeds, *filter(None, map(name_of, spec.build_requirements))})
    for attempt in _attempts(among):
        if found.error is not None and not attempt.pinned_tools:
            blamed = "\n".join((found.error.message, *found.error.details))
            if not re.search(rf"\b({seeds})\b", blamed):
                break
        _write_input(question, pinned_tools=attempt.pinned_tools)
        arguments = _arguments(question, attempt)
        arguments += build_tools.arguments(tools, question.folder, settings=among.settings)
        arguments += [part for name in wheels_only for part in ("--only-binary", name)]
        answer = uv.run(arguments, progress=progress, directory=question.folder)
        if answer.status == 0:
            entries = (one for one in _entries(answer.output) if not _is_held(one, among))
            return Compiled(tuple(entries), attempt.universal)
        found = Compiled((), attempt.universal, _failure(spec, answer.messages), answer.messages)
        if not isinstance(found.error, DependencyConflict | NoSuchPackage):
            break
        if found.error.message.endswith(tuple(_not_there(found.error))):
            break
    return found


def _attempts(among: Among) -> Iterator[_Attempt]:
    for pinned_tools in (True, False) if among.seeds else (True,):
        for universal in (True, False) if among.universal else (False,):
            yield _Attempt(universal, pinned_tools)


def _is_held(entry: str, among: Among) -> bool:
    version = pinned(entry)
    return version is not None and among.held.get(name_of(entry) or "") == version


def pinned(entry: str) -> str | None:
    """The version that an entry of a lock pins; None where it names an address."""
    match = _PIN.match(entry)
    return match.group(1) if match else None


def options(spec: Spec) -> list[str]:
    """The project's own options that a requirement file of ours can hold."""
    lines = spec.extra.get("options", "").splitlines()
    return [line for line in lines if line != "--pre" and not _is_path(line)]


def _is_path(line: str) -> bool:
    return line.startswith("--find-links") and "://" not in line


def _failure(spec: Spec, messages: str) -> EnvironmentFailure:
    own = [key.removeprefix(DYNAMIC) for key in spec.extra if key.startswith(DYNAMIC)]
    if own:
        return own_builds.failure(messages, own, origin=spec.origin)
    return diagnosis.failure(messages, origin=spec.origin)


def _not_there(error: EnvironmentFailure) -> Iterator[str]:
    """The end of the message where no index has a package: no other attempt will find it."""
    if match := re.search(r"no package is called `[^`]+`$", error.message):
        yield match.group()


def _write_input(question: Question, *, pinned_tools: bool) -> None:
    asked = {name_of(line) for line in question.lines}
    # MLflow writes bare names of these three into every `python_env.yaml`.
    tools = {
        name_of(line) or line: SEEDS.get(line.strip(), line)
        for line in question.spec.build_requirements
    }
    tools = {**question.among.seeds, **tools}
    tools = {name: line for name, line in tools.items() if name not in asked}
    if not pinned_tools:
        tools = {name: re.split(r"[<>=!~\s]", line, maxsplit=1)[0] for name, line in tools.items()}
    lines = (*options(question.spec), *question.lines, *tools.values())
    (question.folder / "requirements.in").write_text("\n".join(lines) + "\n")


def mended(spec: Spec, progress: Progress) -> tuple[str, ...]:
    """The requirements of `spec`, with what is known to be wrong with old ones put right."""
    return old_packages.mended(spec.requirements, progress)


def _arguments(question: Question, attempt: _Attempt) -> list[str]:
    spec, interpreter, folder = question.spec, question.interpreter, question.folder
    arguments = ["pip", "compile", str(folder / "requirements.in"), *question.sources]
    arguments += ["--generate-hashes", "--no-header", "--no-annotate", "--python-version"]
    arguments += [interpreter.version, "--python", str(interpreter.path)]
    arguments += ["--universal"] if attempt.universal else []
    if "constraints" in spec.extra:
        arguments += ["--constraints", str(folder / "constraints.txt")]
    if "--pre" in spec.extra.get("options", "").splitlines():
        arguments += ["--prerelease", "allow"]
    return [*arguments, *question.among.told]


def _entries(output: str) -> Iterator[str]:
    """Requirements of uv's output, each with its hashes."""
    entry: list[str] = []
    for line in output.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            entry.append(line)
        if entry and not line.endswith("\\"):
            yield "\n".join(entry)
            entry = []
