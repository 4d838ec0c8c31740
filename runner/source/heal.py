"""Fetches a mirror again that turned out to be damaged while it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.progress import Progress, Silent
from runner.source import address as addresses
from runner.source import mirror, remote, submodules

if TYPE_CHECKING:
    from pathlib import Path

    from runner.settings import Settings
    from runner.source.model import Source


def fetch_again(
    source: Source, store: Path, settings: Settings, progress: Progress | None = None
) -> bool:
    """Replace the mirror `store`; False where it is no mirror of ours, so nothing can be done.

    Raises:
        SourceError: the remote can't be reached any more, or lacks the commit by now.
    """
    if store.parent != settings.mirrors or source.commit is None:
        return False
    told = progress or Silent()
    told.warning(f"the mirror {store} is damaged; it is fetched again")
    mirror.discard(store, progress=told)
    url = source.remote if source.url.startswith("file:") and source.remote else source.url
    address = addresses.classify(url, store)
    remote.obtain(address, source.commit, settings=settings, progress=told)
    if source.submodules:
        finder = submodules.Finder(settings=settings, progress=told)
        finder.collect(mirror.locate(address, settings), source.commit, address)
    return mirror.exists(store)
