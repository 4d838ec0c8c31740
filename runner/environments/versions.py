"""Python versions as projects write them: `3.10`, `3.10.4`, `>=3.9,<3.12`, `~=3.9`, `3.*`."""

from __future__ import annotations

import re
from typing import NamedTuple

_CLAUSE = re.compile(r"(===|==|!=|~=|>=|<=|>|<)?\s*v?(\d+(?:\.\d+)*)(\.\*)?((?:a|b|rc)\d+)?")
_WHOLE = 3  # numbers of a release that names its patch
_PREFIX = re.compile(r"^(?:c?python)?\s*[-@]?\s*(?=[\dv<>=!~])", re.IGNORECASE)


class Clause(NamedTuple):
    """One comparison; a version without an operator counts as a prefix (`3.10` means `3.10.*`)."""

    operator: str
    version: tuple[int, ...]
    suffix: str = ""


Wanted = tuple[Clause, ...]


def parse(text: str) -> Wanted:
    """Read a version or specifier; empty text wants nothing in particular.

    Raises:
        ValueError: it is neither.
    """
    stripped = _PREFIX.sub("", text.strip())
    clauses: list[Clause] = []
    for part in filter(None, (part.strip() for part in stripped.split(","))):
        match = _CLAUSE.fullmatch(part)
        if match is None:
            raise ValueError(text)
        clauses.append(_clause(match))
    return tuple(clauses)


def _clause(match: re.Match[str]) -> Clause:
    operator, digits, star, suffix = match.groups()
    version = tuple(int(part) for part in digits.split("."))
    if operator in {None, "==", "==="}:
        # `==3.10` is 3.10.0 to the letter (PEP 440), which nobody who writes it means.
        operator = "exactly" if len(version) >= _WHOLE and not star else "prefix"
    elif operator == "!=" and star:
        operator = "not-prefix"
    return Clause(operator, version, suffix or "")


def numbers(version: str) -> tuple[int, ...]:
    """`3.13.0rc1` → (3, 13, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def admits(wanted: Wanted, version: str) -> bool:
    """Whether the release `version` (`3.11.7`) is what is wanted."""
    return all(_holds(clause, version) for clause in wanted)


def _holds(clause: Clause, text: str) -> bool:
    version, size = numbers(text), len(clause.version)
    padded = clause.version + (0,) * (len(version) - size)
    head = version[:size]
    if clause.operator == "exactly":
        return version == padded and text.endswith(clause.suffix)
    return {
        "prefix": head == clause.version,
        "not-prefix": head != clause.version,
        "!=": version != padded,
        "~=": version >= padded and version[: size - 1] == clause.version[:-1],
        ">=": version >= padded,
        "<=": version <= padded,
        ">": version > padded,
        "<": version < padded,
    }[clause.operator]


def exact(wanted: Wanted) -> str | None:
    """`3.10.4` where exactly one patch release is wanted, else None."""
    for clause in wanted:
        if clause.operator == "exactly" and len(clause.version) >= _WHOLE:
            return ".".join(map(str, clause.version)) + clause.suffix
    return None


def same_minor(release: str) -> Wanted:
    """Any patch release of the same minor version."""
    return (Clause("prefix", numbers(release)[:2]),)
