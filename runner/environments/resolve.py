"""Resolves requirements into exact pins with hashes: what `Lock.text` of our own locks holds."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import fingerprint
from runner.environments import addresses, building, compiling, conda_failures, git_wheels
from runner.environments.base import Lock
from runner.environments.local_packages import DYNAMIC
from runner.environments.platforms import platform_name
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.environments.base import Interpreter, Spec
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

_USERINFO: Final = re.compile(r"://[^/@\s]+@")


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
        sources = lay_out(spec, files, folder)
        found, left = conda_failures.without_absent(
            spec, lambda some: building.resolved(some, interpreter, folder, sources, progress)
        )
    lines = _with_wheels(found.entries, found.tools, interpreter, settings, progress)
    notes = (*found.tools.header(), *conda_failures.note(spec, left))
    head = (f"# Python {python}", *notes, *kept_options(spec, progress))
    text = "\n".join((*head, *lines)) + "\n"
    return _lock(spec, text, python, platform="any" if found.universal else platform_name())


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


def lay_out(spec: Spec, files: ProjectFiles, folder: Path) -> list[str]:
    """Write what uv reads besides the requirements: the own files of packages to be built.

    Returns the paths of those that uv is to resolve as well.
    """
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


def kept_options(spec: Spec, progress: Progress) -> Iterator[str]:
    """The project's own index options: without them its packages can't be had again."""
    for line in compiling.options(spec):
        if _USERINFO.search(line):
            progress.warning(
                f"the password in `{addresses.without_credentials(line)}` is not kept in the lock",
                "put it into `~/.netrc`, or into the configuration of your package index",
            )
        yield addresses.without_credentials(line)


def _with_wheels(
    entries: Iterable[str],
    tools: BuildTools,
    interpreter: Interpreter,
    settings: Settings,
    progress: Progress,
) -> Iterator[str]:
    from runner.files import sha256_file

    for entry in entries:
        asked = git_wheels.parse(entry)
        if asked is None:
            yield addresses.without_credentials(entry)
            continue
        wheel = git_wheels.wheel_of(asked, interpreter, tools, settings=settings, progress=progress)
        yield asked.locked(sha256_file(wheel))
