"""A Dockerfile's text as instructions whose words know where they stand in it.

The rules are the engine's own: directives before all else, comments and empty lines inside of a
continued instruction, here-documents. `dockerfile-parse` (2.0.1, 2023) ends an instruction at an
empty line, loses one without arguments or at the end of the file, knows no here-documents, and
doesn't say where a word stands, so it is not used.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 80
_DIRECTIVE = re.compile(r"\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_COMMENT = re.compile(r"\s*#")
# A word as the shell sees it: quotes keep blanks together.
SHELL_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""", re.DOTALL)
_HERE = re.compile(r"""\d*<<(-?)(["']?)([A-Za-z_][\w.-]*)\2""")
_TAKE_DOCUMENTS = {"RUN", "COPY", "ADD"}


class Word(NamedTuple):
    """One word, and its place in the file's text."""

    text: str
    start: int
    end: int


class Instruction(Struct, frozen=True):
    """One instruction, its continued lines joined.

    Attributes:
        line: 1-based, of its first line.
        name: in upper case.
        flags: words that start with `--`.
        words: the others, split at blanks.
        body: everything after the flags.
        text: its first line, shortened, for messages.
        document: the first here-document's mark (`<<EOF`), None where there is none.
    """

    line: int
    name: str
    flags: tuple[Word, ...]
    words: tuple[Word, ...]
    body: str
    text: str
    document: str | None = None

    def flag(self, name: str) -> Word | None:
        """The value of `--name=value`, with its place."""
        for flag in self.flags:
            if flag.text.startswith(f"{name}="):
                start = flag.start + len(name) + 1
                return Word(flag.text[len(name) + 1 :], start, flag.end)
        return None

    def arguments(self) -> list[str]:
        """The words of a COPY or ADD, those of its JSON form as well."""
        if self.body.startswith("["):
            try:
                listed = json.loads(self.body)
            except ValueError:
                listed = None
            if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
                return listed
        return [word.text for word in self.words]


class Lines(Struct, frozen=True):
    """A file's lines: where each starts, and what it has without its end."""

    starts: tuple[int, ...]
    contents: tuple[str, ...]


def wrong(path: str, line: int, message: str, hint: str | None = None) -> EnvironmentFailure:
    """The error for something at a line of a Dockerfile."""
    return EnvironmentFailure(f"{path}:{line}: {message}", hint)


def decode(text: bytes) -> str:
    """The text; bytes that are no UTF-8 survive `encode`."""
    return text.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The inverse of `decode`."""
    return text.encode("utf-8", "surrogateescape")


def escape_of(text: str) -> str:
    """The character that continues lines: a backslash, or what `# escape=` says."""
    for content in _split(text).contents:
        found = _DIRECTIVE.match(content)
        if found is None:
            break
        if found[1].lower() == "escape" and found[2] in {"\\", "`"}:
            return found[2]
    return "\\"


def instructions(text: str, *, path: str) -> Iterator[Instruction]:
    """The instructions in order, whatever their names.

    Raises:
        EnvironmentFailure: a here-document has no end.
    """
    lines = _split(text)
    mark = re.escape(escape_of(text))
    # Two marks at a line's end are one, written for the shell.
    continued = re.compile(rf"(?<!{mark}){mark}[ \t]*$")
    at = 0
    while at < len(lines.contents):
        if _is_empty(lines.contents[at]):
            at += 1
            continue
        first = at
        pieces: list[tuple[int, str]] = []
        while at < len(lines.contents):
            content = lines.contents[at]
            at += 1
            if pieces and _is_empty(content):
                continue
            end = continued.search(content)
            pieces.append((lines.starts[at - 1], content[: end.start()] if end else content))
            if not end:
                break
        found = _instruction(first + 1, lines.contents[first], pieces)
        for document in _documents(found):
            at = _after(document, lines, at, found, path)
        yield found


def _split(text: str) -> Lines:
    starts, contents, start = [], [], 0
    for line in text.split("\n"):
        bom = not start and line.startswith("\ufeff")
        starts.append(start + bom)
        contents.append(line[bom:].removesuffix("\r"))
        start += len(line) + 1
    return Lines(tuple(starts), tuple(contents))


def _is_empty(content: str) -> bool:
    return not content.strip() or _COMMENT.match(content) is not None


def _instruction(line: int, first: str, pieces: list[tuple[int, str]]) -> Instruction:
    joined = "".join(piece for _, piece in pieces)
    places = [start + index for start, piece in pieces for index in range(len(piece))]
    found = list(re.finditer(r"\S+", joined))
    words = [Word(one[0], places[one.start()], places[one.end() - 1] + 1) for one in found]
    flags = 1
    while flags < len(words) and words[flags].text.startswith("--"):
        flags += 1
    body = joined[found[flags].start() :].rstrip() if flags < len(found) else ""
    name = words[0].text.upper() if words else ""
    here = _first_document(body) if name in _TAKE_DOCUMENTS else None
    shown = first.strip()
    return Instruction(
        line=line,
        name=name,
        flags=tuple(words[1:flags]),
        words=tuple(words[flags:]),
        body=body,
        text=shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…",
        document=here,
    )


def _first_document(body: str) -> str | None:
    return next((word[0] for word in SHELL_WORD.finditer(body) if _HERE.fullmatch(word[0])), None)


def _documents(found: Instruction) -> Iterator[re.Match[str]]:
    if found.document is not None:
        for word in SHELL_WORD.finditer(found.body):
            if here := _HERE.fullmatch(word[0]):
                yield here


def _after(here: re.Match[str], lines: Lines, at: int, found: Instruction, path: str) -> int:
    """The index of the line after the end of the here-document whose content starts at `at`."""
    for index in range(at, len(lines.contents)):
        content = lines.contents[index]
        if (content.lstrip("\t") if here[1] else content) == here[3]:
            return index + 1
    hint = f"end it with a line that is `{here[3]}` alone"
    raise wrong(path, found.line, f"the here-document `{here[0]}` has no end", hint)
