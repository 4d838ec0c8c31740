"""Doubts about a parameter's declaration: what YAML or MLflow makes of it that nobody meant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.manifest.document import ScalarNode, shorten
from runner.manifest.parameter_types import described
from runner.manifest.values import default_violation, number, shown

if TYPE_CHECKING:
    from runner.manifest.document import MappingNode
    from runner.manifest.model import Parameter
    from runner.manifest.shape import Scope

ORDERED = frozenset({"integer", "float", "list[integer]", "list[float]"})
TEXTS = frozenset({"string", "path", "uri"})


def declaration(parameter: Parameter, node: MappingNode, scope: Scope) -> None:
    """Everything doubtful about one parameter."""
    _limits(parameter, node, scope)
    entry = node.get("default")
    if entry is None:
        return
    if isinstance(entry.value, ScalarNode):
        _reading(parameter, entry.value, scope)
    if parameter.secret and parameter.default_text:
        message = f"{scope.owner} is secret, and its default can be read by everyone"
        scope.warning(entry.value, "secret-default", message, "remove the default")
    found = default_violation(parameter) if parameter.default_text is not None else None
    if found:
        text = shown(parameter, parameter.default_text or "")
        message = f"the default of {scope.owner} {found.wanted}, not {text}"
        hint = f"write `default: {found.example}`" if found.example else "correct the default"
        if parameter.default_text in {"None", ""}:
            hint = "remove `default` to require a value, or write `optional: true` instead of it"
        scope.warning(entry.value, "default-breaks-declaration", message, hint)


def _limits(parameter: Parameter, node: MappingNode, scope: Scope) -> None:
    low, high = parameter.minimum, parameter.maximum
    if (low is not None or high is not None) and parameter.type not in ORDERED:
        message = f"`min` and `max` mean nothing for {described(parameter.type)}: {scope.owner}"
        scope.warning(node, "limits", message, "write `type: float` or `type: int`")
    elif low is not None and high is not None and low > high:
        message = f"`min` {number(low)} is above `max` {number(high)}: no value fits {scope.owner}"
        scope.warning(node, "limits", message, "swap them")


def _reading(parameter: Parameter, node: ScalarNode, scope: Scope) -> None:
    """Where what the command gets is not what is written."""
    text = parameter.default_text
    if text is None:
        if node.plain and not node.text:
            message = f"the default of {scope.owner} is empty, so a value must be given"
            hint = "write `default: ''` for an empty text, or remove `default`"
            scope.warning(node, "empty-default", message, hint)
        return
    if not node.plain or text == node.text:
        return
    if parameter.type in TEXTS:
        misread = True
    else:
        misread = isinstance(node.value, int | float) and not _same(node.value, node.text)
    if misread:
        message = f"YAML reads the default `{shorten(node.text)}` as `{shorten(text)}`"
        hint = f"quote it: `default: '{shorten(node.text)}'`"
        scope.warning(node, "default-misread", f"{message}: {scope.owner}", hint)


def _same(value: float, text: str) -> bool:
    """Whether a person would read the number as YAML 1.1 does (not so: `010`, `1:30`)."""
    if isinstance(value, bool) or not math.isfinite(value):
        return True
    bare = text.replace("_", "")
    for read in (lambda: int(bare, 0), lambda: float(bare)):
        try:
            return read() == value
        except ValueError:
            continue
    return False
