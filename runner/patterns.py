"""POSIX globs as manifests have them: `*`, `?`, `[…]` within a name, `**` across folders."""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING

from runner.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")


def is_magic(glob: str) -> bool:
    """Whether `glob` can match more than the one path it spells."""
    return _MAGIC.search(glob) is not None


def escape(path: str) -> str:
    """A glob that matches `path` and nothing else (and what lies below it)."""
    return _MAGIC.sub(lambda found: f"[{found[0]}]", path)


def normalise(glob: str) -> str:
    """`glob` without `./`, doubled slashes, a slash at its end, and `..` after a name."""
    parts: list[str] = []
    for part in glob.split("/"):
        if part == ".." and parts and parts[-1] not in {"..", "**"}:
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


@functools.lru_cache(maxsize=256)
def compile_glob(glob: str) -> re.Pattern[str]:
    """A pattern that matches what `glob` matches, and everything below a folder it names.

    Names that start with a dot are matched like any other: a step's files are all its files.
    """
    regex = ""
    parts = normalise(glob).split("/")
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            regex += ".*" if last else "(?:[^/]+/)*"
        else:
            regex += _name(part) + ("" if last else "/")
    # `.` is the project as a whole.
    return re.compile(regex + "(?:/.*)?" if parts != [""] else ".*", re.DOTALL)


def _name(part: str) -> str:
    regex, position = "", 0
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            regex += "[^/]*"
        elif character == "?":
            regex += "[^/]"
        elif character == "[" and (end := part.find("]", position + 1)) > 0:
            body = part[position:end].replace("\\", r"\\").replace("[", r"\[")
            negated = body.startswith(("!", "^"))
            regex += f"[^/{body[1:]}]" if negated else f"[{body}]"
            position = end + 1
        else:
            regex += re.escape(character)
    return regex


def matches(glob: str, path: str) -> bool:
    """Whether the POSIX `path` is matched by `glob`, or lies in a folder that is."""
    return compile_glob(glob).fullmatch(path) is not None


def literal_prefix(glob: str) -> str:
    """The leading folders of `glob` that hold no magic: where a walk may start."""
    parts = normalise(glob).split("/")
    kept: list[str] = []
    for part in parts:
        if is_magic(part):
            break
        kept.append(part)
    return "/".join(kept)


def walk(root: Path, glob: str) -> Iterator[str]:
    """The files and symlinks below `root` that `glob` matches, as POSIX paths, sorted.

    Symlinks are not followed and folders named `.git` not entered.

    Raises:
        InputError: a folder can't be listed.
    """
    prefix = literal_prefix(glob)
    start = root / prefix
    if prefix and not start.is_dir():
        if start.is_symlink() or start.exists():
            yield prefix
        return
    if start.is_symlink() and start != root:
        yield prefix
        return
    found = compile_glob(glob)
    for path in files_below(start):
        relative = f"{prefix}/{path}" if prefix else path
        if found.fullmatch(relative):
            yield relative


def files_below(folder: Path) -> Iterator[str]:
    """Files and symlinks below `folder`, as sorted POSIX paths; links to folders count as links.

    Raises:
        InputError: a folder can't be listed.
    """
    names: list[str] = []
    base = os.fspath(folder)
    for current, folders, files in os.walk(base, onerror=_refuse):
        below = current[len(base) :].lstrip("/")
        folders[:] = [name for name in folders if name != ".git"]
        links = [name for name in folders if _is_link(current, name)]
        names += [f"{below}/{name}" if below else name for name in [*files, *links]]
    yield from sorted(names)


def _refuse(error: OSError) -> None:
    reason = (error.strerror or "").lower()
    raise InputError(f"{error.filename} can't be listed: {reason}") from error


def _is_link(folder: str, name: str) -> bool:
    return os.path.islink(f"{folder}/{name}")  # noqa: PTH114  10,000 names at a time
