"""Finds an image, pulls it, and pins it: a digest where a registry has it, else its id here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.containers import failures
from runner.containers.engine import explanation
from runner.containers.references import Reference, is_image_id
from runner.errors import EngineLost, IndexUnreachable, NoEngine, NoSuchImage

if TYPE_CHECKING:
    from runner.containers.engine import Engine
    from runner.progress import Progress


def pin(
    engine: Engine, name: str, *, platform: str, fresh: bool = False, progress: Progress
) -> str:
    """What `name` means: the image on this machine as `docker run` would take it, else pulled.

    Args:
        platform: such as `linux/amd64`.
        fresh: ask the registry first, for the tag may have moved.

    Returns:
        `docker.io/library/python@sha256:…`, or the id `sha256:…` of an image that is nowhere but
        on this machine.

    Raises:
        NoSuchImage: there is none, none for the platform, or we may not pull it.
        EnvironmentFailure: the registry or the engine doesn't answer; the disk is full.
    """
    if is_image_id(name):
        require(engine, name, platform=platform, origin=name, progress=progress)
        return name
    reference = Reference.read(name)
    if reference.digest is not None:
        return str(reference)
    found = find(engine, name)
    if found is None or not fits(found, platform):
        found = _pulled(engine, reference, name, platform, progress)
    elif fresh and found.get("RepoDigests"):
        found = _refreshed(engine, reference, name, platform, progress) or found
    return digest_of(found, reference) or str(found["Id"])


def require(
    engine: Engine, image: str, *, platform: str, progress: Progress, origin: str | None = None
) -> dict[str, Any]:
    """What the engine says of a pinned image, pulled where it isn't here.

    Args:
        origin: by which name it was asked for.

    Raises:
        NoSuchImage: it is gone.
        EnvironmentFailure: the registry or the engine doesn't answer; the disk is full.
    """
    origin = origin or image
    found = find(engine, image)
    if found is None and is_image_id(image):
        raise NoSuchImage(
            f"the image {image[:19]}… is not on this machine any more, and it never was in a "
            "registry",
            "make it again and pass `--relock`",
        )
    if found is None:
        found = _pulled(engine, Reference.read(image), origin, platform, progress)
    if not fits(found, platform):
        raise failures.unfit(origin, made_for=platform_of(found), asked=platform)
    return found


def find(engine: Engine, name: str) -> dict[str, Any] | None:
    """What the engine says of an image on this machine, None where it has none.

    Raises:
        EngineLost: it doesn't answer.
    """
    from docker.errors import ImageNotFound, NotFound

    with engine.asked("an image is looked for"):
        try:
            found: dict[str, Any] = engine.api.inspect_image(name)
        except (ImageNotFound, NotFound):
            return None
    return found


def digest_of(found: dict[str, Any], reference: Reference) -> str | None:
    """`name@sha256:…` under which the registry of `reference` knows an image; None if it doesn't.

    An engine that stores images by their manifests' digests tells one of local images, too, under
    a name that nobody has pushed to; there is no way to tell.
    """
    for text in found.get("RepoDigests") or ():
        known = Reference.read(text)
        if known.name == reference.name:
            return str(known)
    return None


def platform_of(found: dict[str, Any]) -> str:
    """`linux/amd64`, `linux/arm/v7`."""
    variant = f"/{found['Variant']}" if found.get("Variant") else ""
    return f"{found.get('Os', 'linux')}/{found.get('Architecture', '')}{variant}"


def fits(found: dict[str, Any], platform: str) -> bool:
    """Whether an image is for `platform`; variants of arm are the engine's business."""
    return platform_of(found).split("/")[:2] == platform.split("/")[:2]


def _refreshed(
    engine: Engine, reference: Reference, name: str, platform: str, progress: Progress
) -> dict[str, Any] | None:
    try:
        return _pulled(engine, reference, name, platform, progress)
    except (NoEngine, NoSuchImage):
        raise
    except (EngineLost, IndexUnreachable) as error:
        progress.warning(
            f"what `{name}` names today can't be asked: {error.message}",
            "the image on this machine is used",
        )
        return None


def _pulled(
    engine: Engine, reference: Reference, name: str, platform: str, progress: Progress
) -> dict[str, Any]:
    from docker.errors import APIError

    progress.update(f"pulling {name}")
    with engine.asked(f"{name} was pulled"):
        try:
            said = _pull(engine, reference, name, platform, progress)
        except APIError as error:
            said = explanation(error)
    if said is not None:
        raise failures.not_pulled(reference, said, platform=platform, origin=name)
    found = find(engine, str(reference))
    if found is None:
        raise EngineLost(f"the engine pulled `{name}` and doesn't have it")
    return found


def _pull(
    engine: Engine, reference: Reference, name: str, platform: str, progress: Progress
) -> str | None:
    """Pull an image; what the engine said where it could not."""
    layers: dict[str, tuple[int, int]] = {}
    for line in engine.api.pull(
        reference.name,
        tag=reference.digest or reference.tag,
        stream=True,
        decode=True,
        platform=platform,
    ):
        if "error" in line:
            return " ".join(str(line["error"]).split())
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Downloading" and detail.get("total"):
            layers[str(line.get("id"))] = (int(detail["current"]), int(detail["total"]))
            done, total = (sum(column) / 1e6 for column in zip(*layers.values(), strict=True))
            progress.update(f"pulling {name}: {done:.0f} of {total:.0f} MB")
    return None
