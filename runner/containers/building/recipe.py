"""A project's Dockerfile as an environment: what it asks for, and what its bases are pinned to."""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from runner import fingerprint
from runner.containers import images
from runner.containers.building import context
from runner.containers.building.dockerfile import parse
from runner.containers.model import CODE
from runner.environments.base import Lock, Spec
from runner.environments.platforms import platform_name
from runner.errors import EnvironmentFailure, IndexUnreachable, NoSuchImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.building.dockerfile import Dockerfile
    from runner.containers.engine import Engine
    from runner.manifest.model import DockerEnvironment
    from runner.progress import Progress
    from runner.source.model import ProjectFiles

FORMAT: Final = "dockerfile"
KEY: Final = "recipe"  # of `Spec.extra`
_GIVEN: Final = "the image with the project in it"


class Recipe(Struct, frozen=True):
    """What is built, as a manifest and a request have it.

    Attributes:
        dockerfile: POSIX, relative to the project; None to start from `image`.
        image: what an image with nothing but the project added starts from.
        context: the folder that the build sees, relative to the project.
        args: build arguments.
        with_code: what the image is called, where the project's files are put into it as MLflow
            does; None where they are not.
    """

    dockerfile: str | None = None
    image: str | None = None
    context: str = "."
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    with_code: str | None = None

    @property
    def path(self) -> str:
        """The Dockerfile's name, for messages."""
        return self.dockerfile or _GIVEN

    def text(self, files: ProjectFiles) -> bytes:
        """The Dockerfile's text.

        Raises:
            EnvironmentFailure: there is no such file.
        """
        text = b"FROM %s\n" % (self.image or "").encode()
        if self.dockerfile is not None:
            found = files.read(self.dockerfile)
            if found is None:
                raise EnvironmentFailure(
                    f"`docker_env` names `{self.dockerfile}`, which is not in the project",
                    "correct `dockerfile:`, or commit the file",
                )
            text = found
        if self.with_code:
            own = f"\nFROM {self.target}" if self.target else ""
            text += f"{own}\nCOPY . {CODE}/\nWORKDIR {CODE}\n".encode()
        return text

    def parsed(self, text: bytes) -> Dockerfile:
        """Its text, understood.

        Raises:
            EnvironmentFailure: it can't be.
        """
        return parse(text, path=self.path, args=self.args, target=self.built)

    @property
    def built(self) -> str | None:
        """The stage to build; the project's files come after the one that was asked for."""
        return None if self.with_code else self.target

    def to_text(self) -> str:
        """As `from_text` reads it."""
        return json.dumps(
            {
                "dockerfile": self.dockerfile,
                "image": self.image,
                "context": self.context,
                "target": self.target,
                "args": dict(self.args),
                "with_code": self.with_code,
            },
            sort_keys=True,
        )


def from_text(text: str) -> Recipe:
    """Read what `to_text` wrote."""
    return Recipe(**json.loads(text))


def of_manifest(docker: DockerEnvironment) -> Recipe:
    """The recipe that `docker_env` has."""
    dockerfile = None if docker.dockerfile is None else posixpath.normpath(docker.dockerfile)
    return Recipe(
        dockerfile=dockerfile,
        image=docker.image if dockerfile is None else None,
        context=posixpath.normpath(docker.context or "."),
        target=docker.target,
        args=docker.args,
        with_code=docker.with_code,
    )


def read(docker: DockerEnvironment, files: ProjectFiles, *, kind: str, as_of: str | None) -> Spec:
    """What the project asks for; see `Backend.read`.

    Raises:
        EnvironmentFailure: the Dockerfile can't be understood.
    """
    recipe = of_manifest(docker)
    text = recipe.text(files)
    parsed = recipe.parsed(text)
    asked = [kind, FORMAT, recipe.to_text(), hashlib.sha256(text).hexdigest()]
    return Spec(
        kind=kind,
        python=None,
        digest=fingerprint.of_value("specification", asked),
        origin=recipe.dockerfile or recipe.image,
        as_of=as_of,
        extra={KEY: recipe.to_text()},
        warnings=parsed.warnings,
        context=context.sources_digest(parsed, files, context=recipe.context),
    )


def lock(
    spec: Spec,
    engine: Engine,
    *,
    files: ProjectFiles,
    platform: str,
    relock: bool,
    progress: Progress,
) -> Lock:
    """What the Dockerfile starts from, pinned; what it installs beyond that is not locked.

    Raises:
        EnvironmentFailure: a base can't be had, or has triggers of its own; BuildKit is needed.
    """
    recipe = from_text(spec.extra[KEY])
    text = recipe.text(files)
    parsed = recipe.parsed(text)
    refuse_buildkit(engine, parsed)
    bases = {}
    for base in parsed.bases:
        place = f"{recipe.path}:{base.line}"
        of_base = base.platform or platform
        pin = _pin(engine, base.reference, place, of_base, relock=relock, progress=progress)
        _refuse_triggers(engine, pin, place)
        bases[base.reference] = pin
    content = {
        KEY: json.loads(spec.extra[KEY]),
        "sha256": hashlib.sha256(text).hexdigest(),
        "bases": bases,
        "platform": platform,
        "unlocked": [f"{recipe.path}:{step.line}: {step.text}" for step in parsed.unlocked],
    }
    written = json.dumps(content, indent=1) + "\n"
    return Lock(
        kind=spec.kind,
        format=FORMAT,
        text=written,
        sha256=fingerprint.of_text(written),
        python=None,
        platform=platform_name(),
        locked=not parsed.unlocked,
        context=spec.context,
    )


def _pin(
    engine: Engine, image: str, place: str, platform: str, *, relock: bool, progress: Progress
) -> str:
    """What a base means today; an error says at which `place` of the Dockerfile it is named."""
    try:
        return images.pin(engine, image, platform=platform, fresh=relock, progress=progress)
    except (NoSuchImage, IndexUnreachable) as error:
        error.message = f"{place}: {error.message}"
        raise


def refuse_buildkit(engine: Engine, parsed: Dockerfile) -> None:
    """Refuse what the engine's own builder can't do; Podman's does nearly all that BuildKit does.

    Raises:
        EnvironmentFailure: there is such an instruction.
    """
    needed = parsed.needs_buildkit
    if needed is not None and not engine.is_podman():
        raise EnvironmentFailure(
            f"{parsed.path}:{needed.line}: `{needed.text}` needs BuildKit, which an engine's API "
            "alone does not offer",
            "build it yourself, `docker build -t NAME .`, and name that: `image: NAME`",
        )


def _refuse_triggers(engine: Engine, image: str, place: str) -> None:
    """Refuse a base that copies whatever the project holds: nothing could say when to build anew.

    Raises:
        EnvironmentFailure: it has triggers.
    """
    found = images.find(engine, image) or {}
    triggers = (found.get("Config") or {}).get("OnBuild") or ()
    if triggers:
        raise EnvironmentFailure(
            f"{place}: the base image has ONBUILD triggers, such as `{triggers[0]}`",
            "copy these lines into the Dockerfile, and start from an image without them",
        )
