"""Makes a `Source` again from a run's record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import SourceDamaged, SourceError, UnknownVersion
from runner.source import address as addresses
from runner.source import bundle, local, remote, versions
from runner.source.model import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address
    from runner.store.records import RecordedSource


def from_record(recorded: RecordedSource, *, settings: Settings, progress: Progress) -> Source:
    """The source of an earlier run, ready to be read and checked out again.

    Raises:
        SourceError: its content can't be had any more.
    """
    if recorded.kind not in {"git", "directory", "archive"}:
        raise SourceError(f"the record has a source of the unknown kind `{recorded.kind}`")
    if recorded.changes is not None:
        bundle.locate(recorded.changes.object, settings=settings, verify=False)
    elif recorded.commit is None and recorded.kind != "git":
        raise SourceDamaged("the record names no snapshot of its directory")
    is_local = recorded.url.startswith("file:")
    source = Source(
        kind=recorded.kind,  # type: ignore[arg-type]  # checked above
        url=recorded.url,
        commit=recorded.commit,
        tree=recorded.tree,
        subdirectory=recorded.subdirectory,
        store=addresses.path_of(recorded.url) if is_local else settings.mirrors,
        work_key=addresses.key_of(recorded.url),
        version=recorded.version,
        branch=recorded.branch,
        pushed=recorded.pushed,
        remote=recorded.remote,
        changes=recorded.changes,
        submodules=recorded.submodules,
        raw=is_local and recorded.version is None,
    )
    if source.commit is None:
        return source
    return _with_stores(source, source.commit, settings, progress)


def _with_stores(source: Source, commit: str, settings: Settings, progress: Progress) -> Source:
    """The source with repositories of this machine that hold its commit and its submodules'."""
    if source.url.startswith("file:"):
        here = _local(addresses.path_of(source.url), commit)
        if here is not None:
            stores = {
                path: found.common
                for path, wanted in source.submodules.items()
                if (found := _local(addresses.path_of(source.url) / path, wanted)) is not None
            }
            source = replace(source, store=here.common, submodule_stores=stores)
            parent = addresses.Address(
                "local", source.url, source.url, addresses.path_of(source.url)
            )
            return _with_submodules(source, commit, parent, settings, progress)
    address = _address(source)
    try:
        store = remote.obtain(address, commit, settings=settings, progress=progress)
    except UnknownVersion as error:
        raise _gone(source) from error
    source = replace(source, store=store)
    return _with_submodules(source, commit, address, settings, progress)


def _local(place: Path, commit: str) -> local.Local | None:
    if not place.is_dir():
        return None
    found = local.discover(place)
    if found is None or versions.inspect(found.common, commit) is None:
        return None
    return found


def _address(source: Source) -> Address:
    url = source.remote if source.url.startswith("file:") else source.url
    if url is None or url.startswith(("file:", "/", ".")):
        raise _gone(source)
    return addresses.classify(url, Path("/"))


def _gone(source: Source) -> SourceError:
    assert source.commit is not None
    never = "" if source.pushed else "; it was never pushed to a remote"
    return SourceError(
        f"the commit {source.commit[:12]} is not in {source.url} any more{never}",
        hint="a clone that still has it can be given as the project's address",
    )


def _with_submodules(
    source: Source, commit: str, parent: Address, settings: Settings, progress: Progress
) -> Source:
    missing = source.submodules.keys() - source.submodule_stores.keys()
    if not missing:
        return source
    from runner.source.submodules import Finder

    finder = Finder(settings=settings, progress=progress)
    finder.collect(source.store, commit, parent)
    stores: Mapping[str, Path] = {**finder.stores, **source.submodule_stores}
    for path, wanted in source.submodules.items():
        if path not in stores or versions.inspect(stores[path], wanted) is None:
            raise SourceError(f"the submodule `{path}` at {wanted[:12]} can't be had any more")
    return replace(source, submodule_stores=stores)
