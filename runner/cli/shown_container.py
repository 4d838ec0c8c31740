"""A run's image and container, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.render import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.store.records import RecordedContainer, RecordedImage

_SHORT = 19  # `sha256:` and twelve digits


def image_lines(image: RecordedImage | None, container: RecordedContainer | None) -> Iterator[str]:
    """What the step's container was made from, and what of the machine it saw."""
    if image is not None:
        name = f"{image.name}, " if image.name else ""
        here = ", on this machine only" if image.only_here else ""
        known = image.reference or image.id[:_SHORT]
        yield f"{label('image')}{name}{known}, {image.platform}{here}"
    if container is None:
        return
    if container.network is not None:
        yield f"{label('network')}{container.network}"
    for volume in container.volumes:
        only = ", read-only" if volume.read_only else ""
        yield f"{label('volume')}{volume.source or 'one without a name'} at {volume.target}{only}"
