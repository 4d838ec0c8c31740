"""Looks into an image once, when it becomes an environment: what it holds, what runs its steps."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace

from runner.containers import images, leftovers
from runner.containers.inside import contents
from runner.containers.model import Image
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.containers.engine import Engine
    from runner.environments.base import Package
    from runner.progress import Progress
    from runner.settings import Settings

LABEL: Final = "reprun"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS: Final = ("bash", "sh", "python3", "python", "git")
_PATIENCE: Final = 20  # seconds that an entrypoint has to pass a command on


def examine(
    engine: Engine,
    found: dict[str, Any],
    reference: str | None,
    *,
    settings: Settings,
    progress: Progress,
) -> tuple[Image, tuple[Package, ...]]:
    """The image as a step sees it, and the packages in it; nothing of it is run for these.

    Args:
        found: what the engine says of the image.
        reference: its digest in a registry.

    Raises:
        EnvironmentFailure: it has no shell, or the engine doesn't answer.
    """
    config = found.get("Config") or {}
    variables = dict(text.partition("=")[::2] for text in config.get("Env") or ())
    progress.update(f"looking into the image ({found.get('Size', 0) / 1e6:,.0f} MB)")
    with engine.asked("the image was looked into"):
        held = _read(engine, str(found["Id"]), variables.get("PATH") or _PATH, settings)
    for text in held.unread:
        progress.warning(f"not all of the image's packages could be read: {text}")
    shell = _shell(held)
    entrypoint = tuple(config.get("Entrypoint") or ())
    image = Image(
        id=str(found["Id"]),
        reference=reference,
        platform=images.platform_of(found),
        variables=variables,
        shell=shell,
        python=held.programs.get("python3") or held.programs.get("python"),
        git="git" in held.programs,
        user=str(config.get("User") or ""),
        passwd=held.files.get("/etc/passwd", b"").decode(errors="replace"),
        group=held.files.get("/etc/group", b"").decode(errors="replace"),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
        entrypoint=entrypoint or None,
    )
    if entrypoint and not _passes_on(engine, image, held.programs["sh"], settings):
        image = replace(image, entrypoint=None, left_out=entrypoint)
    return image, held.packages


def _read(engine: Engine, image: str, path: str, settings: Settings) -> contents.Contents:
    body = {"Image": image, "Cmd": ["-"], "Entrypoint": []}
    with _made(engine, body, settings) as container:
        return contents.read(engine.api.export(container), path=path.split(":"), programs=_PROGRAMS)


def _shell(held: contents.Contents) -> Literal["bash", "sh"]:
    if "sh" not in held.programs:
        raise EnvironmentFailure(
            "the image has no shell (`bash` or `sh`), which a step's command needs",
            "use an image that has one: a `-debug` variant, or one made from `debian`",
        )
    return "bash" if "bash" in held.programs else "sh"


def _passes_on(engine: Engine, image: Image, shell: str, settings: Settings) -> bool:
    """Whether the image's entrypoint runs the command that it is given; tried, without network."""
    token = uuid.uuid4().hex
    body = {
        "Image": image.id,
        "Cmd": [shell, "-c", f"echo {token}"],
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none"},
    }
    from docker.errors import APIError
    from requests.exceptions import RequestException

    with (
        engine.asked("the image's entrypoint was tried"),
        _made(engine, body, settings) as container,
    ):
        try:
            engine.api.start(container)
            engine.api.wait(container, timeout=_PATIENCE)
            return token.encode() in engine.api.logs(container, stdout=True, stderr=False)
        except (APIError, RequestException):
            return False


@contextlib.contextmanager
def _made(engine: Engine, body: dict[str, Any], settings: Settings) -> Iterator[str]:
    """A container of ours for a moment; the next command removes it where we are killed."""
    name = f"reprun-image-{uuid.uuid4().hex}"
    with leftovers.noted(name, name=name, engine=engine.address, settings=settings):
        made = engine.api.create_container_from_config(
            {**body, "Labels": {LABEL: "examination"}}, name=name
        )
        try:
            yield str(made["Id"])
        finally:
            engine.api.remove_container(made["Id"], force=True, v=True)
