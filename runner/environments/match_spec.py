"""Reads conda's package specifications (`conda-forge::numpy=1.16.4=py37_0`) into those of pip.

The syntax is that of conda's documentation, "Package search and install specifications":
`name=1.16` is fuzzy and means `1.16.*`, `name==1.16` and `name=1.16=build` are exact.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_SPEC: Final = re.compile(
    r"(?:(?P<channel>[^\s\[\]=<>!~]*)::)?(?P<name>[A-Za-z0-9_][\w.-]*)(?P<rest>.*)"
)
_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\]")
_PAIR: Final = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^\s,'\"]+))")
_EXTRA: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_BUILD: Final = re.compile(r"(?<=[\w.*])=(?!=)")
_CLAUSE: Final = re.compile(r"(==|!=|<=|>=|~=|<|>|=)?v?([0-9][\w.!+-]*?)?(\.?\*)?")
# PEP 440, local versions left out: the index has none.
_VERSION: Final = re.compile(
    r"(\d+!)?\d+(\.\d+)*([._-]?(a|alpha|b|beta|c|rc|pre|preview)[._-]?\d*)?"
    r"([._-]?(post|r|rev)[._-]?\d*|-\d+)?([._-]?dev[._-]?\d*)?",
    re.IGNORECASE,
)


class MatchSpec(Struct, frozen=True):
    """One specification.

    Attributes:
        name: in lower case.
        version: alternatives, separated by `|`, of clauses, separated by `,`; "" for any.
        build: the build string, or a pattern of it.
        extras: what stood in brackets as pip has them, which conda does not know.
    """

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    extras: tuple[str, ...] = ()


def parse(text: str) -> MatchSpec:
    """Read one specification.

    Raises:
        ValueError: it is none; the message says why.
    """
    keys: dict[str, str] = {}
    extras: list[str] = []
    for inner in _BRACKETS.findall(text):
        pairs = _PAIR.findall(inner)
        keys |= {key: single or double or bare for key, single, double, bare in pairs}
        if not pairs:
            extras += [part for part in map(str.strip, inner.split(",")) if part]
    if not all(_EXTRA.fullmatch(extra) for extra in extras):
        raise ValueError("what stands in its brackets is not `key=value`")
    match = _SPEC.fullmatch(_BRACKETS.sub(" ", text).strip())
    if match is None:
        raise ValueError("it is no package specification")
    version, build = _version_and_build(match["rest"])
    spec = MatchSpec(
        name=match["name"].lower(),
        version=keys.get("version", version),
        build=keys.get("build", build),
        channel=match["channel"] or keys.get("channel", ""),
        extras=tuple(extras),
    )
    for clause in _clauses(spec.version):
        _read(clause)
    return spec


def _version_and_build(rest: str) -> tuple[str, str]:
    """What follows the name, taken apart; a build string makes a fuzzy version exact."""
    joined = re.sub(r"\s*([,|])\s*", r"\1", rest.strip())
    joined = re.sub(r"([<>=!~])\s+", r"\1", joined)
    if joined.startswith("=>"):
        raise ValueError("`=>` is no comparison: write `>=`")
    version, *builds = [part for field in joined.split() for part in _BUILD.split(field)] or [""]
    if len(builds) > 1:
        raise ValueError("there is more behind its build string")
    build = builds[0] if builds else ""
    if build and build != "*" and re.match(r"=[^=]", version):
        version = "=" + version
    return version, build


def _clauses(version: str) -> list[str]:
    return [part for alternative in version.split("|") for part in alternative.split(",")]


def _read(clause: str) -> tuple[str, str, str]:
    """Operator, version and star."""
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None or (match[1] and not match[2] and not match[3]):
        raise ValueError(f"`{clause}` is no version")
    return match[1] or "", match[2] or "", match[3] or ""


def specifier(spec: MatchSpec, *, longer: bool = False) -> str | None:
    """The version specifier (PEP 440) of `spec`, "" for any version; None where there is none.

    Args:
        longer: the index's versions have one number more than conda's.
    """
    found = [_specified(*_read(clause), longer=longer) for clause in _best(spec)]
    if any(one is None for one in found):
        return None
    return ",".join(filter(None, found))


def python_of(spec: MatchSpec) -> str | None:
    """The Python that `spec` asks for, as `versions.parse` reads it; None for any."""
    clauses = []
    for clause in _best(spec):
        operator, version, star = _read(clause)
        operator = "" if operator in {"=", "=="} else operator
        if version:
            kept = ".*" if star and operator in {"", "!="} else ""
            clauses.append(operator + version + kept)
    return ",".join(clauses) or None


def has_alternatives(spec: MatchSpec) -> bool:
    """Whether several versions are offered, which pip can't say: the newest counts."""
    return "|" in spec.version


def pinned(spec: MatchSpec) -> str | None:
    """The version that `spec` pins, fuzzily or not; None where it gives a range or nothing."""
    operator, version, _ = _read(_best(spec)[0])
    return version if version and operator in {"", "=", "=="} else None


def _best(spec: MatchSpec) -> list[str]:
    alternatives = [alternative.split(",") for alternative in spec.version.split("|")]
    return max(alternatives, key=lambda clauses: numbers(_read(clauses[0])[1]))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with, for comparing."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match.group().split("."))) if match else ()


def _specified(operator: str, version: str, star: str, *, longer: bool) -> str | None:
    version = version.split("+", maxsplit=1)[0]
    if not version:
        return ""
    if _VERSION.fullmatch(version) is None:
        return None
    if operator in {"", "=", "=="}:
        # A pre-release has nothing below it.
        prefix = star or operator == "=" or longer
        plain = re.fullmatch(r"(\d+!)?[\d.]+", version)
        return f"=={version}.*" if prefix and plain else f"=={version}"
    return operator + version + (".*" if star and operator == "!=" else "")
