"""Resolves until every package that has to be built here does build, and notes what it took."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.environments import build_tools, compiling, diagnosis, git_wheels, uv
from runner.environments.build_tools import BuildTools
from runner.environments.popular import IMPORTED_AS
from runner.environments.requirements import normalised
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Interpreter, Spec
    from runner.environments.compiling import Among
    from runner.errors import EnvironmentFailure
    from runner.progress import Progress

# What today's build tools dropped, by what a build says that still wants it.
_DROPPED: Final = (
    (r"use_2to3", "setuptools<58"),
    (r"No module named '?pkg_resources", "setuptools<81"),
    (r"No module named '?setuptools\.command\.test", "setuptools<72"),
    (r"No module named '?(numpy\.)?distutils\.msvccompiler", "setuptools<74"),
    (r"Invalid dash-separated key", "setuptools<78"),
    (r"No module named '?numpy\.distutils", "numpy<1.26"),
    (r"cython_sources|Cython\.Compiler\.Errors\.CompileError", "cython<3"),
    (r"PyArray_Descr.*has no member named|NPY_.*undeclared", "numpy<2"),
)
_ROUNDS: Final = 8
TARGET: Final = "built"  # what builds is put here, in the folder that uv reads


class Resolved(NamedTuple):
    """Pins that can be installed here, and what the builds among them need."""

    entries: tuple[str, ...]
    universal: bool
    tools: BuildTools


class _Way(NamedTuple):
    """How it is tried: with which build tools, and which packages are taken as wheels only.

    Attributes:
        after: the package whose build failed before.
    """

    tools: BuildTools
    wheels_only: tuple[str, ...] = ()
    after: str | None = None


def resolved(
    spec: Spec,
    interpreter: Interpreter,
    folder: Path,
    sources: list[str],
    progress: Progress,
    *,
    among: Among = compiling.NOTHING,
) -> Resolved:
    """Resolve `spec`; a build that fails is tried with what it lacks, then done without.

    Raises:
        EnvironmentFailure: no such package, a conflict, no network, a build that fails.
    """
    lines = compiling.mended(spec, progress)
    question = compiling.Question(spec, lines, interpreter, sources, folder, among)
    way = _Way(BuildTools(as_of=spec.as_of))
    first: EnvironmentFailure | None = None
    for _ in range(_ROUNDS):
        found = compiling.compile_once(question, way.tools, way.wheels_only, progress)
        if found.error is None:
            found = _built(found, question, way.tools, progress)
        if found.error is None:
            return Resolved(found.entries, found.universal, way.tools)
        # Of one package's builds the last tells what is really wrong with it.
        if first is None or (isinstance(found.error, BuildFailure) and not way.wheels_only):
            first = found.error
        other = _other_way(way, found, progress)
        if other is None:
            break
        way = other
    assert first is not None
    raise first


def _other_way(way: _Way, found: compiling.Compiled, progress: Progress) -> _Way | None:
    """What to try after a build failed; None where nothing is left to try."""
    package = way.after
    if isinstance(found.error, BuildFailure):
        package = diagnosis.built_package(found.messages)
        mended = _mended(way.tools, found.messages, package)
        if mended is not None:
            progress.update(f"building `{package}` again, with {mended.header()[-1].split()[-1]}")
            return _Way(mended, way.wheels_only, package)
    if package is None or package in way.wheels_only:
        return None
    progress.update(f"`{package}` does not build: looking for a version that need not be built")
    return _Way(BuildTools(as_of=way.tools.as_of), (*way.wheels_only, package), package)


def _mended(tools: BuildTools, messages: str, package: str | None) -> BuildTools | None:
    for sign, limit in _DROPPED:
        if re.search(sign, messages) and limit not in tools.limits:
            return tools.limited(limit)
    module = diagnosis.missing_module(messages)
    if module is None or package is None or module.startswith(("distutils", "imp", "setuptools")):
        return None
    need = IMPORTED_AS.get(module.split(".")[0].lower(), module.split(".")[0])
    if normalised(need) == package or need in tools.extra.get(package, ()):
        return None
    return tools.extended(package, need)


def _built(
    found: compiling.Compiled, question: compiling.Question, tools: BuildTools, progress: Progress
) -> compiling.Compiled:
    """`found`, with the error of a package that has no wheel for this Python and does not build.

    What is built stays in uv's cache, where the installation finds it.
    """
    folder = question.folder
    # A commit of a repository is built on its own, later.
    entries = [one for one in found.entries if git_wheels.parse(one.replace("\\\n", "")) is None]
    pins = folder / "pins.txt"
    pins.write_text("\n".join((*compiling.options(question.spec), *entries)) + "\n")
    arguments = ["pip", "sync", "--require-hashes", "--target", str(folder / TARGET), str(pins)]
    arguments += ["--python", str(question.interpreter.path)]
    arguments += build_tools.arguments(tools, folder)
    asked = uv.run(
        [*arguments, "--dry-run", "--no-build", "--quiet"], progress=progress, directory=folder
    )
    if asked.status == 0 or "from source is disabled" not in asked.messages:
        return found
    progress.update("building what has no wheel")
    answer = uv.run(arguments, progress=progress, directory=folder)
    if answer.status == 0:
        return found
    error = diagnosis.failure(answer.messages, origin=question.spec.origin)
    if not isinstance(error, BuildFailure) and not tools.limits and not tools.extra:
        return found  # the installation meets it again, and says so
    return found._replace(error=error, messages=answer.messages)
