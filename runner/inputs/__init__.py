"""The input stage: what a step reads is found, fetched, digested and laid into its checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.inputs.model import Prepared
from runner.inputs.resolve import resolve

if TYPE_CHECKING:
    from runner.source.model import Checkout
    from runner.store.records import RecordedFile

__all__ = ["Prepared", "lay", "resolve"]


def lay(prepared: Prepared, checkout: Checkout) -> tuple[RecordedFile, ...]:
    """Lay prepared inputs into a checkout; see `laying.lay`.

    Returns:
        Every input, digested, sorted by path.

    Raises:
        InputError: a declared input is not there, or a place leads out of the checkout.
        StoreError: there is no space.
    """
    if not (prepared.placements or prepared.readings):
        return prepared.digested
    from runner.inputs import laying

    return laying.lay(prepared, checkout)
