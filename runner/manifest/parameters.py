"""Chooses the entry point, and binds values to its parameters: every violation at once."""

from __future__ import annotations

import contextlib
import posixpath
import shlex
from typing import TYPE_CHECKING

from runner.errors import ParameterError, SourceError, UnknownEntryPoint
from runner.manifest.document import shorten
from runner.manifest.load import refuse
from runner.manifest.model import BoundParameter, EntryPoint, Step
from runner.manifest.parameter_types import read
from runner.manifest.values import example_of, shown, violation
from runner.nearest import distance, folded, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.manifest.model import Manifest, Parameter
    from runner.source.model import ProjectFiles

MAIN = "main"
PROGRAMS = {".py": "python", ".sh": "bash", ".R": "Rscript"}
SHORTEST_SLIP = 4
MOST_PROJECTS = 5  # to be named in a hint

Fault = tuple[str, str | None]


def choose(
    manifest: Manifest, name: str | None, files: ProjectFiles, *, place: str = "the project"
) -> EntryPoint:
    """The entry point called `name`; None for `main`, or for a lone one; or a script's.

    `place` names the project in messages.

    Raises:
        UnknownEntryPoint: it is neither declared nor a file of the project.
        ManifestError: its own declaration holds errors.
    """
    declared = {entry_point.name: entry_point for entry_point in manifest.entry_points}
    found = declared.get(MAIN if name is None else name)
    if found is None and name is None:
        found = _lone(manifest, files, place)
    if found is None and name is not None:
        return _script(manifest, name, files)
    assert found is not None
    refuse(
        [
            problem
            for problem in manifest.problems
            if problem.severity == "error" and problem.entry_point == found.name
        ],
        f"entry point `{found.name}` of {manifest.path} can't be run",
    )
    return found


def bind(entry_point: EntryPoint, given: Mapping[str, str], *, manifest_path: str | None) -> Step:
    """`entry_point` with a value for every parameter; undeclared ones become extras.

    Raises:
        ParameterError: values are missing, misspelt, or break their declaration.
    """
    declared = {parameter.name: parameter for parameter in entry_point.parameters}
    slips = _slips(declared, given)
    faults = _missing(entry_point, given, set(slips.values()))
    for name, text in given.items():
        fault = _fault(name, text, declared.get(name), slips.get(name), entry_point, manifest_path)
        if fault:
            faults.append(fault)
    _refuse(faults, entry_point)
    bound = [
        _bound(parameter, given.get(parameter.name))
        for parameter in entry_point.parameters
        if parameter.name in given or parameter.default_text is not None
    ]
    extras = [_extra(name, text) for name, text in given.items() if name not in declared]
    return Step(entry_point, (*bound, *extras))


def _lone(manifest: Manifest, files: ProjectFiles, place: str) -> EntryPoint:
    if len(manifest.entry_points) == 1:
        return manifest.entry_points[0]
    if manifest.entry_points:
        message = f"{manifest.path}: no entry point is called `main`, and none was named"
        first = shlex.quote(manifest.entry_points[0].name)
        raise UnknownEntryPoint(message, f"pass `-e {first}`", details=_listing(manifest))
    absent = f"there is no MLproject file in {place}"
    where = f"{manifest.path} declares no entry points" if manifest.path else absent
    scripts = [name for name in files.names() if name.endswith(tuple(PROGRAMS))]
    script = "main.py" if "main.py" in scripts else next(iter(sorted(scripts)), "FILE.py")
    hint = f"pass `-e {shlex.quote(script)}` to run a script"
    if not manifest.path and (below := _projects_below(files)):
        hint = f"there is one in {below}; else {hint}"
    raise UnknownEntryPoint(f"{where}, and no script was named", hint)


def _projects_below(files: ProjectFiles) -> str:
    found = []
    for name in files.names():
        with contextlib.suppress(SourceError):  # a link that leads out of the source
            if files.read(f"{name}/MLproject") is not None:
                found.append(f"`{name}`")
    return ", ".join(found[:MOST_PROJECTS])


def _script(manifest: Manifest, name: str, files: ProjectFiles) -> EntryPoint:
    """An entry point made up for a script of the project."""
    program = PROGRAMS.get(posixpath.splitext(name)[1])
    known = [entry_point.name for entry_point in manifest.entry_points]
    if program is None:
        meant = nearest(name, known)
        hint = f"did you mean `{meant}`?" if meant else "pass `-e` with one of them, or a script"
        where = f" in {manifest.path}" if manifest.path else ""
        message = f"no entry point `{shorten(name)}`{where}"
        if not known:
            hint = "name a script of the project: `.py`, `.sh` or `.R`"
        raise UnknownEntryPoint(message, hint, details=_listing(manifest))
    if not _is_file(name, files):
        meant = nearest(name, [*known, *files.names()])
        hint = f"did you mean `{meant}`?" if meant else "commit the script, or correct its path"
        message = f"`{shorten(name)}` is neither an entry point nor a file of the project"
        raise UnknownEntryPoint(message, hint, details=_listing(manifest))
    # A name that begins with a dash would be an option of the interpreter.
    safe = shlex.quote(f"./{name}" if name.startswith("-") else name)
    return EntryPoint(name, f"{program} {safe.replace('{', '{{').replace('}', '}}')}")


