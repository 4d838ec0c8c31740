"""Imports parts of conda-lock without its command line, which costs three times as much."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import types
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Packages whose own modules import all of conda-lock; nothing of theirs is needed.
_BARE: Final = ("conda_lock", "conda_lock.src_parser", "conda_lock.lockfile")


@functools.cache
def part(name: str) -> Any:  # noqa: ANN401  conda-lock has no types
    """The module `name` of conda-lock."""
    # What conda's parts tell a log would be printed where nobody listens to one.
    logging.getLogger("conda_lock").addHandler(logging.NullHandler())
    with warnings.catch_warnings(), _bare():
        warnings.simplefilter("ignore")  # its parts warn about each other
        return import_module(name)


@contextlib.contextmanager
def _bare() -> Iterator[None]:
    """What is imported inside does without `_BARE`; who imports these later gets the whole."""
    if "conda_lock" in sys.modules:
        yield
        return
    for name in _BARE:
        bare = types.ModuleType(name)
        bare.__path__ = _folders(name)
        sys.modules[name] = bare
    try:
        yield
    finally:
        for name in _BARE:
            del sys.modules[name]


def _folders(name: str) -> list[str]:
    parent, _, last = name.rpartition(".")
    if parent:
        return [str(Path(folder, last)) for folder in sys.modules[parent].__path__]
    found = find_spec(name)
    return list(found.submodule_search_locations or ()) if found else []
