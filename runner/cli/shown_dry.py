"""What a dry run found out, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.cli.render import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def dry_run_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document of `runner.dry_run.describe`, a line for each thing that a run would use."""
    yield f"{label('command')}{document['command']}"
    yield f"{label('source')}{_source(document['source'])}"
    environment = document["environment"]
    yield f"{label('environment')}{_environment(environment)}"
    if environment["image"] is not None:
        from runner.cli.shown_container import dry_lines

        yield from dry_lines(environment["image"], environment["container"])
    for path in document["inputs"]:
        yield f"{label('input')}{path}"


def _source(source: Mapping[str, Any]) -> str:
    place = source["url"] + (f"#{source['subdirectory']}" if source["subdirectory"] else "")
    commit = f" at {source['commit']}" if source["commit"] else ""
    branch = f" ({source['branch']})" if source["branch"] else ""
    changes = source["changes"]
    if not changes:
        return f"{place}{commit}{branch}"
    if not source["commit"]:
        count = len(changes["added"])
        return f"{place}{branch}, {count} file{'' if count == 1 else 's'}, not committed"
    counts = ", ".join(f"{len(changes[what])} {what}" for what in ("added", "modified", "deleted"))
    return f"{place}{commit}{branch}, {counts}, not committed"


def _environment(environment: Mapping[str, Any]) -> str:
    python = f", Python {environment['python']}" if environment["python"] else ""
    origin = f", from {environment['origin']}" if environment["origin"] else ""
    return f"{environment['kind']}{python}{origin}, {_state(environment)}"


def _state(environment: Mapping[str, Any]) -> str:
    if environment["note"]:
        return str(environment["note"])
    if environment["ready"]:
        return "ready"
    image = environment["image"]
    return "to be pulled" if image and image["pin"] else "to be built"
