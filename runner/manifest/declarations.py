"""Parameters as the manifest declares them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.manifest import doubts
from runner.manifest.document import (
    ListNode,
    MappingNode,
    ScalarNode,
    as_value,
    is_null,
    kind_of,
    shorten,
    text_of,
)
from runner.manifest.model import Parameter
from runner.manifest.parameter_types import ALIASES, canonical, suggest
from runner.manifest.shape import Scope, boolean, known_keys, named_keys, number, text, value_of

if TYPE_CHECKING:
    from runner.manifest.document import Entry, Node
    from runner.manifest.model import Scalar

PARAMETER_KEYS = (
    "type",
    "default",
    "choices",
    "min",
    "max",
    "pattern",
    "optional",
    "description",
    "secret",
)
SCALARS = (str, int, float, bool, type(None))


def parameters(body: MappingNode, scope: Scope, entry_point: str) -> tuple[Parameter, ...]:
    """Every parameter of an entry point that can be understood."""
    entry = body.get("parameters")
    if entry is None:
        return ()
    if isinstance(entry.value, MappingNode):
        named_keys(entry.value, Scope(scope.complaints, f"`parameters` of {scope.owner}"))
        found = [_parameter(inner, scope, entry_point) for inner in entry.value.entries]
        return tuple(parameter for parameter in found if parameter)
    if is_null(entry.value):
        message = f"`parameters:` of {scope.owner} is empty"
        hint = "remove the line, or write `parameters: {}`"
        scope.error(entry.key, "empty-parameters", message, hint)
    else:
        dashes = isinstance(entry.value, ListNode)
        hint = "write `alpha: float`, one parameter per line" + (", without dashes" * dashes)
        scope.wrong(entry, "a mapping of names to types", hint)
    return ()


def _parameter(entry: Entry, scope: Scope, entry_point: str) -> Parameter | None:
    name, node = entry.name, entry.value
    where = Scope(scope.complaints, f"parameter `{shorten(name)}` of {scope.owner}", entry_point)
    bare = Parameter(name, line=entry.key.line, column=entry.key.column)
    if isinstance(node, MappingNode):
        return _declared(bare, node, where)
    declared = text_of(node)
    if declared is not None:
        return replace(bare, type=canonical_type(declared, node, where), declared_type=declared)
    _no_parameter(entry, Scope(scope.complaints, where.owner))
    return None


def _no_parameter(entry: Entry, scope: Scope) -> None:
    name, node = shorten(entry.name), entry.value
    if is_null(node):
        message = f"{scope.owner} has no type"
        scope.error(entry.key, "missing-type", message, f"write `{name}: string`")
        return
    hint = f"write `{name}: {{type: float, default: 0.5}}`"
    if isinstance(node, ScalarNode):
        kind = {bool: "bool", int: "int", float: "float"}.get(type(node.value), "string")
        hint = f"write `{name}: {{type: {kind}, default: {shorten(node.text, 30)}}}`"
    message = f"{scope.owner} must be a type or a mapping, not {kind_of(node)}"
    scope.error(node, "wrong-shape", message, hint)


def _declared(bare: Parameter, node: MappingNode, scope: Scope) -> Parameter:
    known_keys(node, PARAMETER_KEYS, scope)
    default = node.get("default")
    value = as_value(default.value) if default else None
    optional = boolean(node, "optional", scope, fallback=False)
    declared, kind = _type(node, scope)
    parameter = replace(
        bare,
        type=kind,
        declared_type=declared,
        default=value,
        default_text=None if value is None else str(value),
        required=value is None and not optional,
        optional=optional,
        choices=_choices(node, scope),
        minimum=number(node, "min", scope),
        maximum=number(node, "max", scope),
        pattern=_pattern(node, scope),
        description=text(node, "description", scope),
        # What may be meant to be secret is kept secret.
        secret=boolean(node, "secret", scope, fallback=True),
    )
    doubts.declaration(parameter, node, scope)
    return parameter


def _type(node: MappingNode, scope: Scope) -> tuple[str | None, str]:
    """The type as MLflow reads it, and its canonical name."""
    entry = node.get("type")
    if entry is None:
        return "string", "string"
    declared = text_of(entry.value)
    if declared is not None:
        return declared, canonical_type(declared, entry.value, scope)
    if not is_null(entry.value):
        whole = Scope(scope.complaints, scope.owner)
        whole.wrong(entry, "the name of a type", "write `type: float`")
    return None, "string"


def canonical_type(declared: str, at: Node, scope: Scope) -> str:
    """The canonical name of a type; an unknown one is kept, with a warning."""
    known = canonical(declared)
    if known:
        return known
    meant = suggest(declared)
    message = f"{scope.owner} has the unknown type `{shorten(declared)}`, read as text"
    hint = f"did you mean `{meant}`?" if meant else f"known types: {', '.join(ALIASES)}"
    if re.search(r"\b(type|default)\b|[:={}]", declared):
        hint = "write `{type: float, default: 0.5}`"
    scope.warning(at, "unknown-type", message, hint)
    return declared


def _choices(node: MappingNode, scope: Scope) -> tuple[Scalar, ...]:
    entry = value_of(node, "choices")
    if entry is None:
        return ()
    items = entry.value.items if isinstance(entry.value, ListNode) else ()
    found = [item.value for item in items if isinstance(item, ScalarNode)]
    if not found or len(found) != len(items):
        scope.wrong(entry, "a list of values", "write `choices: [adam, sgd]`")
        return ()
    return tuple(choice if isinstance(choice, SCALARS) else str(choice) for choice in found)


def _pattern(node: MappingNode, scope: Scope) -> str | None:
    entry = value_of(node, "pattern")
    if entry is None:
        return None
    pattern = text_of(entry.value)
    if pattern is None:
        scope.wrong(entry, "a regular expression", "write `pattern: '[a-z]+'`")
        return None
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        message = f"`pattern` of {scope.owner} is not a regular expression: {error}"
        scope.error(entry.value, "pattern", message, "put a backslash before special characters")
        return None
    return pattern
