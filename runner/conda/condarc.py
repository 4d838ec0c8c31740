"""Reads files in conda's configuration format, with the place of every value, and `CONDA_…`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.errors import CondaConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Any  # PyYAML's classes for these are only imported with it

_NAMES: Final = (".condarc", "condarc", "condarc.d")
_FILES: Final = (".condarc", "condarc", ".mambarc")
_YAML: Final = (".yml", ".yaml")
_FLAG: Final = re.compile(r"#!\s*(final|top|bottom)\b")
_NULL: Final = ("", "~", "null", "Null", "NULL")
_TEXTS: Final = (
    "add_anaconda_token", "add_binstar_token", "channel_alias", "channel_priority",
    "client_cert", "client_ssl_cert", "offline", "remote_max_retries",
    "remote_read_timeout_secs", "repodata_use_shards", "repodata_use_zst", "ssl_verify",
    "verify_ssl",
)  # fmt: skip
_LISTS: Final = (
    "allowlist_channels", "channel", "channels", "default_channels", "denylist_channels",
    "whitelist_channels",
)  # fmt: skip
_LARGEST: Final = 1 << 20  # bytes
_DEEPEST: Final = 2


class Value(NamedTuple):
    """One value of a file or a variable.

    Attributes:
        where: `FILE:LINE:COLUMN`, or the variable's name.
        content: text, list or mapping; None where nothing stands.
        flag: `final`, `top` or `bottom`, as a `#!final` behind it says.
    """

    where: str
    content: str | tuple[Value, ...] | dict[str, Value] | None
    flag: str | None = None

    def words(self) -> str:
        """What stands there, for a message."""
        kinds = {tuple: "a list", dict: "a mapping", type(None): "nothing"}
        return kinds.get(type(self.content), "text")


def paths(environ: Mapping[str, str], home: Path, root: Path) -> Iterator[Path]:
    """The files that there are, the least important first.

    Conda's own search path (its documentation, "Searching for .condarc"), and `~/.mambarc` as
    mamba has it. A `.condarc` of the active environment (`$CONDA_PREFIX`) is left out: it says
    nothing of an environment that is about to be made.
    """
    seen: set[Path] = set()
    for path in _candidates(environ, home, root):
        for file in _files(path):
            if file not in seen:
                seen.add(file)
                yield file


def _candidates(environ: Mapping[str, str], home: Path, root: Path) -> Iterator[Path]:
    folders = [root / "etc/conda", root / "var/lib/conda"]
    if installed := _installation(environ):
        folders.append(installed)
    if environ.get("XDG_CONFIG_HOME", "").startswith("/"):
        folders.append(Path(environ["XDG_CONFIG_HOME"], "conda"))
    folders += [home / ".config/conda", home / ".conda"]
    for folder in folders:
        for name in _NAMES:
            yield folder / name
    yield home / ".condarc"
    yield home / ".mambarc"
    if given := environ.get("CONDARC"):
        yield home / given[2:] if given.startswith("~/") else Path(given)


def _installation(environ: Mapping[str, str]) -> Path | None:
    """Where conda or mamba is installed, as a shell knows that has one of them initialised."""
    for name in ("CONDA_ROOT", "_CONDA_ROOT", "MAMBA_ROOT_PREFIX"):
        if environ.get(name):
            return Path(environ[name])
    executable = environ.get("CONDA_EXE")
    return Path(executable).parent.parent if executable else None


def _files(path: Path) -> Iterator[Path]:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  a third of the time that Path.stat takes
    except OSError:
        return
    if stat.S_ISREG(mode) and (path.name in _FILES or path.suffix in _YAML):
        yield path
    elif stat.S_ISDIR(mode):
        try:
            entries = sorted(path.iterdir())
        except OSError:
            return
        yield from (one for one in entries if one.suffix in _YAML and one.is_file())


def read_file(path: Path) -> dict[str, Value]:
    """The file's keys with their values.

    Raises:
        CondaConfigurationInvalid: it can't be read, isn't YAML, or isn't a mapping.
    """
    text = _text(path)
    root = _compose(text, path)
    if root is None or _is_null(root):
        return {}
    if root.id != "mapping":
        raise CondaConfigurationInvalid(
            f"{_place(root, path)}: must be a mapping, not {_kind(root)}",
            "write `channels:` and below it `  - conda-forge`",
        )
    lines = text.splitlines()
    return {
        str(key.value): _value(node, path, lines, at=key)
        for key, node in root.value
        if key.id == "scalar"
    }


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CondaConfigurationInvalid(f"{path}: can't be read: {reason}") from None
    if len(content) > _LARGEST:
        raise CondaConfigurationInvalid(f"{path}: is larger than 1 MiB, not a configuration")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CondaConfigurationInvalid(f"{path}: is not text in UTF-8") from None


def _compose(text: str, path: Path) -> Node:
    import yaml

    # The base loader leaves every scalar the text that it is and builds nothing else.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise CondaConfigurationInvalid(f"{where}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise CondaConfigurationInvalid(f"{path}: not YAML: {reason}") from None


def _value(node: Node, path: Path, lines: list[str], *, at: Node, depth: int = 0) -> Value:
    """Nothing that is read here lies deeper than a list in a mapping in a mapping."""
    where = _place(node, path)
    flag = _flag(lines, at)
    if node.id == "scalar":
        return Value(where, None if _is_null(node) else str(node.value), flag)
    if depth > _DEEPEST:
        return Value(where, None, flag)
    if node.id == "sequence":
        items = [_value(one, path, lines, at=one, depth=depth + 1) for one in node.value]
        return Value(where, tuple(items), flag)
    entries = {
        str(key.value): _value(one, path, lines, at=key, depth=depth + 1)
        for key, one in node.value
        if key.id == "scalar"
    }
    return Value(where, entries, flag)


def _flag(lines: list[str], node: Node) -> str | None:
    number = node.start_mark.line
    found = _FLAG.search(lines[number], node.start_mark.column) if number < len(lines) else None
    return found[1] if found else None


def _is_null(node: Node) -> bool:
    return node.id == "scalar" and not node.style and node.value in _NULL


def _place(node: Node, path: Path) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _kind(node: Node) -> str:
    return {"mapping": "a mapping", "sequence": "a list"}.get(node.id, "text")


def of_variables(environ: Mapping[str, str]) -> dict[str, Value]:
    """What `CONDA_<KEY>` variables say: texts, and lists with commas between; never mappings."""
    found: dict[str, Value] = {}
    for key in (*_TEXTS, *_LISTS):
        name = f"CONDA_{key.upper()}"
        given = environ.get(name)
        if given is None:
            continue
        if key in _TEXTS:
            found[key] = Value(name, given.strip())
        else:
            items = filter(None, map(str.strip, given.split(",")))
            found[key] = Value(name, tuple(Value(name, item) for item in items))
    return found
