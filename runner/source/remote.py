"""Finds a version in a repository behind a URL: in its mirror where that is enough, else there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.errors import SourceDamaged, SourceNotFound, SourceUnreachable, UnknownVersion
from runner.source import mirror, versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address
    from runner.source.versions import Found, Version


def resolve(
    address: Address,
    version: Version,
    subdirectory: str,
    *,
    settings: Settings,
    progress: Progress,
) -> tuple[Path, Found, str | None]:
    """(mirror, commit, branch) that `version` means.

    A commit that the mirror holds, short or full, needs no network. The name of a branch or a tag
    is always asked for, because both move; only where the remote can't be reached does the
    mirror's last state stand in, with a warning that says of when it is: the record names the
    commit that ran, so nothing is claimed that is not so.

    Raises:
        SourceError: it can't be had.
        UnknownVersion: the remote has no such version.
    """
    store = mirror.locate(address, settings)
    if version.may_be_commit:
        found = _in_mirror(store, version.text, subdirectory, progress)
        if found is not None:
            return store, found, None
    try:
        advertised = mirror.ask(address)
    except SourceUnreachable as error:
        return _offline(store, version, subdirectory, error, progress)
    if not advertised.references:
        raise SourceNotFound(
            f"the repository {address.public} is empty", hint="push a commit to it first"
        )
    chosen = versions.choose(version, advertised.references)
    if chosen is None:
        return _by_commit(address, version, subdirectory, advertised, settings, progress)
    reference, commit = chosen
    beyond = [reference] if not reference.startswith(("refs/heads/", "refs/tags/", "HEAD")) else []

    found = _in_mirror(store, commit + version.steps, subdirectory, progress)
    if found is None:
        _fetch(address, commit, advertised, beyond, settings, progress)
        found = _in_mirror(store, commit + version.steps, subdirectory, progress)
    if found is None:
        raise versions.too_far(version, where=address.public)
    return store, found, _branch(reference, advertised)


def obtain(address: Address, commit: str, *, settings: Settings, progress: Progress) -> Path:
    """The mirror of `address`, holding `commit`.

    Raises:
        UnknownVersion: the remote does not have it.
    """
    version = versions.parse(commit)
    return resolve(address, version, "", settings=settings, progress=progress)[0]


def _fetch(
    address: Address,
    commit: str,
    advertised: mirror.Advertised,
    wanted: Sequence[str],
    settings: Settings,
    progress: Progress,
) -> None:
    """Bring the mirror up to date; one that is too damaged for that is made anew."""

    def satisfied(place: Path) -> bool:
        return _in_mirror(place, commit, "", progress) is not None

    def update() -> Path:
        return mirror.update(
            address,
            satisfied=satisfied,
            settings=settings,
            progress=progress,
            advertised=advertised,
            wanted=wanted,
        )

    there = mirror.exists(mirror.locate(address, settings))
    try:
        store = update()
    except SourceDamaged:
        store = None
    if store is not None and (not there or satisfied(store) or commit not in _known(advertised)):
        return
    store = mirror.locate(address, settings)
    progress.warning(f"the mirror {store} is damaged; it is fetched again")
    mirror.discard(store, progress=progress)
    update()


def _known(advertised: mirror.Advertised) -> set[str]:
    return set(advertised.references.values())


def _in_mirror(store: Path, expression: str, subdirectory: str, progress: Progress) -> Found | None:
    """What the mirror has; a damaged one is put away, and counts as having nothing."""
    if not mirror.exists(store):
        return None
    try:
        return versions.inspect(store, expression, subdirectory)
    except (SourceDamaged, SourceNotFound):
        progress.warning(f"the mirror {store} is damaged; it is fetched again")
        mirror.discard(store, progress=progress)
        return None


def _by_commit(
    address: Address,
    version: Version,
    subdirectory: str,
    advertised: mirror.Advertised,
    settings: Settings,
    progress: Progress,
) -> tuple[Path, Found, str | None]:
    """A name that the remote does not list: a commit, or nothing that it has."""
    names = advertised.references
    if not version.may_be_commit:
        raise versions.unknown(version, names, where=address.public)
    store = mirror.locate(address, settings)
    # What no branch holds can still be had by its full name, where the server allows it.
    attempts: list[Sequence[str]] = [()]
    if version.is_full_commit:
        attempts.append([version.base.lower()])
    for wanted in attempts:
        try:
            _fetch(address, version.base, advertised, wanted, settings, progress)
        except UnknownVersion:
            break
        found = _in_mirror(store, version.text, subdirectory, progress)
        if found is not None:
            return store, found, None
        if version.steps and _in_mirror(store, version.base, "", progress):
            raise versions.too_far(version, where=address.public)
    raise versions.unknown(version, names, where=address.public)


def _offline(
    store: Path,
    version: Version,
    subdirectory: str,
    error: SourceUnreachable,
    progress: Progress,
) -> tuple[Path, Found, str | None]:
    if not mirror.exists(store):
        raise error
    references = mirror.remembered(store)
    chosen = versions.choose(version, references.references)
    if chosen is None:
        raise error
    found = versions.inspect(store, chosen[1] + version.steps, subdirectory)
    if found is None:
        raise error
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(mirror.fetched_at(store)))
    progress.warning(
        f"{error.message}; taking `{version.text}` as it was when it was last fetched,"
        f" {since}: {found.commit[:12]}",
        hint=error.hint,
    )
    return store, found, _branch(chosen[0], references)


def _branch(reference: str, advertised: mirror.Advertised) -> str | None:
    named = advertised.head if reference == "HEAD" else reference
    if named is None or not named.startswith("refs/heads/"):
        return None
    return named.removeprefix("refs/heads/")
