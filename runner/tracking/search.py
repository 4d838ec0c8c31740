"""Filters and orders of MLflow's searches: `metrics.rmse < 1 and params.model = 'tree'`.

Source: https://mlflow.org/docs/latest/search-runs.html; what clients of 1.x to 3.x send.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from runner.tracking.refusal import wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
      | (?P<name>(?:[A-Za-z_]\w*\.)?(?:`[^`]*`|"[^"]*"|[A-Za-z_][\w./-]*))
      | (?P<sign><=|>=|!=|==|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_KINDS = {
    "metric": "metrics", "metrics": "metrics", "param": "params", "params": "params",
    "parameter": "params", "parameters": "params", "tag": "tags", "tags": "tags",
    "attribute": "attributes", "attributes": "attributes", "attr": "attributes",
    "run": "attributes", "dataset": "datasets", "datasets": "datasets",
}  # fmt: skip
_SIGNS = {"=", "==", "!=", "<", "<=", ">", ">=", "like", "ilike", "in", "not in", "is null",
          "is not null"}  # fmt: skip
_ALIASES = {"run_name": "run_name", "name": "run_name", "run name": "run_name", "created":
            "start_time", "start time": "start_time", "end time": "end_time"}  # fmt: skip

_Ordered = TypeVar("_Ordered", str, float)
_Thing = TypeVar("_Thing")
Facts = dict[tuple[str, str], "str | float | None"]
"""(kind, key) → value: what a search can ask of one thing."""


class Comparison(NamedTuple):
    """One condition; all of them must hold."""

    kind: str
    key: str
    sign: str
    value: str | float | tuple[str, ...] | None


def parse(text: str) -> tuple[Comparison, ...]:
    """The comparisons of a filter.

    Raises:
        Refusal: it can't be understood.
    """
    tokens = _tokens(text)
    found: list[Comparison] = []
    while tokens:
        found.append(_comparison(tokens, text))
        if tokens and (tokens.pop(0).casefold() != "and" or not tokens):
            raise wrong(f"Invalid clause(s) in filter string: {text!r}; join comparisons by AND")
    return tuple(found)


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise wrong(f"Invalid filter string: {text!r}, at {text[position:]!r}")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


def _comparison(tokens: list[str], text: str) -> Comparison:
    try:
        kind, key = _field(tokens.pop(0))
        sign = tokens.pop(0).casefold()
        if sign in {"not", "is"}:
            sign = f"{sign} {tokens.pop(0).casefold()}"
            if sign == "is not":
                sign = f"{sign} {tokens.pop(0).casefold()}"
        if sign not in _SIGNS:
            raise wrong(f"Invalid comparison operator {sign!r} in filter string: {text!r}")
        if sign.startswith("is "):
            return Comparison(kind, key, sign, None)
        return Comparison(
            kind, key, sign, _list(tokens) if "in" in sign.split() else _value(tokens)
        )
    except IndexError:
        raise wrong(f"Invalid filter string: {text!r}: it ends too early") from None


def _field(token: str) -> tuple[str, str]:
    kind, dot, key = token.partition(".")
    if not dot or kind.casefold() not in _KINDS:
        kind, key = "attributes", token
    kind, key = _KINDS[kind.casefold()], key.strip('`"')
    return kind, _ALIASES.get(key.casefold(), key) if kind == "attributes" else key


def _value(tokens: list[str]) -> str | float:
    token = tokens.pop(0)
    if token[0] in "'\"":
        return token[1:-1]
    try:
        return float(token)
    except ValueError:
        return token


def _list(tokens: list[str]) -> tuple[str, ...]:
    values: list[str] = []
    if tokens.pop(0) != "(":
        raise wrong("IN needs a list in parentheses")
    while (word := tokens.pop(0)) != ")":
        if word != ",":
            values.append(word.strip("'\""))
    return tuple(values)


def matches(facts: Facts, wanted: Iterable[Comparison]) -> bool:
    """Whether all comparisons hold."""
    return all(_holds(facts.get((one.kind, one.key)), one) for one in wanted)


def _holds(value: str | float | None, one: Comparison) -> bool:
    if one.sign == "is null":
        return value is None
    if value is None:
        return False
    if one.sign == "is not null":
        return True
    if isinstance(one.value, tuple):
        return (str(value) in one.value) == (one.sign == "in")
    if one.sign in {"like", "ilike"}:
        return _like(str(value), str(one.value), 0 if one.sign == "like" else re.IGNORECASE)
    return _compares(value, one.sign, one.value)


def _like(value: str, pattern: str, flags: int) -> bool:
    parts = re.split(r"([%_])", pattern)
    regular = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regular, value, flags | re.DOTALL) is not None


def _compares(value: str | float, sign: str, other: str | float | None) -> bool:
    if isinstance(value, float | int):
        try:
            left, right = float(value), float(other or 0)
        except ValueError:
            return False
        return _order(left, sign, right)
    return _order(value, sign, str(other))


def _order(left: _Ordered, sign: str, right: _Ordered) -> bool:
    if sign in {"=", "=="}:
        return left == right
    if sign == "!=":
        return left != right
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def ordered(
    things: list[tuple[_Thing, Facts]], by: Iterable[str], *, default: tuple[str, str]
) -> list[tuple[_Thing, Facts]]:
    """Sorted by the given orders, the first one first; NaN and what is missing come last."""
    result = sorted(things, key=lambda thing: _key(thing[1].get(default)), reverse=True)
    for text in reversed(list(by)):
        words = text.rsplit(None, 1)
        falling = len(words) > 1 and words[-1].casefold() == "desc"
        named = words[0] if len(words) > 1 and words[-1].casefold() in {"asc", "desc"} else text
        field = _field(named.strip())
        there = [thing for thing in result if not _absent(thing[1].get(field))]
        gone = [thing for thing in result if _absent(thing[1].get(field))]
        there.sort(key=lambda thing: _key(thing[1].get(field)), reverse=falling)
        result = there + gone
    return result


def _absent(value: str | float | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _key(value: str | float | None) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (2, 0.0, value) if isinstance(value, str) else (1, float(value), "")


def facts_of(
    attributes: Mapping[str, str | float | None],
    metrics: Mapping[str, float],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> Facts:
    """What a search can ask of a run."""
    facts: Facts = {("attributes", key): value for key, value in attributes.items()}
    facts |= {("metrics", key): value for key, value in metrics.items()}
    facts |= {("params", key): value for key, value in parameters.items()}
    facts |= {("tags", key): value for key, value in tags.items()}
    return facts
