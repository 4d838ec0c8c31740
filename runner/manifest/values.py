"""Holds a value against a parameter's declaration: type, choices, range, pattern."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from runner.manifest.document import shorten
from runner.manifest.parameter_types import described, example, read
from runner.nearest import nearest

if TYPE_CHECKING:
    from runner.manifest.model import Parameter

# Repeats of repeats, or many of them, can take for ever on a text of their author's choice.
WILD = r"\)\s*[*+{]"
QUANTIFIER = r"[*+{]"
TAME_QUANTIFIERS = 3
TAME_LENGTH = 200
EXACT = 1e15  # below it every integer is a float, too


class Violation(NamedTuple):
    """How a value breaks its declaration: `must be a float`, and a value that would do."""

    wanted: str
    example: str | None = None


def violation(parameter: Parameter, text: str) -> Violation | None:
    """Why `text` can't be the parameter's value, None where it can."""
    if "\0" in text:
        return Violation("must not hold a NUL character")
    try:
        value = read(text, parameter.type)
    except (ValueError, OverflowError):
        return Violation(f"must be {described(parameter.type)}", _sample(parameter))
    for item in _items(value):
        found = _outside(parameter, item) or _unlisted(parameter, item)
        if found:
            return found
    if parameter.pattern is not None and not re.fullmatch(parameter.pattern, text):
        return Violation(f"must match `{shorten(parameter.pattern)}`")
    return None


def default_violation(parameter: Parameter) -> Violation | None:
    """The same for a default, which a stranger wrote, and which must cost no time to check."""
    text = parameter.default_text or ""
    if parameter.pattern is not None and not tame(parameter.pattern, text):
        return None
    return violation(parameter, text)


def example_of(parameter: Parameter) -> str:
    """A value that the parameter would accept, for hints: its default where it has one."""
    if parameter.default_text and not parameter.secret and not default_violation(parameter):
        return parameter.default_text
    return _sample(parameter)


def _sample(parameter: Parameter) -> str:
    if parameter.choices:
        return str(parameter.choices[0])
    text = example(parameter.type)
    bounds = (_outside(parameter, item) for item in _items(read(text, parameter.type)))
    return next((bound.example for bound in bounds if bound and bound.example), text)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def tame(pattern: str, text: str) -> bool:
    """Whether matching is certain to end soon."""
    return (
        len(text) <= TAME_LENGTH
        and not re.search(WILD, pattern)
        and len(re.findall(QUANTIFIER, pattern)) <= TAME_QUANTIFIERS
    )


def shown(parameter: Parameter, text: str) -> str:
    """The value for a message; a secret one is not shown."""
    return "the value given (it is secret)" if parameter.secret else f"`{shorten(text)}`"


def number(bound: float) -> str:
    """A bound as a person would write it, and as an integer takes it: not `1e+07`."""
    return str(int(bound)) if abs(bound) < EXACT and bound == int(bound) else repr(bound)


def _outside(parameter: Parameter, value: object) -> Violation | None:
    low, high = parameter.minimum, parameter.maximum
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    whole = isinstance(value, int)
    # Written so that NaN is outside of every range.
    if low is not None and not value >= low:
        nearest_one = math.ceil(low) if whole and math.isfinite(low) else low
        return Violation(f"must be at least {number(low)}", number(nearest_one))
    if high is not None and not value <= high:
        nearest_one = math.floor(high) if whole and math.isfinite(high) else high
        return Violation(f"must be at most {number(high)}", number(nearest_one))
    return None


def _unlisted(parameter: Parameter, value: object) -> Violation | None:
    if not parameter.choices:
        return None
    texts = [str(choice) for choice in parameter.choices]
    item_type = parameter.type.removeprefix("list[").removesuffix("]")
    for choice in texts:
        try:
            if read(choice, item_type) == value:
                return None
        except (ValueError, OverflowError):
            continue
    meant = nearest(str(value), texts)
    listing = ", ".join(f"`{shorten(choice, 30)}`" for choice in texts[:20])
    return Violation(f"must be one of {listing}", meant or texts[0])
