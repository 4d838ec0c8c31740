"""What the engine and registries say when an image can't be had, as errors with a way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.containers.engine import refuse_without_room
from runner.environments.platforms import engine_platform
from runner.errors import EngineLost, IndexUnreachable, NoSuchImage

if TYPE_CHECKING:
    from runner.containers.references import Reference
    from runner.errors import RunnerError

_LOGIN = re.compile(
    r"unauthorized|no basic auth credentials|authentication required|denied: .*(?:log ?in|access)"
    r"|requested access to the resource is denied|insufficient_scope|401 ",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"manifest unknown|manifest for .* not found|repository .* not found|name unknown"
    r"|no such image|404 |not found|does not exist",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"dial tcp|no such host|connection refused|timeout|tls|x509|network is unreachable|EOF"
    r"|server gave HTTP response to HTTPS client|pinging container registry|502 |503 |504 ",
    re.IGNORECASE,
)
_NO_PLATFORM = re.compile(r"unknown operating system or architecture", re.IGNORECASE)
_PLATFORM = re.compile(
    r"no matching manifest for|no image found in (?:manifest list|image index) for architecture"
    r"|does not match the specified platform|does not provide the specified platform",
    re.IGNORECASE,
)


def not_pulled(reference: Reference, said: str, *, platform: str, origin: str) -> RunnerError:
    """Why an image could not be pulled.

    Args:
        said: by the engine, in one line.
        origin: the image's name as the project has it.

    Raises:
        NoRoom: the disk is full.
    """
    refuse_without_room(said)
    if _NO_PLATFORM.search(said):
        return NoSuchImage(
            f"there is no platform `{platform}`",
            "write it like `-A platform=linux/arm64`",
        )
    if _PLATFORM.search(said):
        return NoSuchImage(
            f"the image `{origin}` is not made for {platform}",
            "name one that is, or pass `-A platform=…` with a platform that it has and that this "
            "machine can emulate",
        )
    if reference.digest is not None and _ABSENT.search(said):
        return NoSuchImage(
            f"{reference} is gone from the registry: {said}",
            "only who still has it can bring it back (`docker push`); `--relock` takes what its "
            "name means today",
        )
    if _LOGIN.search(said):
        return _refused(reference, said, origin)
    if _ABSENT.search(said):
        return NoSuchImage(
            f"there is no image `{origin}`, neither on this machine nor in {reference.registry}",
            "check its name and tag, or build it: `docker build -t NAME .`",
        )
    if _UNREACHABLE.search(said):
        return IndexUnreachable(
            f"the image `{origin}` can't be pulled, {reference.registry} can't be reached: {said}",
            "check the network and the registry's name",
        )
    return EngineLost(f"the image `{origin}` can't be pulled: {said}")


def unfit(origin: str, *, made_for: str, asked: str) -> NoSuchImage:
    """An image that is there is for another platform than the one that is asked for."""
    if asked == engine_platform():
        return NoSuchImage(
            f"the image `{origin}` is for {made_for}, and this machine is {asked}",
            f"where it can be emulated, pass `-A platform={made_for}`",
        )
    return NoSuchImage(
        f"the image `{origin}` is for {made_for}, and {asked} is asked for",
        f"leave `-A platform={asked}` away, or name an image that is made for it",
    )


def _refused(reference: Reference, said: str, origin: str) -> NoSuchImage:
    where = "" if reference.registry == "docker.io" else f" {reference.registry}"
    if "repository does not exist" in said:
        # Docker Hub says the same of what is private and of what is not there at all.
        return NoSuchImage(
            f"there is no image `{origin}` on this machine, and {reference.registry} has none "
            "that you may pull",
            f"check its name; build it with `docker build -t {origin} .`, or, if it is private, "
            f"log in: `docker login{where}`",
        )
    return NoSuchImage(
        f"{reference.registry} does not let you pull `{origin}`: {said}",
        f"log in with an account that may: `docker login{where}`",
    )
