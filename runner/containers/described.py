"""What can be said of a project's image and its container without asking an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from runner.containers.building import recipe
from runner.containers.references import is_image_id

if TYPE_CHECKING:
    from runner.environments.base import Lock, Spec
    from runner.running.container_settings import Asked
    from runner.source.model import ProjectFiles


def image(spec: Spec, lock: Lock | None, files: ProjectFiles) -> dict[str, object]:
    """The image that the steps would run in.

    Args:
        lock: the one that a run would use; None where a run would ask what names mean today.

    Returns:
        `name` and `pin`, or `dockerfile`, `bases` (name → pin) and `unlocked`; a pin that is not
        known yet is null. `only_here`: whether a pin means something on this machine alone;
        `holds_project`: whether the project's files are put into the image.
    """
    known = {} if lock is None else json.loads(lock.text)
    if recipe.KEY not in spec.extra:
        pin = known.get("image")
        only_here = pin is not None and is_image_id(pin)
        return {
            "name": spec.extra.get("image"),
            "pin": pin,
            "only_here": only_here,
            "dockerfile": None,
            "holds_project": False,
            "bases": {},
            "unlocked": [],
        }
    asked = recipe.from_text(spec.extra[recipe.KEY])
    parsed = asked.parsed(asked.text(files))
    pins = {base.reference: known.get("bases", {}).get(base.reference) for base in parsed.bases}
    return {
        "name": asked.image,
        "pin": None,
        "only_here": any(pin is not None and is_image_id(pin) for pin in pins.values()),
        "dockerfile": asked.dockerfile,
        "holds_project": asked.with_code is not None,
        "bases": pins,
        "unlocked": [f"{asked.path}:{step.line}: {step.text}" for step in parsed.unlocked],
    }


def container(asked: Asked) -> dict[str, object]:
    """What the project and the caller ask of the step's container.

    Returns:
        `network` (null for the engine's usual one), `entrypoint`, `platform`, `volumes` as they
        were written, `settings` as the engine's API has them.
    """
    return {
        "network": asked.network,
        "entrypoint": None if asked.entrypoint is None else list(asked.entrypoint),
        "platform": asked.platform,
        "volumes": [volume.text for volume in asked.volumes],
        "settings": dict(asked.body),
    }
