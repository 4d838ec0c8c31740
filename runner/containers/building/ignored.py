"""What a `.dockerignore` leaves out of a build's context.

The rules are those of the engine's documentation, as BuildKit follows them: Go's `filepath.Match`
and `**`, the last pattern that fits a path or a folder above it decides. The SDK's own
`PatternMatcher` takes capitals for small letters, misses what lies in a folder that `**/name` fits,
and walks real folders only.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from runner.containers.building.lines import wrong

_MAGIC = re.compile(r"[*?\[]")


class Pattern(NamedTuple):
    """One line: what it fits, and whether that is left out or taken back in."""

    regex: re.Pattern[str]
    leaves_out: bool


def patterns(text: bytes, *, path: str) -> tuple[Pattern, ...]:
    """The patterns of the `.dockerignore` at `path`.

    Raises:
        EnvironmentFailure: one is malformed: the engine's own client refuses it as well.
    """
    found = []
    for number, line in enumerate(text.decode("utf-8-sig", "surrogateescape").split("\n"), 1):
        written = line.strip()
        if not written or line.startswith("#"):
            continue
        negated = written.startswith("!")
        glob = posixpath.normpath(written[negated:].strip() or ".").lstrip("/")
        regex = compiled(glob)
        if regex is None:
            raise wrong(
                path, number, f"`{written}` is no pattern", "correct it, or remove the line"
            )
        if glob not in {"", "."}:
            found.append(Pattern(regex, not negated))
    return tuple(found)


def is_left_out(path: str, rules: tuple[Pattern, ...]) -> bool:
    """Whether the context lacks `path`, POSIX and relative to it."""
    parts = path.split("/")
    places = ["/".join(parts[: index + 1]) for index in range(len(parts))]
    out = False
    for rule in rules:
        if rule.leaves_out != out and any(rule.regex.fullmatch(place) for place in places):
            out = rule.leaves_out
    return out


def is_magic(glob: str) -> bool:
    """Whether `glob` can fit more than the one path that it spells."""
    return _MAGIC.search(glob) is not None


def compiled(glob: str) -> re.Pattern[str] | None:
    """The regular expression of a glob; None where Go finds it malformed."""
    regex, at = "", 0
    while at < len(glob):
        char = glob[at]
        if glob.startswith("**", at):
            at += 2
            at += glob.startswith("/", at)
            regex += "(?:.*/)?" if at < len(glob) else ".*"
            continue
        if char == "[":
            end = _class_end(glob, at)
            if end is None:
                return None
            regex += glob[at : end + 1].replace("[", r"\[").replace(r"\[", "[", 1)
            at = end + 1
            continue
        if char == "\\":
            at += 1
            if at == len(glob):
                return None
            char = glob[at]
            regex += re.escape(char)
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        at += 1
    try:
        return re.compile(regex, re.DOTALL)
    except re.error:
        return None


def _class_end(glob: str, at: int) -> int | None:
    """The index of the `]` that ends the class which starts at `at`."""
    index = at + 1 + glob.startswith("^", at + 1)
    first = index
    while index < len(glob):
        if glob[index] == "]" and index > first:
            return index
        index += 1 + (glob[index] == "\\")
    return None
