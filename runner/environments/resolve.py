"""Resolves requirements into exact pins with hashes: what `Lock.text` of our own locks holds."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner import fingerprint
from runner.environments import addresses, conda_failures, diagnosis, git_wheels, own_builds, uv
from runner.environments.base import Lock
from runner.environments.platforms import platform_name
from runner.environments.reading import DYNAMIC
from runner.environments.requirements import name_of
from runner.errors import DependencyConflict, EnvironmentFailure, NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.environments.base import Interpreter, Spec
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

# MLflow's older releases import pkg_resources, which setuptools dropped after 80.
SEEDS: Final = {"pip": "pip", "setuptools": "setuptools<81", "wheel": "wheel"}
# Building old source distributions needs a setuptools of PEP 517, which is younger than they are.
_OLDEST_BUILD_TOOLS: Final = "2019-03-01T00:00:00Z"
_USERINFO: Final = re.compile(r"://[^/@\s]+@")


class _Attempt(NamedTuple):
    """How one resolution is tried: for every platform, and with the pins of the build tools."""

    universal: bool
    pinned_tools: bool


def resolve(
    spec: Spec,
    interpreter: Interpreter,
    python: str,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> Lock:
    """Resolve `spec` for `python`; universal where that has a solution.

    Raises:
        EnvironmentFailure: no such package, a conflict, no network, a build that fails.
    """
    from tempfile import TemporaryDirectory

    if not (spec.requirements or spec.build_requirements or dict(spec.extra)):
        return _lock(spec, "", python, platform="any")
    with TemporaryDirectory(prefix="reprun-lock-") as temporary:
        folder = Path(temporary)
        sources = _lay_out(spec, files, folder)
        (output, attempt), left = conda_failures.without_absent(
            spec, lambda some: _tried(some, interpreter, folder, sources, progress)
        )
    lines = _with_wheels(_entries(output), interpreter, settings, progress)
    head = (f"# Python {python}", *conda_failures.note(spec, left), *_kept_options(spec, progress))
    text = "\n".join((*head, *lines)) + "\n"
    return _lock(spec, text, python, platform="any" if attempt.universal else platform_name())


def _lock(spec: Spec, text: str, python: str, *, platform: str) -> Lock:
    return Lock(
        kind=spec.kind,
        format="requirements",
        text=text,
        sha256=fingerprint.of_text(text),
        python=python,
        platform=platform,
        local_packages=spec.local_packages,
    )


def _tried(
    spec: Spec, interpreter: Interpreter, folder: Path, sources: list[str], progress: Progress
) -> tuple[str, _Attempt]:
    """The first attempt that has a solution; the error of the last one otherwise."""
    error: EnvironmentFailure | None = None
    tools = "|".join({*SEEDS, *filter(None, map(name_of, spec.build_requirements))})
    for attempt in (
        _Attempt(universal, pins) for pins in (True, False) for universal in (True, False)
    ):
        if error is not None and not attempt.pinned_tools:
            blamed = "\n".join((error.message, *error.details))
            if not re.search(rf"\b({tools})\b", blamed):
                break
        _write_input(spec, folder / "requirements.in", pinned_tools=attempt.pinned_tools)
        answer = uv.run(_arguments(spec, interpreter, folder, sources, attempt), progress=progress)
        if answer.status == 0:
            return answer.output, attempt
        error = _failure(spec, answer.messages)
        if not isinstance(error, DependencyConflict | NoSuchPackage):
            break
        if error.message.endswith(tuple(f"is called `{name}`" for name in _named(error))):
            break
    assert error is not None
    raise error


def _failure(spec: Spec, messages: str) -> EnvironmentFailure:
    own = [key.removeprefix(DYNAMIC) for key in spec.extra if key.startswith(DYNAMIC)]
    if own:
        return own_builds.failure(messages, own, origin=spec.origin)
    return diagnosis.failure(messages, origin=spec.origin)


def _named(error: EnvironmentFailure) -> Iterator[str]:
    """The package that no index has: another attempt won't find it either."""
    if match := re.search(r"no package is called `([^`]+)`$", error.message):
        yield match.group(1)


def _lay_out(spec: Spec, files: ProjectFiles, folder: Path) -> list[str]:
    """Write what uv reads besides the requirements: the own files of packages to be built."""
    if constraints := spec.extra.get("constraints"):
        (folder / "constraints.txt").write_text(constraints + "\n")
    return [
        str(_own_project(files, key.removeprefix(DYNAMIC), folder / f"own{number}"))
        for number, key in enumerate(spec.extra)
        if key.startswith(DYNAMIC)
    ]


