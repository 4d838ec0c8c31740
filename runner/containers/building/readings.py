"""What the instructions of a build read of the project, and what they fetch that nothing locks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from runner.containers.building.variables import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.containers.building.lines import Instruction
    from runner.containers.building.stages import Parsed, Stage
    from runner.containers.building.variables import Value

_ELSEWHERE = re.compile(r"(?i)(https?|ftp|git|ssh)://|git@|github\.com/")
MOUNTED = re.compile(r"(?:=|,)from=([^,]+)")


class Step(Struct, frozen=True):
    """An instruction.

    Attributes:
        line: 1-based.
        text: of that line, shortened.
        stage: the stage's number from 1; 0 for what stands before the first.
    """

    line: int
    text: str
    stage: int


class Copied(Struct, frozen=True):
    """What an instruction reads of the context.

    Attributes:
        path: a path or glob of Go's `filepath.Match`, relative to the context; None where the
            text alone can't tell, so that it may be anything.
    """

    line: int
    path: str | None


class Inside(NamedTuple):
    """An instruction of a stage that is built: the stage's number, and what it reads."""

    stage: Stage
    number: int
    instruction: Instruction
    read: tuple[Copied, ...]


def walk(parsed: Parsed, args: Mapping[str, str]) -> Iterator[Inside]:
    """The instructions of the stages that are built, each with the variables of its place."""
    outer = parsed.globals(args)
    left: dict[str, Mapping[str, Value]] = {}
    for number, stage in enumerate(parsed.made):
        start = outer.substitute(stage.image.text).text.lower()
        scope = Scope(args, escape=parsed.escape, outer=outer.arguments, inherited=left.get(start))
        for instruction in stage.body:
            yield Inside(stage, number, instruction, tuple(_read(instruction, scope)))
            if instruction.name == "ARG":
                scope.declare(instruction)
            elif instruction.name == "ENV":
                scope.assign(instruction)
        if stage.name:
            left[stage.name] = scope.variables


def unlocked(instruction: Instruction) -> bool:
    """Whether it may fetch what nothing locks: RUN, and ADD of an address."""
    return instruction.name == "RUN" or (
        instruction.name == "ADD"
        and any(_ELSEWHERE.match(word) for word in instruction.arguments()[:-1])
    )


def _read(instruction: Instruction, scope: Scope) -> Iterator[Copied]:
    line, name = instruction.line, instruction.name
    if name == "ONBUILD":
        if instruction.words[0].text.upper() in {"ADD", "COPY"}:
            yield Copied(line, None)
    elif name == "RUN":
        mounts = [flag.text for flag in instruction.flags if flag.text.startswith("--mount=")]
        if any(not MOUNTED.search(mount) and _binds(mount) for mount in mounts):
            yield Copied(line, None)
    elif name in {"ADD", "COPY"} and not instruction.flag("--from"):
        for written in instruction.arguments()[:-1]:
            path, unset = scope.substitute(written)
            if not _ELSEWHERE.match(path) and not written.startswith("<<"):
                yield Copied(line, None if unset else path)


def _binds(mount: str) -> bool:
    return "type=" not in mount or "type=bind" in mount
