"""Reads MLflow's `python_env.yaml`: the Python, what it is built with, what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.environments.requirements import text_of
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.source.model import ProjectFiles

_KEYS = ("python", "build_dependencies", "dependencies")


class PythonEnv(Struct, frozen=True):
    """The file's three keys, everything as the text that stands there (`3.10` stays `3.10`)."""

    python: str | None
    build_dependencies: tuple[str, ...]
    dependencies: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_python_env(files: ProjectFiles, path: str) -> PythonEnv:
    """Read the file at `path`; an empty one asks for nothing.

    Raises:
        EnvironmentFailure: it isn't there, isn't YAML, or isn't of this shape.
    """
    content = _load(text_of(files, path), path)
    warnings = tuple(
        f"{path}: the unknown key `{key}` is ignored{_suggestion(str(key))}"
        for key in content
        if key not in _KEYS
    )
    python = content.get("python")
    if python is not None and not isinstance(python, str):
        raise EnvironmentFailure(f"{path}: `python` must be a version, not {_kind(python)}")
    nested = any(isinstance(entry, dict) for entry in content.get("dependencies") or ())
    if nested:
        warnings += (f"{path}: a list below `pip:` is conda's; its entries count as dependencies",)
    return PythonEnv(
        python=python.strip() or None if python is not None else None,
        build_dependencies=_list(content, "build_dependencies", path),
        dependencies=_list(content, "dependencies", path),
        warnings=warnings,
    )


def is_condas(files: ProjectFiles, path: str) -> bool:
    """Whether the file at `path` has what only conda's have: channels, or a list below `pip:`.

    Raises:
        EnvironmentFailure: it isn't there or isn't YAML.
    """
    content = _load(text_of(files, path), path)
    if {"python", "build_dependencies"} & content.keys():
        return False
    entries = content.get("dependencies")
    has_pip = isinstance(entries, list) and any(isinstance(one, dict) for one in entries)
    return has_pip or "channels" in content


def _load(text: str, path: str) -> dict[str, Any]:
    import yaml

    # The base loader leaves every scalar the text that it is and builds nothing else.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        content = yaml.load(text, Loader=loader)  # noqa: S506  a base loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise EnvironmentFailure(f"{where}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise EnvironmentFailure(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    if content in (None, ""):
        return {}
    if not isinstance(content, dict):
        raise EnvironmentFailure(
            f"{path}: must be a mapping with {', '.join(_KEYS)}, not {_kind(content)}"
        )
    return content


def _list(content: dict[str, Any], key: str, path: str) -> tuple[str, ...]:
    given = content.get(key)
    if given is None or given in ("", "null", "~"):
        return ()
    if not isinstance(given, list):
        raise EnvironmentFailure(
            f"{path}: `{key}` must be a list, not {_kind(given)}",
            f"begin each line with `- `: {key}",
        )
    for entry in _flat(given):
        if not isinstance(entry, str):
            shown = next(iter(entry), "") if isinstance(entry, dict) else entry
            hint = "conda's `- pip:` section belongs into a conda.yaml" if shown == "pip" else None
            raise EnvironmentFailure(
                f"{path}: `{key}` must hold requirements, not {_kind(entry)} (`{shown}`)", hint
            )
    return tuple(entry.strip() for entry in _flat(given) if entry.strip())


def _flat(entries: list[Any]) -> Iterator[Any]:
    """The entries, with those of a list below `pip:`, as conda's files have it, in its place."""
    for entry in entries:
        if isinstance(entry, dict) and list(entry) == ["pip"] and isinstance(entry["pip"], list):
            yield from entry["pip"]
        else:
            yield entry


def _suggestion(key: str) -> str:
    from runner.nearest import nearest

    near = nearest(key, _KEYS)
    return f"; did you mean `{near}`?" if near else ""


def _kind(value: object) -> str:
    return (
        "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "text"
    )
