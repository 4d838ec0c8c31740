"""The kind `docker`: an image, named or built from the project's Dockerfile, pinned by digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from msgspec.structs import asdict, replace

from runner import fingerprint
from runner.environments import contents
from runner.environments.base import Activation, Lock, Package, Spec
from runner.environments.platforms import engine_platform, platform_name
from runner.errors import EnvironmentFailure, IndexUnreachable, NoSuchImage

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Interpreter
    from runner.manifest.model import DockerEnvironment, EnvironmentReference
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

NAME: Final = "docker"
LOCKS: Final = True
AMENDS: Final = False
SCRIPTS: Final = False
PLATFORM: Final = "platform"  # key of `Spec.extra`
_USUAL: Final = ("Dockerfile", "docker/Dockerfile", "dockerfile", "Docker/Dockerfile")
_IMAGE: Final = "image.json"
_PACKAGES: Final = "packages.json"


def read(
    reference: EnvironmentReference,
    files: ProjectFiles,
    *,
    as_of: str | None,
    skip_unmapped: bool = False,
) -> Spec:
    """What the project asks for; see `Backend.read`."""
    del skip_unmapped
    docker = reference.docker
    if docker is None:
        raise EnvironmentFailure(
            "the project names no image",
            "write `docker_env: {image: NAME}` into its MLproject, or leave `--env-manager` away",
        )
    if docker.dockerfile or docker.with_code:
        from runner.containers.building import recipe

        return recipe.read(docker, files, kind=NAME, as_of=as_of)
    return _of_image(docker, as_of)


def _of_image(docker: DockerEnvironment, as_of: str | None) -> Spec:
    from runner.containers.references import Reference, is_image_id

    name = docker.image or ""
    pinned = is_image_id(name) or Reference.read(name).digest is not None
    return Spec(
        kind=NAME,
        python=None,
        digest=fingerprint.of_value("specification", [NAME, "image", name]),
        origin=name,
        as_of=as_of,
        lock_text=name if pinned else None,
        extra={"image": name},
    )


def for_platform(spec: Spec, platform: str | None) -> Spec:
    """`spec` for another platform than this machine's, such as `linux/arm64`."""
    if platform is None:
        return spec
    digest = fingerprint.of_value("platform", [spec.digest, platform])
    return replace(spec, extra={**spec.extra, PLATFORM: platform}, digest=digest)


def lock(
    spec: Spec,
    *,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
    relock: bool = False,
) -> Lock:
    """The digest that the image has now, or those that the Dockerfile starts from."""
    del settings
    from runner.containers import images
    from runner.containers.engine import Engine

    if spec.lock_text is not None:
        return _locked(spec, spec.lock_text, made="project")
    with Engine() as engine:
        if "image" not in spec.extra:
            from runner.containers.building import recipe

            return recipe.lock(
                spec,
                engine,
                files=files,
                platform=_platform(spec),
                relock=relock,
                progress=progress,
            )
        try:
            pin = images.pin(
                engine,
                spec.extra["image"],
                platform=_platform(spec),
                fresh=relock,
                progress=progress,
            )
        except (NoSuchImage, IndexUnreachable) as error:
            if (found := _dockerfile_of(files)) is not None:
                # Most such images are built by hand from just that file.
                error.hint = f"the project has a {found}: pass `--env-file {found}` to build it"
            raise
    return _locked(spec, pin, made="resolved")


def _dockerfile_of(files: ProjectFiles) -> str | None:
    """A Dockerfile by one of its usual names."""
    return next((path for path in _USUAL if files.read(path) is not None), None)


def _locked(spec: Spec, image: str, *, made: str) -> Lock:
    from runner.containers.references import Reference, is_image_id

    local = is_image_id(image)
    content = {
        "image": image if local else str(Reference.read(image)),
        "platform": _platform(spec),
    }
    text = json.dumps(content, indent=1) + "\n"
    return Lock(
        kind=NAME,
        format="image-id" if local else "image",
        text=text,
        sha256=fingerprint.of_text(text),
        python=None,
        platform=platform_name(),
        made="project" if made == "project" else "resolved",
    )


def _platform(spec: Spec) -> str:
    return spec.extra.get(PLATFORM) or engine_platform()


def peek(spec: Spec, *, settings: Settings) -> Lock | None:
    """The digest that the project itself names; see `Backend.peek`."""
    del settings
    return None if spec.lock_text is None else _locked(spec, spec.lock_text, made="project")


def interpreter(
    lock: Lock, *, exact: bool, settings: Settings, progress: Progress, fetch: bool = True
) -> Interpreter | None:
    """None: an image brings its own; see `Backend.interpreter`."""
    del lock, exact, settings, progress, fetch
    return None


def create(
    lock: Lock,
    at: Path,
    *,
    interpreter: Interpreter | None,
    files: ProjectFiles,
    settings: Settings,
    progress: Progress,
) -> None:
    """Pull or build the image, and note what is in it; see `Backend.create`."""
    del interpreter
    from runner.containers import images
    from runner.containers.engine import Engine
    from runner.containers.inside import examination

    asked = json.loads(lock.text)
    platform = str(asked["platform"])
    with Engine() as engine:
        if lock.format == "dockerfile":
            from runner.containers.building import build

            found = build.build(engine, lock, at.name, files=files, progress=progress)
            reference = None
        else:
            image = str(asked["image"])
            found = images.require(engine, image, platform=platform, progress=progress)
            reference = image if lock.format == "image" else None
        image_of, packages = examination.examine(
            engine, found, reference, settings=settings, progress=progress
        )
    (at / _IMAGE).write_bytes(image_of.to_json())
    (at / _PACKAGES).write_text(json.dumps([asdict(one) for one in packages]))


def health(lock: Lock, at: Path) -> str | None:
    """None, or why it can't be used; see `Backend.health`.

    Raises:
        NoEngine: none answers.
    """
    del lock
    from runner.containers import images
    from runner.containers.engine import Engine
    from runner.containers.model import Image

    try:
        image = Image.from_json((at / _IMAGE).read_bytes())
    except (OSError, ValueError):
        return "what it was is not known any more"
    with Engine() as engine:
        if images.find(engine, image.id) is None:
            return f"the engine has no image {image.id[:19]} any more"
    return None


def observe(at: Path, interpreter: Interpreter | None) -> contents.Seen:
    """What is really there; see `Backend.observe`.

    An image's layers are named by their content, so nothing of it changes unseen.
    """
    del interpreter
    from runner.containers.model import Image

    image = Image.from_json((at / _IMAGE).read_bytes())
    packages = tuple(Package(**one) for one in json.loads((at / _PACKAGES).read_bytes()))
    return contents.Seen(
        packages=packages,
        fingerprint=fingerprint.of_value("image-contents", [image.layers, image.variables]),
        stat=contents.stat_digest(at),
        changed=(),
    )


def mend(at: Path, *, progress: Progress) -> None:
    """Nothing to mend; see `Backend.mend`."""


def activate(at: Path) -> Activation:
    """How a step gets to see it; see `Backend.activate`."""
    from runner.containers.model import Image

    return Activation(image=Image.from_json((at / _IMAGE).read_bytes()))