def _own_project(files: ProjectFiles, path: str, target: Path) -> Path:
    """The files that a package's build reads to say what it depends on; not its code."""
    for name in _own_names(files, path):
        content = files.read(posixpath.normpath(posixpath.join(path, name)))
        if content is not None:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)
    for name in ("pyproject.toml", "setup.py", "setup.cfg"):
        if (target / name).is_file():
            return target / name
    raise EnvironmentFailure(f"`{path}` has no pyproject.toml and no setup.py")


def _own_names(files: ProjectFiles, path: str) -> Iterator[str]:
    yield from ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "poetry.lock")
    yield from (f"requirements{suffix}.txt" for suffix in ("", "-dev", "_dev", "-test"))
    yield from ("README.md", "README.rst", "README.txt", "README", "LICENSE", "VERSION")
    setup = files.read(posixpath.normpath(posixpath.join(path, "setup.py"))) or b""
    for quoted in re.findall(rb"['\"]([\w][\w./-]*)['\"]", setup):
        name = quoted.decode()
        if ".." not in name:
            yield from (name, f"{name}/__init__.py", f"src/{name}/__init__.py")
    if path == ".":
        for name in files.names():
            yield from (f"{name}/__init__.py", f"{name}/version.py", f"{name}/_version.py")


def _write_input(spec: Spec, path: Path, *, pinned_tools: bool) -> None:
    asked = {name_of(line) for line in spec.requirements}
    tools = {name_of(line) or line: line for line in spec.build_requirements}
    tools = {name: line for name, line in {**SEEDS, **tools}.items() if name not in asked}
    if not pinned_tools:
        tools = {name: re.split(r"[<>=!~\s]", line, maxsplit=1)[0] for name, line in tools.items()}
    lines = (*_options(spec), *spec.requirements, *tools.values())
    path.write_text("\n".join(lines) + "\n")


def _arguments(
    spec: Spec, interpreter: Interpreter, folder: Path, sources: list[str], attempt: _Attempt
) -> list[str]:
    arguments = ["pip", "compile", str(folder / "requirements.in"), *sources]
    arguments += ["--generate-hashes", "--no-header", "--no-annotate", "--python-version"]
    arguments += [interpreter.version, "--python", str(interpreter.path)]
    arguments += ["--universal"] if attempt.universal else []
    if "constraints" in spec.extra:
        arguments += ["--constraints", str(folder / "constraints.txt")]
    if "--pre" in spec.extra.get("options", "").splitlines():
        arguments += ["--prerelease", "allow"]
    if spec.as_of is not None:
        arguments += ["--exclude-newer", spec.as_of]
        if spec.as_of < _OLDEST_BUILD_TOOLS:
            for name in SEEDS:
                arguments += ["--exclude-newer-package", f"{name}={_OLDEST_BUILD_TOOLS}"]
    return arguments


def _options(spec: Spec) -> list[str]:
    lines = spec.extra.get("options", "").splitlines()
    return [line for line in lines if line != "--pre" and not _is_path(line)]


def _is_path(line: str) -> bool:
    return line.startswith("--find-links") and "://" not in line


def _kept_options(spec: Spec, progress: Progress) -> Iterator[str]:
    """The project's own index options: without them its packages can't be had again."""
    for line in _options(spec):
        if _USERINFO.search(line):
            progress.warning(
                f"the password in `{addresses.without_credentials(line)}` is not kept in the lock",
                "put it into `~/.netrc`, or into the configuration of your package index",
            )
        yield addresses.without_credentials(line)


def _entries(output: str) -> Iterator[str]:
    """Requirements of uv's output, each with its hashes."""
    entry: list[str] = []
    for line in output.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            entry.append(line)
        if entry and not line.endswith("\\"):
            yield "\n".join(entry)
            entry = []


def _with_wheels(
    entries: Iterator[str], interpreter: Interpreter, settings: Settings, progress: Progress
) -> Iterator[str]:
    from runner.files import sha256_file

    for entry in entries:
        asked = git_wheels.parse(entry)
        if asked is None:
            yield addresses.without_credentials(entry)
            continue
        wheel = git_wheels.wheel_of(asked, interpreter, settings=settings, progress=progress)
        yield asked.locked(sha256_file(wheel))
