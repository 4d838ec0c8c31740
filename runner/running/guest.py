"""Whoever is to be in a container: a run's step, or later a person in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner.running.container_settings import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.model import Image
    from runner.manifest.model import BoundParameter
    from runner.running.plan import Ready
    from runner.source.model import Checkout, Source


class Guest(Struct, frozen=True):
    """What the container of one is made for.

    Attributes:
        run_id: nobody else's at this moment: the container is named by it.
        image: what it is made from.
        asked: what else the project and the caller ask of it.
        source: of what is in the checkout.
        parameters: of which those that are paths may lie outside of the project.
        entry_env: what the entry point's `env:` says.
        pass_env: names of variables that are passed on.
        clean_env: whether nothing else is.
    """

    run_id: str
    image: Image
    source: Source
    checkout: Checkout
    asked: Asked = field(default_factory=Asked)
    parameters: tuple[BoundParameter, ...] = ()
    entry_env: Mapping[str, str | None] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    clean_env: bool = False


def of_step(ready: Ready) -> Guest:
    """The step that is about to start."""
    planned = ready.planned
    assert ready.activation.image is not None
    return Guest(
        run_id=planned.run_id,
        image=ready.activation.image,
        source=planned.source,
        checkout=ready.checkout,
        asked=planned.container or Asked(),
        parameters=ready.step.parameters,
        entry_env=ready.step.entry_point.env,
        pass_env=planned.request.pass_env,
        clean_env=planned.request.clean_env,
    )
