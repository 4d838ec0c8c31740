"""What an engine is and holds: its make and version, who runs it, its room, our images in it."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from runner.containers.engine import Engine, is_here
from runner.containers.users import tells_rootless

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE: Final = 5.0  # seconds for one answer: somebody is waiting to see what is on the machine
_OURS: Final = "reprun=image"  # the label of what was built


class Condition(Struct, frozen=True):
    """An engine as it is at this moment.

    Attributes:
        make: `Docker` or `Podman`.
        rootless: whether somebody other than root runs it.
        free_bytes: of the disk that its images lie on; None where that isn't this machine's.
        images: how many of its images reprun built.
        images_bytes: what these take, each with its base.
    """

    address: str
    make: str
    version: str
    api: str
    rootless: bool
    free_bytes: int | None
    images: int
    images_bytes: int


def look() -> Condition:
    """Ask the engine that a person uses; quick, whatever it does.

    Raises:
        NoEngine: none answers, or it doesn't let us in.
        EngineLost: it stops answering.
    """
    with Engine(patience=_PATIENCE) as engine, engine.asked("it was asked what it is"):
        said: dict[str, Any] = engine.api.version()
        known: dict[str, Any] = engine.api.info()
        ours: list[dict[str, Any]] = engine.api.images(filters={"label": _OURS})
        return Condition(
            address=engine.address,
            make=_make(said),
            version=str(said.get("Version") or "?"),
            api=engine.api.api_version,
            rootless=tells_rootless(known),
            free_bytes=_free(known) if is_here(engine.address) else None,
            images=len(ours),
            images_bytes=sum(int(image.get("Size") or 0) for image in ours),
        )


def _make(said: Mapping[str, Any]) -> str:
    names = [str(part.get("Name") or "") for part in said.get("Components") or ()]
    return "Podman" if any(name.startswith("Podman") for name in names) else "Docker"


def _free(known: Mapping[str, Any]) -> int | None:
    place = known.get("DockerRootDir")
    with contextlib.suppress(OSError):
        return shutil.disk_usage(place).free if place else None
    return None
