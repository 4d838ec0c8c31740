"""What a person should know of the image that a step runs in, each time that it does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner.containers import images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.engine import Engine
    from runner.progress import Progress
    from runner.running.plan import Ready

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def tell(ready: Ready, engine: Engine, progress: Progress) -> None:
    """Warn of a pin that holds here only, a tag that has moved, no bash, an entrypoint left out.

    Raises:
        EngineLost: the engine doesn't answer.
    """
    image = ready.activation.image
    assert image is not None
    _tell_of_pin(ready, image.id, engine, progress)
    if image.shell == "sh":
        progress.warning("the image has no bash: `sh` reads the step's command")
    if image.left_out:
        progress.warning(
            f"the image's ENTRYPOINT `{' '.join(image.left_out)}` does not pass a command on: the "
            "step runs without it",
            'have it end with `exec "$@"`',
        )


def _tell_of_pin(ready: Ready, used: str, engine: Engine, progress: Progress) -> None:
    lock, name = ready.environment.lock, ready.planned.spec.extra.get("image", "")
    if lock.format == "image-id" and lock.made == "resolved":
        progress.warning(
            f"`{name}` is in no registry: it is pinned by its id, which holds on this machine only",
            "push it to a registry, and name it by that",
        )
    if lock.made != "reused" or not name:
        return
    found = images.find(engine, name)
    if found is not None and found["Id"] != used:
        progress.warning(
            f"`{name}` names another image by now than the one that it is locked to, "
            f"{used[:19]}, which is used",
            "`--relock` takes the new one",
        )


def tell_of_server(variables: Mapping[str, str], network: str | None, progress: Progress) -> None:
    """Warn of an MLflow server at an address that means the container itself, inside of it."""
    address = variables.get("MLFLOW_TRACKING_URI", "")
    if network != "host" and urlsplit(address).hostname in _LOOPBACK:
        progress.warning(
            f"inside of its container the step does not find {address}: that is the container",
            "pass `-A network=host`",
        )


def of_mlflow() -> dict[str, str]:
    """The caller's variables for MLflow, for a step that logs to a server of the caller's."""
    return {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
