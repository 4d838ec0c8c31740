"""Reads conda's environment file: what its keys hold, with the line of each package."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from runner.environments.requirements import text_of
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.source.model import ProjectFiles

    Node = Any  # PyYAML's classes for these are only imported with it

_KEYS: Final = ("name", "channels", "dependencies", "variables", "prefix")
_OF_CONDA_LOCK: Final = ("platforms", "category")  # for whoever locks for others than this machine
_SHAPE: Final = "begin with `dependencies:` and put a package on each line: `  - numpy=1.16`"
_SELECTOR: Final = re.compile(r"#[^\n]*\[([^\[\]\n]+)\][^()\n]*$", re.MULTILINE)
_PROCESSORS: Final = {"x86_64": ("linux64",), "aarch64": ("aarch64",)}
_ELSEWHERE: Final = {"aarch64", "arm64", "linux64", "osx", "osx64", "win", "win64"}
_NULL: Final = ("", "~", "null", "Null", "NULL")


class Asked(Struct, frozen=True):
    """One package or line of pip's, as written, and where it stands (1-based)."""

    text: str
    line: int
    column: int


class CondaFile(Struct, frozen=True):
    """What the file says.

    Attributes:
        packages: conda's own section.
        pip: lines of the `pip:` section.
        variables: set for whoever works in the environment.
    """

    packages: tuple[Asked, ...] = ()
    pip: tuple[Asked, ...] = ()
    channels: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_conda_file(files: ProjectFiles, path: str) -> CondaFile:
    """Read the file at `path`.

    Raises:
        EnvironmentFailure: it isn't there, isn't YAML, or isn't of this shape.
    """
    text, unknown_selectors = _selected(text_of(files, path), path)
    root = compose(text, path)
    if root is None:
        return CondaFile(warnings=(f"{path}: is empty, and so is the environment",))
    entries, warnings = _entries(root, path)
    if "dependencies" not in entries:
        unknown = [key for key in entries if key not in _KEYS]
        said = f", only {', '.join(f'`{key}`' for key in unknown)}" if unknown else ""
        near = next(filter(None, map(_meant, unknown)), None)
        raise EnvironmentFailure(
            f"{path}: there is no `dependencies`{said}",
            f"did you mean `{near}`?" if near else _SHAPE,
        )
    packages, pip = _dependencies(entries["dependencies"], path)
    return CondaFile(
        packages=packages,
        pip=pip,
        channels=_channels(entries.get("channels"), path),
        variables=_variables(entries.get("variables"), path),
        warnings=(*warnings, *unknown_selectors),
    )


def public(content: CondaFile) -> CondaFile:
    """`content` without the user names, passwords and tokens of channels, to be told and kept."""
    from runner.conda.logins import without_logins

    packages = (replace(one, text=without_logins(one.text)) for one in content.packages)
    channels = tuple(map(without_logins, content.channels))
    return replace(content, packages=tuple(packages), channels=channels)


def _selected(text: str, path: str) -> tuple[str, tuple[str, ...]]:
    """`text` without the lines that are for other platforms, and what is said of unknown ones.

    A line's comment may end in a selector, such as `# [linux]`; conda-lock reads them likewise.
    """
    if not _SELECTOR.search(text):
        return text, ()
    here = {"linux", "unix", *_PROCESSORS.get(os.uname().machine, ())}
    lines, warnings = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        match = _SELECTOR.search(line)
        # A line that is left out stays as an empty one, so that places are right.
        kept = match is None or line.lstrip().startswith("#") or match[1] in here
        lines.append(line if kept else "")
        if not kept and match is not None and match[1] not in _ELSEWHERE:
            said = f"is left out: no platform is called `{match[1]}`"
            warnings.append(f"{path}:{number}: {said}")
    return "\n".join(lines), tuple(warnings)