def _is_file(name: str, files: ProjectFiles) -> bool:
    if name.startswith("/") or "\0" in name:
        return False
    try:
        return files.read(posixpath.normpath(name)) is not None
    except SourceError:
        return False


def _listing(manifest: Manifest) -> tuple[str, ...]:
    listed = [
        f"{entry_point.name}: {shorten(entry_point.description)}"
        if entry_point.description
        else entry_point.name
        for entry_point in manifest.entry_points
    ]
    return ("entry points:", *(f"  {line}" for line in listed)) if listed else ()


def _slips(declared: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, str]:
    """Undeclared names that surely are declared ones, misspelt: given name → meant name."""
    missing = [name for name in declared if name not in given]
    found = {name: _meant(name, missing, declared) for name in given if name not in declared}
    return {name: meant for name, meant in found.items() if meant}


def _meant(name: str, missing: list[str], declared: Mapping[str, Parameter]) -> str | None:
    required = [other for other in missing if declared[other].required]
    if meant := nearest(name, required):
        return meant
    # MLflow passes undeclared names on, so only a slip of one letter counts where nothing lacks.
    for other in missing:
        one, two = folded(name), folded(other)
        slip = len(two) >= SHORTEST_SLIP and distance(one, two) == 1
        if one == two or (slip and not _numbered(one, two)):
            return other
    return None


def _numbered(one: str, other: str) -> bool:
    """Whether the two differ in digits only, as `lr1` and `lr2` do."""
    return "".join(filter(str.isalpha, one)) == "".join(filter(str.isalpha, other))


def _missing(entry_point: EntryPoint, given: Mapping[str, str], meant: set[str]) -> list[Fault]:
    """One fault for all parameters that lack a value, less those that were only misspelt."""
    lacking = [
        parameter
        for parameter in entry_point.parameters
        if parameter.required and parameter.name not in given and parameter.name not in meant
    ]
    if not lacking:
        return []
    names = ", ".join(f"`{parameter.name}`" for parameter in lacking)
    many = "s" if len(lacking) > 1 else ""
    options = " ".join(
        f"-P {shlex.quote(f'{parameter.name}={example_of(parameter)}')}" for parameter in lacking
    )
    message = f"no value for parameter{many} {names} of `{entry_point.name}`"
    return [(message, f"pass `{options}`")]


def _fault(
    name: str,
    text: str,
    parameter: Parameter | None,
    meant: str | None,
    entry_point: EntryPoint,
    manifest_path: str | None,
) -> Fault | None:
    if parameter is None:
        if meant:
            message = f"`{entry_point.name}` has no parameter `{shorten(name)}`"
            return (message, f"did you mean `{meant}`?")
        if not name or "\0" in name + text:
            return (f"parameter `{shorten(name)}` can't be passed on", "give it a name and a text")
        return None
    found = violation(parameter, text)
    if found is None:
        return None
    place = f"{manifest_path}:{parameter.line}:{parameter.column}: " if manifest_path else ""
    message = (
        f"{place}parameter `{name}` of `{entry_point.name}` {found.wanted}, "
        f"not {shown(parameter, text)}"
    )
    if found.example is None:
        return (message, None)
    return (message, f"pass `-P {shlex.quote(f'{name}={found.example}')}`")


def _refuse(faults: list[Fault], entry_point: EntryPoint) -> None:
    if len(faults) == 1:
        raise ParameterError(*faults[0])
    if faults:
        details = [f"{message} ({hint})" if hint else message for message, hint in faults]
        message = f"{len(faults)} things are wrong with the parameters of `{entry_point.name}`"
        raise ParameterError(message, "correct all of them at once", details=tuple(details))


def _bound(parameter: Parameter, text: str | None) -> BoundParameter:
    argument = text if text is not None else parameter.default_text or ""
    return BoundParameter(
        name=parameter.name,
        text=argument,
        value=_value(parameter, argument),
        type=parameter.type,
        argument=argument,
        origin="default" if text is None else "given",
        secret=parameter.secret,
    )


def _value(parameter: Parameter, text: str) -> object:
    """The typed value; a default that breaks its own type stays text."""
    try:
        return read(text, parameter.type)
    except (ValueError, OverflowError):
        return text


def _extra(name: str, text: str) -> BoundParameter:
    return BoundParameter(name, text, text, "string", text, "given", declared=False)
