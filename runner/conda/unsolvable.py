"""Says why there is no solution: the solver's explanation, with the lines of the yaml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.conda import runtime
from runner.conda.specification import name_of
from runner.errors import DependencyConflict, NoSuchPackage
from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import rattler

    from runner.conda.solving import Question
    from runner.errors import EnvironmentFailure

_PREFIX: Final = "Cannot solve the request because of:"
_NONE: Final = re.compile(r"^No candidates were found for (?P<name>[\w.-]+)(?: (?P<rest>.*?))?\.?$")
_NEEDS: Final = re.compile(r"(__\w+)([^,]*), for which no candidates were found")
_SHOWN: Final = 6  # versions that are offered instead
_VIRTUAL: Final = {
    "__cuda": ("an NVIDIA driver", "CUDA", "12.4"),
    "__glibc": ("a newer C library", "GLIBC", "2.38"),
    "__osx": ("macOS", "OSX", "14.0"),
    "__win": ("Windows", "WIN", "0"),
    "__archspec": ("another processor", "ARCHSPEC", "x86_64_v3"),
}


def explained(said: str, question: Question, gateway: rattler.Gateway) -> EnvironmentFailure:
    """The error for what the solver `said`."""
    text = said.removeprefix(_PREFIX).strip()
    if (match := _NONE.match(text)) is not None:
        return _absent(match["name"], question, gateway)
    lines = tuple(text.splitlines())
    concerned = tuple(dict.fromkeys(_concerned(text, question)))
    where = f"{_file(question)}: " if question.origins else ""
    return DependencyConflict(
        f"{where}no set of packages satisfies all of it",
        _missing_on_machine(text) or _loosen(concerned, question.as_of),
        details=(*lines, *concerned),
    )


def _file(question: Question) -> str:
    """The file that the packages stand in."""
    return next(iter(question.origins.values()), "").split(":", 1)[0]


def _concerned(text: str, question: Question) -> Iterator[str]:
    """Where each package stands in the file that the explanation is about."""
    named = set(re.findall(r"[A-Za-z0-9_][\w.-]*", text))
    for one in question.texts:
        name = name_of(one)
        if name in named and name in question.origins:
            yield question.origins[name].replace("the conda package ", "")


def _loosen(concerned: Sequence[str], as_of: str | None) -> str:
    if as_of is not None:
        return "name a later day with `--as-of`, or loosen what is asked for"
    if len(concerned) == 1:
        return f"change {concerned[0]}"
    return "loosen one of them" if concerned else "ask for less, or add a channel"


def _missing_on_machine(text: str) -> str | None:
    match = _NEEDS.search(text)
    if match is None:
        return None
    name, wanted = match[1], match[2].strip()
    if name not in _VIRTUAL:
        return f"this machine has no `{name} {wanted}`"
    what, variable, example = _VIRTUAL[name]
    return (
        f"this machine lacks {what} (`{name} {wanted}`): "
        f"run it where there is one, or say so with `CONDA_OVERRIDE_{variable}={example}`"
    )


def _absent(name: str, question: Question, gateway: rattler.Gateway) -> EnvironmentFailure:
    from runner.conda.solving import names

    asked = question.origins.get(name, f"the conda package `{name}`")
    channels = names(question.channels)
    day = f" up to {question.as_of}" if question.as_of else ""
    records = _records(name, question, gateway)
    if records:
        what, offered = _offered(name, records, question)
        latest = ", ".join(offered[:_SHOWN])
        more = f", … ({len(offered)} in all)" if len(offered) > _SHOWN else ""
        return NoSuchPackage(
            f"{asked}: no such {what} in {channels}{day}, for {question.subdir}",
            f"there are {latest}{more}",
        )
    near = nearest(name, _every_name(question, gateway))
    return NoSuchPackage(
        f"{asked}: no package of that name in {channels}{day}, for {question.subdir}",
        f"did you mean `{near}`?"
        if near
        else "a package of the Python index belongs below `pip:`, another channel above",
    )


def _offered(
    name: str, records: Sequence[rattler.RepoDataRecord], question: Question
) -> tuple[str, list[str]]:
    """What is missing, and what there is of it, newest first: versions, else builds of one."""
    import rattler

    newest = sorted(records, key=lambda one: (one.version, one.build_number), reverse=True)
    for spec in question.specs:
        if spec.build and spec.name.normalized == name:
            version = rattler.MatchSpec(f"{name} {spec.version or '*'}")
            if builds := [f"{one.version}={one.build}" for one in newest if version.matches(one)]:
                return "build", list(dict.fromkeys(builds))
    return "version", list(dict.fromkeys(str(one.version) for one in newest))


def _records(
    name: str, question: Question, gateway: rattler.Gateway
) -> list[rattler.RepoDataRecord]:
    """All that the channels have of that name."""
    from runner.conda.solving import platforms, sources

    answer = runtime.run(
        gateway.query(
            sources(question.channels), platforms(question.subdir), [name], recursive=False
        )
    )
    return [record for records in answer for record in records]


def _every_name(question: Question, gateway: rattler.Gateway) -> list[str]:
    from runner.conda.solving import platforms, sources

    found = runtime.run(gateway.names(sources(question.channels), platforms(question.subdir)))
    return [name.normalized for name in found]