def compose(text: str, path: str) -> Node:
    """The document's node, None of an empty one."""
    import yaml

    if text.startswith("version https://git-lfs"):
        raise EnvironmentFailure(
            f"{path}:1:1: is a git-lfs pointer, not the file itself", "run `git lfs pull` in it"
        )
    # The base loader leaves every scalar the text that it is and builds nothing else.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        if mark and re.match(r" *\t", "".join(text.split("\n")[mark.line : mark.line + 1])):
            message, hint = f"{where}: a tab indents this line", "indent with spaces"
            raise EnvironmentFailure(message, hint) from None
        raise EnvironmentFailure(f"{where}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise EnvironmentFailure(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    return None if root is None or _is_null(root) else root


def _entries(root: Node, path: str) -> tuple[dict[str, Node], tuple[str, ...]]:
    """The file's keys with their nodes, the last of each as YAML has it, and what is doubtful."""
    if root.id != "mapping":
        raise EnvironmentFailure(
            f"{_place(root, path)}: must be a mapping with {', '.join(_KEYS)}, not {_kind(root)}",
            _SHAPE,
        )
    entries: dict[str, Node] = {}
    warnings = []
    for key, value in root.value:
        name = str(key.value) if key.id == "scalar" else ""
        if name in entries:
            warnings.append(f"{_place(key, path)}: `{name}` is there twice: the last one counts")
        elif name not in (*_KEYS, *_OF_CONDA_LOCK):
            hint = "; it belongs under `dependencies`" if name == "pip" else ""
            if near := _meant(name):
                hint = f"; did you mean `{near}`?"
            warnings.append(f"{_place(key, path)}: the unknown key `{name}` is ignored{hint}")
        entries[name] = value
    return entries, tuple(warnings)


def _meant(key: str) -> str | None:
    from runner.nearest import nearest

    return nearest(key, _KEYS)


def _dependencies(node: Node, path: str) -> tuple[tuple[Asked, ...], tuple[Asked, ...]]:
    packages: list[Asked] = []
    pip: list[Asked] = []
    for entry in _items(node, "dependencies", path):
        if entry.id == "mapping":
            for key, value in entry.value:
                pip += _pip(key, value, path)
        elif entry.id == "scalar":
            packages += _asked(entry)
        else:
            raise EnvironmentFailure(
                f"{_place(entry, path)}: `dependencies` must hold packages, not {_kind(entry)}",
                "write one package a line: `  - numpy=1.16`",
            )
    return tuple(packages), tuple(pip)


def _pip(key: Node, value: Node, path: str) -> Iterator[Asked]:
    """The lines of a `pip:` section, which some write as one text."""
    name = str(key.value)
    if name != "pip":
        shown = f"{name}: {value.value}" if value.id == "scalar" else f"{name}:"
        joined = f"{name}={value.value}" if value.id == "scalar" and value.value else name
        if (match := re.fullmatch(r"sel\((\w+)\)", name)) is not None:  # micromamba's
            joined = f"{value.value}  # [{match[1]}]"
        raise EnvironmentFailure(
            f"{_place(key, path)}: `{shown}` is no package, and only `pip:` may have a list",
            f"write `- {joined}`",
        )
    if value.id == "scalar":
        yield from _asked(value)
        return
    for entry in _items(value, "pip", path):
        if entry.id != "scalar":
            raise EnvironmentFailure(
                f"{_place(entry, path)}: `pip` must hold requirements, not {_kind(entry)}",
                "write one requirement a line: `  - numpy==1.16.4`",
            )
        yield from _asked(entry)


def _asked(node: Node) -> Iterator[Asked]:
    mark = node.start_mark
    block = node.style in ("|", ">")
    for offset, line in enumerate(str(node.value).splitlines()):
        if line.strip() and not line.lstrip().startswith("#") and line not in _NULL:
            below = offset + block
            yield Asked(line.strip(), mark.line + 1 + below, 1 if below else mark.column + 1)


def _items(node: Node, key: str, path: str) -> list[Node]:
    if _is_null(node):
        return []
    if node.id != "sequence":
        raise EnvironmentFailure(
            f"{_place(node, path)}: `{key}` must be a list, not {_kind(node)}",
            f"begin each line below `{key}:` with `- `",
        )
    return list(node.value)


def _channels(node: Node, path: str) -> tuple[str, ...]:
    if node is None or _is_null(node):
        return ()
    if node.id == "scalar":
        return (str(node.value),)
    return tuple(str(one.value) for one in _items(node, "channels", path) if one.id == "scalar")


def _variables(node: Node, path: str) -> dict[str, str]:
    if node is None or _is_null(node):
        return {}
    if node.id != "mapping":
        raise EnvironmentFailure(
            f"{_place(node, path)}: `variables` must be a mapping, not {_kind(node)}",
            "write `NAME: value`",
        )
    found = {}
    for key, value in node.value:
        if key.id != "scalar" or value.id != "scalar" or not key.value or "=" in key.value:
            raise EnvironmentFailure(
                f"{_place(key, path)}: `variables` must hold names with texts",
                "write `NAME: value`",
            )
        found[str(key.value)] = str(value.value)
    return found


def _is_null(node: Node) -> bool:
    return node.id == "scalar" and not node.style and node.value in _NULL


def _place(node: Node, path: str) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _kind(node: Node) -> str:
    return {"mapping": "a mapping", "sequence": "a list"}.get(node.id, "text")
