"""What reprun adds to an entry point: inputs, outputs, metrics, env, timeout, resources.

MLflow never reads these keys, so an error in one of them concerns its entry point alone.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from runner.manifest.document import Entry, MappingNode, ScalarNode, as_value, shorten, text_of
from runner.manifest.model import Input, Output
from runner.manifest.shape import known_keys, listed, repeated_keys, value_of

if TYPE_CHECKING:
    from runner.manifest.document import Node
    from runner.manifest.shape import Scope

# Kept as text: most manifests need none of them, and compiling all costs milliseconds.
RELATIVE = r"^(?!/)[^\x00]+$"
INSIDE = r"^(?!/)(?!(.*/)?\.\.(/|$))[^\x00]+$"
SHA256 = r"^[0-9a-fA-F]{64}$"
URL = r"^([hH][tT][tT][pP][sS]?|[fF][iI][lL][eE])://[^\x00]+$"
CREDENTIALS = r"://[^/@\s]+@"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
ASSIGNMENT = r"^[A-Za-z_][A-Za-z0-9_]*(=[^\x00]*)?$"
DURATION = r"^(?=.*[1-9])([0-9]+(\.[0-9]+)?) *([smhd]?)$"
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def inputs(mapping: MappingNode, scope: Scope) -> tuple[Input, ...]:
    """Globs, and downloads of a known digest."""
    entry = value_of(mapping, "inputs")
    if entry is None:
        return ()
    found = [_input(node, Entry(entry.key, node), scope) for node in listed(entry.value)]
    return tuple(item for item in found if item)


def _input(node: Node, entry: Entry, scope: Scope) -> Input | None:
    glob = text_of(node)
    if glob is not None and re.match(RELATIVE, glob):
        return Input(glob=glob)
    if isinstance(node, MappingNode):
        return _download(node, scope)
    wanted = "globs relative to the project, or downloads"
    scope.wrong(entry, wanted, "write `data/*.csv`, or `{url: https://…, sha256: …}`")
    return None


def _download(node: MappingNode, scope: Scope) -> Input | None:
    known_keys(node, ("url", "sha256", "path"), scope)
    url = _matching(node, "url", URL, "an http, https or file address", scope, needed=True)
    sha256 = _matching(node, "sha256", SHA256, "64 hexadecimal digits", scope, needed=True)
    path = _matching(node, "path", INSIDE, "a path inside the project", scope)
    if url and re.search(CREDENTIALS, url):
        scope.warning(
            node, "credentials", "the address of an input holds credentials", "remove them"
        )
    return Input(url=url, sha256=sha256.lower(), path=path) if url and sha256 else None


def _matching(
    node: MappingNode,
    name: str,
    pattern: str,
    wanted: str,
    scope: Scope,
    *,
    needed: bool = False,
) -> str | None:
    entry = node.get(name) if needed else value_of(node, name)
    if entry is None:
        if needed:
            message = f"an input of {scope.owner} lacks its `{name}`"
            scope.error(node, "missing-key", message, f"add `{name}:`, {wanted}")
        return None
    text = text_of(entry.value)
    if text is not None and re.match(pattern, text):
        return text
    # The address isn't repeated: it may hold a password.
    scope.error(
        entry.value, "wrong-shape", f"`{name}` of {scope.owner} must be {wanted}", "correct it"
    )
    return None


def outputs(mapping: MappingNode, name: str, scope: Scope) -> tuple[Output, ...]:
    """Globs that must match after the step, each with how it is compared."""
    entry = value_of(mapping, name)
    if entry is None:
        return ()
    found = [_output(node, Entry(entry.key, node), scope) for node in listed(entry.value)]
    return tuple(item for item in found if item)


def _output(node: Node, entry: Entry, scope: Scope) -> Output | None:
    comparison: dict[str, object] = {}
    at = node
    if isinstance(node, MappingNode):
        known_keys(node, ("path", "compare"), scope)
        compared, path = value_of(node, "compare"), node.get("path")
        comparison = _comparison(compared.value) if compared else {}
        at = path.value if path else node
    glob = text_of(at)
    if glob is None or not re.match(INSIDE, glob):
        wanted = "globs relative to the project that stay inside it"
        scope.wrong(Entry(entry.key, at), wanted, "write `model.pkl`, or `{path: model.pkl}`")
        return None
    return Output(glob, comparison)


def _comparison(node: Node) -> dict[str, object]:
    """A mapping as it is written; one word is the name of a comparator."""
    if isinstance(node, MappingNode):
        return {entry.name: as_value(entry.value) for entry in node.entries}
    return {"as": as_value(node)}


def variables(mapping: MappingNode, scope: Scope) -> dict[str, str | None]:
    """Variables the step gets; None where the caller's value is kept."""
    entry = value_of(mapping, "env")
    if entry is None:
        return {}
    if isinstance(entry.value, MappingNode):
        return _assigned(entry.value, scope)
    found: dict[str, str | None] = {}
    for node in listed(entry.value):
        text = text_of(node)
        if text is None or not re.match(ASSIGNMENT, text):
            hint = "write `env: {NAME: value}`, or a list of `NAME` or `NAME=value`"
            scope.wrong(Entry(entry.key, node), "names of variables, or a mapping", hint)
            continue
        name, given, value = text.partition("=")
        found[name] = value if given else None
    return found


def _assigned(mapping: MappingNode, scope: Scope) -> dict[str, str | None]:
    repeated_keys(mapping, scope)
    found: dict[str, str | None] = {}
    for entry in mapping.entries:
        value = entry.value
        if not re.match(VARIABLE, entry.name):
            message = f"`{shorten(entry.name)}` in `env` of {scope.owner} can't name a variable"
            scope.error(entry.key, "wrong-shape", message, "use letters, digits and underscores")
        elif not isinstance(value, ScalarNode) or "\0" in value.text:
            scope.wrong(entry, "text, or nothing to keep the caller's value", "quote the value")
        else:
            # `1.10` and `yes` reach the variable as they are written, not as YAML reads them.
            found[entry.name] = None if value.value is None else value.text
    return found


def timeout(mapping: MappingNode, scope: Scope) -> float | None:
    """Seconds, from a number or from `90s`, `15m`, `2h`, `1d`."""
    entry = value_of(mapping, "timeout")
    if entry is None:
        return None
    value = entry.value.value if isinstance(entry.value, ScalarNode) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and not value <= 0:
        try:
            seconds = float(value)
        except OverflowError:
            return None
        return seconds if math.isfinite(seconds) else None
    if isinstance(value, str) and (match := re.match(DURATION, value)):
        return float(match.group(1)) * SECONDS[match.group(3)]
    scope.wrong(entry, "a time above zero", "write seconds, or `90s`, `15m`, `2h`")
    return None


def resources(mapping: MappingNode, scope: Scope) -> dict[str, object]:
    """What the step needs, as written; executors read what they know."""
    entry = value_of(mapping, "resources")
    if entry is None:
        return {}
    if not isinstance(entry.value, MappingNode):
        scope.wrong(entry, "a mapping", "write `resources: {cpus: 4}`")
        return {}
    repeated_keys(entry.value, scope)
    return {inner.name: as_value(inner.value) for inner in entry.value.entries}
