"""Reads requirement files as pip does: `-r`, `-c`, `-e`, options, hashes, local packages."""

from __future__ import annotations

import posixpath
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from runner.errors import EnvironmentFailure, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.source.model import ProjectFiles

_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LOCAL: Final = re.compile(r"^(\.\.?(/|$|\[)|file:)|^[^@;\s]+\.(whl|tar\.gz|zip)$")
_NAMED_LOCAL: Final = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?\s*@\s*(file:\S+|\.\.?/\S*)")
_REMOTE: Final = re.compile(r"^[a-z][a-z0-9+.-]*://")
_EXTRAS: Final = re.compile(r"\[([^\]]*)\]\s*$")
_OPTIONS: Final = {
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--pre",
    "--no-binary", "--only-binary", "--prefer-binary", "--require-hashes", "--trusted-host",
    "--use-feature",
}  # fmt: skip
_IGNORED: Final = {"--require-hashes", "--use-feature", "--prefer-binary", "--trusted-host"}
_SHORT: Final = {"-i": "--index-url", "-f": "--find-links"}


class Local(Struct, frozen=True):
    """A package that lies in the project: its path, and how it is to be installed."""

    path: str
    editable: bool = False
    extras: tuple[str, ...] = ()


class Requirements(Struct):
    """What requirement files say, `-r` files read in.

    Attributes:
        lines: requirements as written, without comments, hashes included.
        options: index and build options, in their long form.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    local: list[Local] = field(default_factory=list)

    @property
    def hashed(self) -> bool:
        """Whether every line is pinned with a hash, which makes the file a lock."""
        return bool(self.lines) and not self.local and all("--hash" in one for one in self.lines)


def read_file(files: ProjectFiles, path: str, *, origin: str = "") -> Requirements:
    """Read the requirement file at `path`.

    Raises:
        EnvironmentFailure: a file is missing, or a line can't be understood.
    """
    found = Requirements()
    _add_file(found, files, path, origin=origin, seen=())
    return found


def read_lines(
    files: ProjectFiles, lines: Iterable[str], *, origin: str, places: Iterable[str] = ()
) -> Requirements:
    """Read the requirements `lines`, which stand in the file `origin`, at `places` if known.

    Raises:
        EnvironmentFailure: as for `read_file`.
    """
    found = Requirements()
    for line, where in zip_longest(lines, places, fillvalue=origin):
        _add(found, files, line.strip(), origin, where, ())
    return found


def name_of(line: str) -> str | None:
    """The normalised name (PEP 503) that a requirement begins with, None for a bare address."""
    match = _NAME.match(line)
    if match is None or _REMOTE.match(line) or re.match(r"^(git|hg|svn|bzr)\+", line):
        return None
    return normalised(match.group())


def normalised(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers: continued ones joined, comments and empty ones left out."""
    held, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if held else number
        if raw.rstrip().endswith("\\") and not raw.lstrip().startswith("#"):
            held += raw.rstrip()[:-1] + " "
            continue
        line = _COMMENT.sub("", held + raw).strip()
        held = ""
        if line:
            yield start, line
    if held.strip():
        yield start, held.strip()


def _add_file(
    found: Requirements, files: ProjectFiles, path: str, *, origin: str, seen: tuple[str, ...]
) -> None:
    if path in seen:
        chain = " → ".join((*seen[seen.index(path) :], path))
        raise EnvironmentFailure(f"requirement files include each other: {chain}")
    for number, line in logical_lines(text_of(files, path, origin)):
        _add(found, files, line, path, f"{path}:{number}", (*seen, path))


def text_of(files: ProjectFiles, path: str, origin: str = "") -> str:
    """The text of a file of the project.

    Raises:
        EnvironmentFailure: it isn't there or isn't text; `origin` says who asked for it.
    """
    asked = f"{origin}: " if origin else ""
    try:
        content = files.read(path)
    except SourceError as error:
        raise EnvironmentFailure(f"{asked}{error.message}", error.hint) from None
    if content is None:
        raise EnvironmentFailure(
            f"{asked}the file `{path}` isn't in the project", "is it committed to git?"
        )
    try:
        encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise EnvironmentFailure(
            f"{path}: not UTF-8 text (byte {error.start})", "save it as UTF-8"
        ) from None


def _add(
    found: Requirements,
    files: ProjectFiles,
    line: str,
    path: str,
    where: str,
    seen: tuple[str, ...],
) -> None:
    word, value = _option(line)
    if word in {"-r", "--requirement", "-c", "--constraint"}:
        _include(found, files, word, posixpath.join(posixpath.dirname(path), value), where, seen)
    elif word in {"-e", "--editable"}:
        _add_editable(found, value, path, where)
    elif word in _OPTIONS:
        if word not in _IGNORED:
            found.options.append(f"{_SHORT.get(word, word)} {value}".strip())
    elif line.startswith("-"):
        raise EnvironmentFailure(
            f"{where}: `{line}` is no requirement and no option that is known here"
        )
    elif (local := _local(line, path, where)) is not None:
        found.local.append(local)
    elif _NAME.match(line):
        found.lines.append(line)
    else:
        raise EnvironmentFailure(f"{where}: `{line}` is no requirement")


def _include(
    found: Requirements,
    files: ProjectFiles,
    word: str,
    target: str,
    where: str,
    seen: tuple[str, ...],
) -> None:
    target = posixpath.normpath(target)
    if word in {"-r", "--requirement"}:
        _add_file(found, files, target, origin=where, seen=seen)
        return
    inner = Requirements()
    _add_file(inner, files, target, origin=where, seen=seen)
    found.constraints += inner.lines + inner.constraints


def _option(line: str) -> tuple[str, str]:
    match = re.match(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|$)(.*)", line)
    if match is not None:
        return match.group(1), match.group(2).strip().strip("\"'")
    if line[:2] in {"-r", "-c", "-e", "-i", "-f"}:
        return line[:2], line[2:].strip()
    return "", ""


def _add_editable(found: Requirements, value: str, path: str, where: str) -> None:
    if re.match(r"^(git|hg|svn|bzr)\+", value) or " @ git+" in value:
        # An editable clone would be a second checkout outside of the record; the commit counts.
        found.lines.append(value)
        return
    local = _local_at(value, path, where)
    found.local.append(Local(local.path, editable=True, extras=local.extras))


def _local(line: str, path: str, where: str) -> Local | None:
    named = _NAMED_LOCAL.match(line)
    if named is not None:
        return _local_at(named.group(3) + (named.group(2) or ""), path, where)
    bare = re.split(r"\s+--hash|\s*;", line, maxsplit=1)[0].strip()
    if _REMOTE.match(bare) and not bare.startswith("file:"):
        return None
    return _local_at(bare, path, where) if _LOCAL.match(bare) or _is_folder(bare) else None


def _is_folder(text: str) -> bool:
    return "/" in text and " " not in text and "@" not in text and "+" not in text


def _local_at(text: str, path: str, where: str) -> Local:
    text = re.split(r"\s*;", text, maxsplit=1)[0].strip()
    extras: tuple[str, ...] = ()
    if match := _EXTRAS.search(text):
        extras = tuple(sorted(part.strip() for part in match.group(1).split(",") if part.strip()))
        text = text[: match.start()]
    plain = re.sub(r"#.*$", "", text.removeprefix("file:"))
    if plain.startswith("/") or not plain:
        raise EnvironmentFailure(
            f"{where}: `{text}` lies outside of the project, so no other machine has it",
            "put the package into the repository, or name it by its version or git address",
        )
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), plain))
    return Local(joined, extras=extras)
