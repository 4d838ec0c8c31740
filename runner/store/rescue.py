"""Saves what a step made from the end of its checkout, where it can't be kept as it should be."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.errors import StoreError


@contextlib.contextmanager
def rescuing(checkout: Path, rescues: tuple[Path, ...]) -> Iterator[None]:
    """While this is entered, whatever ends it moves the checkout to where its outputs are safe.

    Args:
        rescues: places to move it to, the first that is on its file system; none where it stays.

    Raises:
        StoreError: something can't be kept; it says where the outputs are. What else ends this,
            Ctrl-C among it, has the same said in a note.
    """
    try:
        yield
    except OSError as error:
        raise _not_kept(_saved(checkout, rescues), error) from error
    except BaseException as error:
        error.add_note(f"the step's outputs are in {_saved(checkout, rescues)}")
        raise


def _saved(checkout: Path, rescues: tuple[Path, ...]) -> Path:
    for rescue in rescues:
        with contextlib.suppress(OSError):
            # A rename needs no space.
            return checkout.rename(rescue)
    return checkout


def _not_kept(place: Path, error: OSError) -> StoreError:
    return layout.storing(
        f"the step's outputs, which still lie in {place},",
        error,
        hint=f"free some space or set REPRUN_HOME; the outputs are in {place}",
    )
