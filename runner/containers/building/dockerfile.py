"""A project's Dockerfile, understood well enough to pin it and to say what of the project it sees.

What the engine does was looked up in the engine itself, the classic builder of 20.10: it reads the
whole file first, and builds every stage up to the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from runner.containers.building.buildkit import BuildKitOnly, needs_buildkit
from runner.containers.building.lines import decode, encode, wrong
from runner.containers.building.readings import MOUNTED, Copied, Inside, Step, unlocked, walk
from runner.containers.building.stages import divide
from runner.containers.building.variables import AUTOMATIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.containers.building.lines import Instruction, Word
    from runner.containers.building.stages import Parsed, Stage
    from runner.containers.building.variables import Scope
    from runner.errors import EnvironmentFailure

SCRATCH = "scratch"


class Base(Struct, frozen=True):
    """An image from outside that the build starts from or copies from.

    Attributes:
        reference: as it is after substitution: `python:3.11-slim`.
        line: 1-based, of the instruction.
        stage: the name of the stage that needs it, in lower case; None where it has none.
        platform: of `FROM --platform=`, after substitution; None for the build's own.
    """

    reference: str
    line: int
    stage: str | None
    platform: str | None = None


class Dockerfile(Struct, frozen=True):
    """A Dockerfile as a build to its target goes through it.

    Attributes:
        path: POSIX, relative to the project.
        bases: in order, one for each place.
        steps: `Step N/M` of the classic builder's output is `steps[N - 1]`. Labels given to the
            build itself are one more step at the end.
        sources: what COPY and ADD read of the context.
        unlocked: RUN, and ADD of an address: what they fetch is not locked.
        needs_buildkit: the first instruction that the classic builder refuses.
        warnings: what is doubtful.
    """

    path: str
    bases: tuple[Base, ...]
    steps: tuple[Step, ...]
    sources: tuple[Copied, ...]
    unlocked: tuple[Step, ...]
    needs_buildkit: BuildKitOnly | None = None
    warnings: tuple[str, ...] = ()

    def place(self, step: int, *, stage: int | None = None) -> str | None:
        """`Dockerfile:12` for a step of the engine's output; None where there is no such step.

        Args:
            step: from 1, as in `Step 3/7` of the classic builder.
            stage: from 1, where steps are counted in each stage anew: `[2/3] STEP 1/4` of Podman.
        """
        steps = [one for one in self.steps if stage in {None, one.stage}]
        return f"{self.path}:{steps[step - 1].line}" if 0 < step <= len(steps) else None


class _Reference(NamedTuple):
    """A base, and where in the text its name stands."""

    base: Base
    start: int
    end: int


def parse(
    text: bytes, *, path: str, args: Mapping[str, str], target: str | None = None
) -> Dockerfile:
    """Read a Dockerfile as a build with `args` up to `target` would.

    Args:
        path: for messages, and where `<path>.dockerignore` is looked for.
        args: build arguments; platforms' (`TARGETARCH`) are known only where they are among them.

    Raises:
        EnvironmentFailure: `path:line:` of what can't be understood: no FROM, an unknown
            instruction or target, a variable in FROM without a value.
    """
    parsed = divide(text, path=path, target=target)
    inside = tuple(walk(parsed, args))
    groups = (parsed.leading, *((stage.opening, *stage.body) for stage in parsed.made))
    return Dockerfile(
        path=path,
        bases=tuple(one.base for one in _references(parsed, args, inside)),
        steps=tuple(_step(one, number) for number, group in enumerate(groups) for one in group),
        sources=tuple(copied for one in inside for copied in one.read),
        unlocked=tuple(
            _step(one.instruction, one.number + 1) for one in inside if unlocked(one.instruction)
        ),
        needs_buildkit=needs_buildkit(parsed, args),
        warnings=parsed.undeclared(name for name in args if name not in AUTOMATIC),
    )


def pinned(
    text: bytes,
    pins: Mapping[str, str],
    *,
    path: str,
    args: Mapping[str, str],
    target: str | None = None,
) -> bytes:
    """The same Dockerfile with every base replaced by its pin; nothing else and no line moves.

    Args:
        pins: `Base.reference` → `python@sha256:…`, or an image id `sha256:…`. A reference with a
            digest needs none.

    Raises:
        EnvironmentFailure: a base has no pin; or what `parse` raises.
    """
    parsed = divide(text, path=path, target=target)
    content = decode(text)
    parts, done = [], 0
    for base, start, end in _references(parsed, args, tuple(walk(parsed, args))):
        pin = pins.get(base.reference, base.reference if "@sha256:" in base.reference else None)
        if pin is None:
            raise wrong(path, base.line, f"`{base.reference}` has no pin", "lock it again")
        if "\n" in content[start:end]:
            message = f"`{base.reference}` is broken over two lines"
            raise wrong(path, base.line, message, "write the image's name on one line")
        parts += [content[done:start], pin]
        done = end
    return encode("".join([*parts, content[done:]]))


def _step(instruction: Instruction, stage: int) -> Step:
    return Step(instruction.line, instruction.text, stage)


def _references(
    parsed: Parsed, args: Mapping[str, str], inside: tuple[Inside, ...]
) -> Iterator[_Reference]:
    """Every image from outside, in the order of the text."""
    outer = parsed.globals(args)
    earlier: set[str] = set()
    for number, stage in enumerate(parsed.made):
        image = _image(stage, outer, parsed.path, args)
        if image != SCRATCH and image.lower() not in earlier:
            platform = _platform(stage, outer)
            base = Base(image, stage.opening.line, stage.name, platform)
            yield _Reference(base, stage.image.start, stage.image.end)
        for one in inside:
            if one.number == number:
                yield from _copied_from(one, earlier, parsed.path)
        if stage.name:
            earlier.add(stage.name)


def _image(stage: Stage, outer: Scope, path: str, args: Mapping[str, str]) -> str:
    image, unset = outer.substitute(stage.image.text)
    line = stage.opening.line
    if unset:
        raise _without_value(unset[0], stage, outer, path, args)
    if not image:
        message = f"`{stage.opening.text}` names no image: `{stage.image.text}` is empty"
        raise wrong(path, line, message, "give it a value in `args` of `docker_env`")
    return image


def _without_value(
    name: str, stage: Stage, outer: Scope, path: str, args: Mapping[str, str]
) -> EnvironmentFailure:
    message = f"`{stage.opening.text}`: `{name}` has no value"
    if name in outer.arguments:
        hint = f"give it one in `docker_env` of the manifest: `args: {{{name}: …}}`"
    elif name in args:
        hint = f"declare it before the first FROM: `ARG {name}`"
    else:
        hint = f"declare it before the first FROM, with a value: `ARG {name}=…`"
    return wrong(path, stage.opening.line, message, hint)


def _platform(stage: Stage, outer: Scope) -> str | None:
    written = stage.opening.flag("--platform")
    value = outer.substitute(written.text) if written else None
    return value.text if value and not value.unset and value.text else None


def _copied_from(one: Inside, earlier: set[str], path: str) -> Iterator[_Reference]:
    line = one.instruction.line
    for word in _from_words(one.instruction):
        name = word.text
        if "$" in name:
            hint = f"give it a stage: `FROM {name} AS name`, and copy from that"
            raise wrong(path, line, f"`from={name}` takes no variables", hint)
        if name.isdecimal():
            if int(name) >= one.number:
                message = f"`from={name}`: no earlier stage has this number"
                raise wrong(path, line, message, "name the stage: `FROM image AS name`")
        elif name.lower() not in earlier and name != SCRATCH:
            yield _Reference(Base(name, line, one.stage.name), word.start, word.end)


def _from_words(instruction: Instruction) -> Iterator[Word]:
    if instruction.name == "COPY" and (found := instruction.flag("--from")):
        yield found
    if instruction.name == "RUN":
        for flag in instruction.flags:
            named = MOUNTED.search(flag.text) if flag.text.startswith("--mount=") else None
            if named:
                start = flag.start + named.start(1)
                yield flag._replace(text=named[1], start=start, end=start + len(named[1]))
