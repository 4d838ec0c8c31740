"""Reads what a Python package says of itself: its Python, its dependencies, its uv sources."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.environments.requirements import Local, name_of, normalised, text_of
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from runner.source.model import ProjectFiles


class Described(Struct, frozen=True):
    """A package or project, as its own files have it.

    Attributes:
        python: `requires-python`, None where nothing is said.
        dependencies: requirement lines; None where only a build can tell (`setup.py`, `dynamic`).
        local: dependencies that lie in the project too (`tool.uv.sources` paths).
        package: whether it can be installed (it has a build system, or a `setup.py`).
        warnings: what of `tool.uv` is left aside.
    """

    python: str | None = None
    dependencies: tuple[str, ...] | None = ()
    local: tuple[Local, ...] = ()
    package: bool = False
    warnings: tuple[str, ...] = ()


def describe(files: ProjectFiles, folder: str, extras: tuple[str, ...] = ()) -> Described:
    """What the package in `folder` of the project says of itself.

    Raises:
        EnvironmentFailure: its `pyproject.toml` can't be understood.
    """
    path = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
    has_setup = any(
        files.read(posixpath.normpath(posixpath.join(folder, name))) is not None
        for name in ("setup.py", "setup.cfg")
    )
    if files.read(path) is None:
        return Described(dependencies=None, package=True) if has_setup else Described()
    content = _load(files, path)
    project = _table(content, "project", path)
    builds = "build-system" in content or has_setup
    uv = _table(_table(content, "tool", path), "uv", path)
    package = bool(uv.get("package", builds))
    dynamic = project.get("dynamic") or ()
    if ("dependencies" in dynamic or not project) and package:
        return Described(_text(project, "requires-python"), dependencies=None, package=True)
    return _static(project, _table(uv, "sources", path), folder, extras, path, package=package)


def _static(
    project: dict[str, Any],
    sources: dict[str, Any],
    folder: str,
    extras: tuple[str, ...],
    path: str,
    *,
    package: bool,
) -> Described:
    lines = list(_lines(project, "dependencies", path))
    optional = _table(project, "optional-dependencies", path)
    name = normalised(_text(project, "name") or "")
    known = {normalised(extra): extra for extra in optional}
    waiting, seen = [normalised(extra) for extra in extras], set[str]()
    while waiting:
        if (extra := waiting.pop(0)) in seen:
            continue
        seen.add(extra)
        if extra not in known:
            listed = ", ".join(sorted(optional)) or "none"
            raise EnvironmentFailure(f"{path}: no extra is called `{extra}`", f"it has: {listed}")
        for line in _lines(optional, known[extra], path):
            # `all = ["mine[one,two]"]` names the package's own extras.
            if name and name_of(line) == name:
                waiting += _extras(line)
            else:
                lines.append(line)
    kept, local, warnings = _with_sources(lines, sources, folder, path)
    python = _text(project, "requires-python")
    return Described(python, tuple(kept), tuple(local), package, tuple(warnings))


def _with_sources(
    lines: list[str], sources: dict[str, Any], folder: str, path: str
) -> tuple[list[str], list[Local], list[str]]:
    by_name = {normalised(name): source for name, source in sources.items()}
    kept: list[str] = []
    local: list[Local] = []
    warnings: list[str] = []
    for line in lines:
        name = name_of(line) or ""
        source = by_name.get(name)
        if not isinstance(source, dict):
            kept.append(line)
        elif "path" in source:
            target = posixpath.normpath(posixpath.join(folder, str(source["path"])))
            local.append(Local(target, editable=bool(source.get("editable", False))))
        elif "git" in source:
            kept.append(_from_git(name, source))
        elif "url" in source:
            kept.append(f"{name} @ {source['url']}")
        else:
            kept.append(line)
            warnings.append(f"{path}: `tool.uv.sources` of `{name}` is left aside")
    return kept, local, warnings


def _extras(line: str) -> list[str]:
    match = re.match(r"[^\[;]*\[([^\]]*)\]", line)
    return [normalised(one.strip()) for one in match.group(1).split(",")] if match else []


def _from_git(name: str, source: dict[str, Any]) -> str:
    reference = source.get("rev") or source.get("tag") or source.get("branch")
    at = f"@{reference}" if reference else ""
    below = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
    return f"{name} @ git+{source['git']}{at}{below}"


def _load(files: ProjectFiles, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text_of(files, path))
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentFailure(f"{path}: not TOML: {error}") from None


def _table(content: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise EnvironmentFailure(f"{path}: `{key}` must be a table")
    return value


def _lines(content: dict[str, Any], key: str, path: str) -> list[str]:
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise EnvironmentFailure(f"{path}: `{key}` must be a list of requirements")
    return value


def _text(content: dict[str, Any], key: str) -> str | None:
    value = content.get(key)
    return value if isinstance(value, str) else None
