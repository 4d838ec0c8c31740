"""Entry points as the manifest declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.manifest import additions, command
from runner.manifest.declarations import parameters
from runner.manifest.document import (
    ListNode,
    MappingNode,
    ScalarNode,
    is_null,
    kind_of,
    shorten,
    text_of,
)
from runner.manifest.model import EntryPoint
from runner.manifest.shape import Scope, known_keys, named_keys, text

if TYPE_CHECKING:
    from runner.manifest.complaints import Complaints
    from runner.manifest.document import Entry
    from runner.manifest.model import Parameter

ENTRY_POINT_KEYS = (
    "command",
    "parameters",
    "inputs",
    "outputs",
    "metrics",
    "env",
    "timeout",
    "resources",
    "description",
)


def entry_points(document: MappingNode, complaints: Complaints) -> tuple[EntryPoint, ...]:
    """Every entry point that can be understood."""
    entry = document.get("entry_points")
    scope = Scope(complaints, "the manifest")
    if entry is None:
        return ()
    if not isinstance(entry.value, MappingNode):
        _no_entry_points(entry, scope)
        return ()
    named_keys(entry.value, Scope(complaints, "`entry_points`"))
    strays = [inner for inner in entry.value.entries if _is_stray(inner)]
    found = []
    for inner in entry.value.entries:
        if isinstance(inner.value, MappingNode):
            found.append(_entry_point(inner, inner.value, complaints))
        elif inner in strays:
            _stray(inner, entry.value, scope)
        elif not (strays and is_null(inner.value)):
            _no_entry_point(inner, scope)
    return tuple(found)


def _is_stray(entry: Entry) -> bool:
    """Whether it is a part of an entry point that stands beside it."""
    return entry.name in ENTRY_POINT_KEYS and not isinstance(entry.value, MappingNode)


def _stray(entry: Entry, siblings: MappingNode, scope: Scope) -> None:
    before = [
        other.name
        for other in siblings.entries
        if other.key.line < entry.key.line and not _is_stray(other)
    ]
    owner = f"entry point `{before[-1]}`, not in it" if before else "the entry points, not in one"
    name = f"`{before[-1]}:`" if before else "an entry point's name"
    message = f"`{entry.name}` stands beside {owner}"
    scope.error(entry.key, "misplaced-key", message, f"indent `{entry.name}:` further than {name}")


def _no_entry_points(entry: Entry, scope: Scope) -> None:
    if is_null(entry.value):
        message, hint = "`entry_points:` is empty", "indent the entry points below it, or remove it"
        scope.error(entry.key, "empty-entry-points", message, hint)
        return
    dashes = isinstance(entry.value, ListNode)
    hint = "remove the dashes" if dashes else "write `main:`, and `command:` indented below it"
    scope.wrong(entry, "a mapping of names to entry points", hint)


def _no_entry_point(entry: Entry, scope: Scope) -> None:
    name = shorten(entry.name)
    if is_null(entry.value):
        hint = "give it a `command:`, indented below it"
        scope.error(entry.key, "empty-entry-point", f"entry point `{name}` is empty", hint)
        return
    words = text_of(entry.value)
    hint = f'write `{name}: {{command: "{shorten(words, 40)}"}}`' if words else "give it a command"
    message = f"entry point `{name}` must be a mapping, not {kind_of(entry.value)}"
    scope.error(entry.value, "wrong-shape", message, hint)


def _entry_point(entry: Entry, body: MappingNode, complaints: Complaints) -> EntryPoint:
    name = entry.name
    owner = f"entry point `{shorten(name)}`"
    mine = Scope(complaints, owner, name)
    known_keys(body, ENTRY_POINT_KEYS, mine)
    declared = parameters(body, Scope(complaints, owner), name)
    return EntryPoint(
        name=name,
        command=_command(entry, body, declared, mine),
        parameters=declared,
        inputs=additions.inputs(body, mine),
        outputs=additions.outputs(body, "outputs", mine),
        metrics=additions.outputs(body, "metrics", mine),
        env=additions.variables(body, mine),
        timeout=additions.timeout(body, mine),
        resources=additions.resources(body, mine),
        description=text(body, "description", mine),
        line=entry.key.line,
        column=entry.key.column,
    )


def _command(entry: Entry, body: MappingNode, declared: tuple[Parameter, ...], scope: Scope) -> str:
    found = body.get("command")
    if found is None or is_null(found.value):
        message, hint = f"{scope.owner} has no command", "add `command:`, indented below it"
        if entry.name in ENTRY_POINT_KEYS:
            hint = f"indent `{entry.name}:` further if it belongs to the entry point above"
        scope.error(found.key if found else entry.key, "missing-command", message, hint)
        return ""
    template = text_of(found.value)
    if template is None:
        hint = "write it as one text; several lines go below `command: |`"
        scope.wrong(found, "text", hint)
        return ""
    if isinstance(found.value, ScalarNode):
        _template(template, found.value, declared, scope)
    return template


def _template(
    template: str, node: ScalarNode, declared: tuple[Parameter, ...], scope: Scope
) -> None:
    names = [parameter.name for parameter in declared]
    for fault in command.faults(template, names):
        at = scope.complaints.within(node, fault.snippet, fault.before)
        tell = scope.complaints.warning if fault.doubtful else scope.complaints.error
        message = f"command of {scope.owner}: {fault.message}"
        tell(at, "placeholder", message, fault.hint, entry_point=scope.entry_point)
    used = command.used(template, names)
    for parameter in declared:
        if parameter.name not in used:
            message = f"parameter `{parameter.name}` is not used in the command of {scope.owner}"
            hint = f"add `{{{parameter.name}}}` to the command, or remove the parameter"
            scope.complaints.warning(
                parameter, "unused-parameter", message, hint, entry_point=scope.entry_point
            )
