"""The container of a run and its image, in the record's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.store.records import RecordedContainer, RecordedImage, RecordedMount

if TYPE_CHECKING:
    from runner.store.fields import Fields


def to_json(container: RecordedContainer | None) -> dict[str, Any] | None:
    """As `schemas/run-1.schema.json` describes it."""
    if container is None:
        return None
    return {
        "directory": container.directory,
        "user": container.user,
        "entrypoint": None if container.entrypoint is None else list(container.entrypoint),
        "network": container.network,
        "volumes": [
            {"source": one.source, "target": one.target, "read_only": one.read_only}
            for one in container.volumes
        ],
        "settings": dict(container.settings),
    }


def from_fields(fields: Fields) -> RecordedContainer:
    """Read it.

    Raises:
        StoreError: it is something else.
    """
    return RecordedContainer(
        directory=fields.text("directory"),
        user=fields.optional("user"),
        entrypoint=fields.sequence("entrypoint") if fields.has("entrypoint") else None,
        network=fields.optional("network"),
        volumes=tuple(
            RecordedMount(one.text("source"), one.text("target"), one.flag("read_only"))
            for one in fields.each("volumes")
        ),
        settings=fields.fields("settings").all() if fields.has("settings") else {},
    )


def image_to_json(image: RecordedImage | None) -> dict[str, Any] | None:
    """As `schemas/run-1.schema.json` describes it."""
    if image is None:
        return None
    return {
        "name": image.name,
        "id": image.id,
        "reference": image.reference,
        "platform": image.platform,
        "only_here": image.only_here,
    }


def image_from_fields(fields: Fields) -> RecordedImage:
    """Read it.

    Raises:
        StoreError: it is something else.
    """
    return RecordedImage(
        name=fields.optional("name"),
        id=fields.text("id"),
        reference=fields.optional("reference"),
        platform=fields.text("platform"),
        only_here=fields.flag("only_here"),
    )
