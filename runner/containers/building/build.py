"""Builds an image from a pinned Dockerfile and the files that it sees."""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from typing import IO, TYPE_CHECKING, Any, Final

from runner.containers import images
from runner.containers.building import context, recipe
from runner.containers.building.dockerfile import pinned
from runner.containers.engine import (
    MAKE_ROOM,
    explanation,
    refuse_without_room,
    tells_of_no_room,
)
from runner.errors import BuildFailure, EngineLost, EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.containers.building.dockerfile import Dockerfile
    from runner.containers.building.recipe import Recipe
    from runner.containers.engine import Engine
    from runner.environments.base import Lock
    from runner.progress import Progress
    from runner.source.model import ProjectFiles

REPOSITORY: Final = "reprun"
LABEL: Final = "reprun"
# Docker counts through (`Step 3/7 :`), Podman in each stage anew (`[2/3] STEP 1/4:`).
_STEP: Final = re.compile(r"Step (\d+)/\d+ ?:|(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+:")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_OF_THE_ENGINE: Final = (" ---> ", "Removing intermediate container ")
_LAST_LINES: Final = 15


def build(
    engine: Engine, lock: Lock, digest: str, *, files: ProjectFiles, progress: Progress
) -> dict[str, Any]:
    """What the engine says of the image that was built, or had been before.

    Args:
        digest: the environment's hash, by which its image is known again.

    Raises:
        BuildFailure: a step of the Dockerfile fails.
        EnvironmentFailure: a base is gone, the engine doesn't answer, the disk is full.
    """
    asked = json.loads(lock.text)
    made = recipe.from_text(json.dumps(asked[recipe.KEY]))
    tag = f"{REPOSITORY}:{digest}"
    if (found := images.find(engine, tag)) is not None:
        return found
    text = made.text(files)
    if hashlib.sha256(text).hexdigest() != asked["sha256"]:
        raise EnvironmentFailure(
            f"{made.path} is not the one that was locked", "run this again with `--relock`"
        )
    parsed = made.parsed(text)
    recipe.refuse_buildkit(engine, parsed)
    for base in parsed.bases:
        images.require(
            engine,
            asked["bases"][base.reference],
            platform=base.platform or asked["platform"],
            progress=progress,
            origin=base.reference,
        )
    fixed = pinned(text, asked["bases"], path=made.path, args=made.args, target=made.built)
    with context.archive(fixed, parsed, files, context=made.context) as archive:
        _build(engine, made, parsed, archive, tag, asked["platform"], progress)
    built = images.find(engine, tag)
    if built is None:
        raise EngineLost(f"the engine built {made.path} and doesn't have the image")
    if made.with_code is not None:
        # By the name that MLflow gives it; a commit of seven letters says too little.
        with engine.asked("the image was named"):
            engine.api.tag(built["Id"], made.with_code, digest[:12])
        progress.update(f"built {made.with_code}:{digest[:12]}")
    return built


def _build(
    engine: Engine,
    made: Recipe,
    parsed: Dockerfile,
    archive: IO[bytes],
    tag: str,
    platform: str,
    progress: Progress,
) -> None:
    from docker.errors import APIError

    watch = _Watch(parsed, progress)
    with engine.asked(f"{made.path} was built"):
        try:
            watch.follow(
                engine.api.build(
                    fileobj=archive,
                    custom_context=True,
                    dockerfile=context.DOCKERFILE,
                    tag=tag,
                    buildargs=dict(made.args),
                    target=made.built,
                    platform=platform,
                    labels={LABEL: "image"},
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
            )
        except APIError as error:
            raise watch.failure(explanation(error)) from error


class _Watch:
    """What a build says, so that a failure can name the step and show its last lines."""

    def __init__(self, parsed: Dockerfile, progress: Progress) -> None:
        self._parsed = parsed
        self._progress = progress
        self._step = 0
        self._stage: int | None = None
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._rest = ""

    def follow(self, said: Iterable[dict[str, Any]]) -> None:
        """Hear it to its end.

        Raises:
            BuildFailure: a step failed.
        """
        for message in said:
            text = str(message.get("stream") or "")
            if text.startswith(_OF_THE_ENGINE):
                self._end_line()
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._hear(_COLOUR.sub("", line).rstrip())
            if (fault := message.get("error")) is not None:
                raise self.failure(" ".join(str(fault).split()))

    def _end_line(self) -> None:
        """What a step prints last may have no end."""
        if self._rest:
            self._hear(_COLOUR.sub("", self._rest).rstrip())
            self._rest = ""

    def _hear(self, line: str) -> None:
        if (found := _STEP.match(line)) is not None:
            self._step = int(found[1] or found[3])
            self._stage = None if found[1] else int(found[2] or 1)
            self._lines.clear()
        elif line and not line.startswith(_OF_THE_ENGINE):
            self._lines.append(line)
        else:
            return
        self._progress.line(line)

    def failure(self, said: str) -> BuildFailure:
        """The failure of the step that ran last.

        Raises:
            NoRoom: the disk is full.
        """
        refuse_without_room(said)
        self._end_line()
        place = self._parsed.place(self._step, stage=self._stage) if self._step else None
        if place is None:
            return BuildFailure(f"{self._parsed.path} can't be built: {said}")
        steps = [one for one in self._parsed.steps if self._stage in {None, one.stage}]
        text = steps[self._step - 1].text
        return BuildFailure(
            f"{place}: step {self._step} of {len(steps)} failed, `{text}`: {said}",
            MAKE_ROOM
            if tells_of_no_room(" ".join(self._lines))
            else f"try it by itself: `docker build -f {self._parsed.path} .`",
            details=tuple(self._lines),
        )
