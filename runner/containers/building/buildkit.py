"""Which Dockerfiles only BuildKit can build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.containers.building.variables import AUTOMATIC, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.building.lines import Instruction
    from runner.containers.building.stages import Parsed

_REPOSITORY = re.compile(r"(?i)(git|ssh)://|git@|https?://\S+\.git(#\S*)?$|github\.com/")
# What the classic builder takes; every other flag it refuses while it reads the file.
_CLASSIC_FLAGS = {
    "FROM": {"--platform"},
    "COPY": {"--from", "--chown"},
    "ADD": {"--chown"},
    "HEALTHCHECK": {"--interval", "--timeout", "--start-period", "--retries"},
}


class BuildKitOnly(Struct, frozen=True):
    """An instruction that the classic builder can't do: `what` of it, as written."""

    line: int
    text: str
    what: str


def needs_buildkit(parsed: Parsed, args: Mapping[str, str]) -> BuildKitOnly | None:
    """The first instruction that the classic builder refuses, None where it can do them all.

    It refuses to read a file with a flag or here-document that it doesn't know, also in a stage
    that isn't built.
    """
    for number, stage in enumerate(parsed.stages):
        for instruction in (stage.opening, *stage.body):
            what = _unfit(instruction)
            if what is None and number < parsed.built:
                what = _automatic(instruction, parsed, args)
            if what:
                return BuildKitOnly(instruction.line, instruction.text, what)
    return None


def _unfit(instruction: Instruction) -> str | None:
    known = _CLASSIC_FLAGS.get(instruction.name, set())
    for flag in instruction.flags:
        name = flag.text.partition("=")[0]
        if name not in known:
            return name
    if instruction.name == "ADD":
        for word in instruction.arguments()[:-1]:
            if _REPOSITORY.match(word):
                return word
    return instruction.document


def _automatic(instruction: Instruction, parsed: Parsed, args: Mapping[str, str]) -> str | None:
    """A variable of the platform that BuildKit alone has a value for, and that is used here."""
    outer = parsed.globals(args)
    used: tuple[str, ...] = ()
    if instruction.name == "FROM" and (platform := instruction.flag("--platform")):
        used = outer.substitute(platform.text).unset
    elif instruction.name == "ARG":
        names = (name for name, default in pairs(instruction) if default is None)
        used = tuple(name for name in names if name not in args and name not in outer.arguments)
    return next((f"${name}" for name in used if name in AUTOMATIC), None)
