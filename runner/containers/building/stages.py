"""A Dockerfile's instructions grouped into stages, those that a target needs found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from runner.containers.building.lines import decode, escape_of, instructions, wrong
from runner.containers.building.variables import PROXIES, Scope, pairs
from runner.errors import EnvironmentFailure
from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.containers.building.lines import Instruction, Word

KNOWN = frozenset({
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})  # fmt: skip
_ALONE, _NAMED = 1, 3  # words of `FROM image` and of `FROM image AS name`


class Stage(Struct, frozen=True):
    """One stage.

    Attributes:
        name: in lower case, as stages are compared; None where it has none.
        opening: its FROM.
        image: the word that says what it starts from.
        body: the instructions after its FROM.
    """

    name: str | None
    opening: Instruction
    image: Word
    body: tuple[Instruction, ...]


class Parsed(Struct, frozen=True):
    """A Dockerfile as its lines say, nothing substituted.

    Attributes:
        leading: ARG instructions before the first FROM.
        stages: every one, in order.
        built: how many of them a build makes: all up to the target.
    """

    path: str
    escape: str
    leading: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    built: int

    def globals(self, args: Mapping[str, str]) -> Scope:
        """The variables that FROM sees."""
        scope = Scope(args, escape=self.escape)
        for instruction in self.leading:
            scope.declare(instruction)
        return scope

    @property
    def made(self) -> tuple[Stage, ...]:
        """The stages that are built."""
        return self.stages[: self.built]

    def undeclared(self, args: Iterable[str]) -> tuple[str, ...]:
        """A warning for each argument that no ARG declares."""
        declared = {
            name
            for instruction in (
                *self.leading,
                *(one for stage in self.stages for one in stage.body),
            )
            if instruction.name == "ARG"
            for name, _ in pairs(instruction)
        }
        return tuple(
            f"{self.path} declares no `ARG {name}`, so the value that `args` gives is not used"
            + (f"; did you mean `{near}`?" if (near := nearest(name, declared)) else "")
            for name in args
            if name not in declared | PROXIES
        )


def divide(text: bytes, *, path: str, target: str | None) -> Parsed:
    """The stages of a Dockerfile.

    Raises:
        EnvironmentFailure: an instruction is unknown or stands where it can't, there is no FROM,
            or no stage is called `target`.
    """
    content = decode(text)
    leading: list[Instruction] = []
    groups: list[list[Instruction]] = []
    for instruction in instructions(content, path=path):
        _check(instruction, path)
        if instruction.name == "FROM":
            groups.append([instruction])
        elif groups:
            groups[-1].append(instruction)
        elif instruction.name == "ARG":
            leading.append(instruction)
        else:
            message = f"`{instruction.text}` stands before the first FROM"
            raise wrong(path, instruction.line, message, "put it below `FROM image`")
    if not groups:
        raise EnvironmentFailure(f"{path}: has no FROM", "start it with `FROM image`")
    stages = tuple(_stage(group, path) for group in groups)
    built = _target(stages, target, path)
    return Parsed(path, escape_of(content), tuple(leading), stages, built)


def _check(instruction: Instruction, path: str) -> None:
    if instruction.name not in KNOWN:
        near = nearest(instruction.name, sorted(KNOWN))
        message = f"unknown instruction `{instruction.text.split()[0]}`"
        hint = (
            f"did you mean `{near}`?" if near else "is a `\\` missing at the end of the line above?"
        )
        raise wrong(path, instruction.line, message, hint)
    if not instruction.words:
        message = f"{instruction.name} says nothing"
        raise wrong(path, instruction.line, message, "complete it, or remove the line")


def _stage(group: list[Instruction], path: str) -> Stage:
    opening, *body = group
    words = [word.text for word in opening.words]
    if len(words) == _ALONE:
        return Stage(None, opening, opening.words[0], tuple(body))
    if len(words) != _NAMED or words[1].upper() != "AS":
        message = f"`{opening.text}` isn't `FROM image` or `FROM image AS name`"
        raise wrong(path, opening.line, message, f"write `FROM {words[0]} AS {words[-1]}`")
    return Stage(words[2].lower(), opening, opening.words[0], tuple(body))


def _target(stages: tuple[Stage, ...], target: str | None, path: str) -> int:
    """How many stages are built: the engine makes all up to the target, needed or not."""
    if not target:
        return len(stages)
    names = [stage.name for stage in stages]
    if target.lower() in names:
        return names.index(target.lower()) + 1
    known = [name for name in names if name]
    near = nearest(target, known)
    hint = f"its stages: {', '.join(known)}" if known else "name a stage: `FROM image AS name`"
    message = f"{path}: has no stage `{target}` (`target` of `docker_env`)"
    raise EnvironmentFailure(message, f"did you mean `{near}`?" if near else hint)
