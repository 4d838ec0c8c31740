"""The checkout that an outer run's step works in, as a source: it is run as it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner import patterns
from runner.source import address as addresses
from runner.source import bundle, changes, directory, local, versions
from runner.source.model import Source
from runner.source.resolve import content_digest

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.store.records import RecordedSource

SMALL = 1 << 24  # bytes that earlier steps made and that a snapshot takes along
MANY = 64


class Within(Struct, frozen=True):
    """A source that is an outer run's checkout.

    Attributes:
        source: as the stages work with it: a local directory.
        known_as: the same, by the address that the outer run has it from.
        left_out: globs, relative to the source's top, of large files that the outer run made: a
            snapshot would store each of them once more. The outer run keeps them.
    """

    source: Source
    known_as: Source
    left_out: tuple[str, ...]


def resolve(
    top: Path, place: str, outer: RecordedSource, *, settings: Settings, progress: Progress
) -> Within:
    """What the checkout at `top` holds at this moment.

    Args:
        place: POSIX path of the project in it.
        outer: the source of the run that works in it.

    Raises:
        SourceError: something in it can't be read.
    """
    if outer.kind == "git":
        source, left_out = _repository(top, place, outer, settings, progress)
    else:
        source, left_out = _directory(top, place, outer, settings, progress)
    known_as = replace(
        source,
        kind=outer.kind,
        url=outer.url,
        version=outer.version,
        branch=outer.branch,
        pushed=outer.pushed,
        remote=outer.remote,
    )
    return Within(source, known_as, left_out)


def _repository(
    top: Path, place: str, outer: RecordedSource, settings: Settings, progress: Progress
) -> tuple[Source, tuple[str, ...]]:
    address = addresses.Address("local", str(top), addresses.file_url(top), top)
    found = local.Local(top, top / ".git", top / ".git", place)
    # Not HEAD: a step may have committed what nobody else can get.
    head = None if outer.commit is None else versions.inspect(found.git_dir, outer.commit)
    snapshot = changes.capture(found, head, address.key, settings=settings, progress=progress)
    kept = _kept(snapshot.entries.values(), outer, snapshot.modified)
    left_out = snapshot.entries.keys() - kept
    for path in left_out:
        del snapshot.entries[path]
    stored = snapshot.store(where=str(top), settings=settings)
    source = Source(
        kind="git",
        url=address.public,
        commit=None if head is None else head.commit,
        tree="" if head is None else head.tree,
        subdirectory=place,
        store=found.common,
        work_key=address.key,
    )
    if stored is not None or head is None or snapshot.moved:
        source = replace(source, tree=content_digest(source, stored, snapshot.submodules))
    source = replace(
        source,
        changes=stored,
        submodules=dict(sorted(snapshot.submodules.items())),
        submodule_stores=snapshot.stores,
        raw=True,
    )
    return source, _globs(left_out)


def _directory(
    top: Path, place: str, outer: RecordedSource, settings: Settings, progress: Progress
) -> tuple[Source, tuple[str, ...]]:
    address = addresses.Address("local", str(top), addresses.file_url(top), top)
    entries = list(directory.walk(top, settings.homes, progress))
    kept = _kept(entries, outer, ())
    left_out = {entry.path for entry in entries} - kept
    entries = [entry for entry in entries if entry.path in kept]
    bundle.check_size(entries, where=str(top))
    digest, size = bundle.store(entries, (), settings=settings)
    source = directory.captured("directory", address, digest, size, entries, place, top)
    return source, _globs(left_out)


def _kept(
    entries: Collection[bundle.Entry], outer: RecordedSource, modified: Collection[str]
) -> set[str]:
    """The paths that the snapshot takes: what is the project's own, and what is small."""
    known = {*modified, *(() if outer.changes is None else outer.changes.added)}
    kept, room = set(), SMALL
    for entry in sorted(entries, key=lambda entry: entry.size):
        if entry.path not in known:
            room -= entry.size
        if entry.path in known or room >= 0:
            kept.add(entry.path)
    return kept


def _globs(paths: Collection[str]) -> tuple[str, ...]:
    if len(paths) > MANY:
        paths = {path.partition("/")[0] for path in paths}
    return tuple(sorted(map(patterns.escape, paths)))
