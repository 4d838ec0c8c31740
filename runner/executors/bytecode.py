"""Where a step's Python keeps bytecode: never in the checkout, and for packages between runs.

Python takes bytecode for fresh when the source's size and second of change are those it was made
from, so bytecode of a checkout that stands where another one stood could run the wrong code: it
lives in a folder of one run. What lies in a read-only place, packages and the standard library,
may keep its bytecode: with a prefix set, Python looks nowhere else, not even for `os`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Checkout


def place(checkout: Checkout, settings: Settings) -> Path:
    """The prefix of whoever works in `checkout`; the next one there clears what a killed one left.

    Nobody else has it: a checkout is held by one, and a folder that is used in place has as many
    prefixes as threads that use it.
    """
    if checkout.in_place:
        import threading

        name = f"thread-{threading.get_native_id()}"
    else:
        name = f"{checkout.root.parent.name}-{checkout.root.name}"
    return settings.cache / "bytecode" / "runs" / name


def lay(prefix: Path, kept: Mapping[Path, Path]) -> Path:
    """Make `prefix` a fresh `PYTHONPYCACHEPREFIX` (Python 3.8 and newer) and return it.

    Args:
        prefix: a folder of this run alone; what an earlier one left there is removed.
        kept: `Activation.bytecode`: folder of sources → folder that keeps their bytecode.

    Raises:
        OSError: the folders can't be made.
    """
    remove_tree(prefix)
    prefix.mkdir(parents=True)
    for sources, cache in _outermost(kept):
        cache.mkdir(parents=True, exist_ok=True)
        # Python puts the source's absolute path below the prefix.
        link = prefix.joinpath(*sources.parts[1:])
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(cache, target_is_directory=True)
    return prefix


def _outermost(kept: Mapping[Path, Path]) -> Iterator[tuple[Path, Path]]:
    """The folders by both names Python may know them by, those inside another one left out."""
    known = dict(kept)
    for sources, cache in kept.items():
        known.setdefault(type(sources)(os.path.realpath(sources)), cache)
    for sources, cache in known.items():
        if not any(folder in known for folder in sources.parents):
            yield sources, cache
