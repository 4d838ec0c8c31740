"""Resolves an address and a version to a `Source`, which nothing after it has to interpret."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import RequestError, SourceError, SourceNotFound
from runner.source import address as addresses
from runner.source import local, remote, versions
from runner.source.model import Source
from runner.source.recorded import from_record

__all__ = ["from_record", "resolve"]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.address import Address
    from runner.source.local import Local
    from runner.source.model import Changes
    from runner.source.versions import Found


def resolve(request: Request, *, settings: Settings, progress: Progress) -> Source:
    """The exact content that `request` asks for.

    Raises:
        RequestError: the address, the version or the subdirectory makes no sense.
        SourceError: the content can't be had.
    """
    address = addresses.classify(request.uri, request.caller)
    subdirectory = addresses.split_uri(f"#{request.subdirectory}")[1]
    if address.url.lower().startswith("http://"):
        progress.warning(
            f"{address.public} is fetched without encryption: anybody on the way can change it",
            hint="use https",
        )
    if address.kind == "git":
        source, known = _resolve_url(address, request.version, subdirectory, settings, progress)
    elif address.kind == "local":
        source, known = _resolve_local(address, request, subdirectory, settings, progress)
    else:
        _refuse_version(request, "an archive")
        from runner.source import zipped

        known = False
        source = zipped.resolve(address, subdirectory, settings=settings, progress=progress)
    if not known and source.subdirectory:
        _check_subdirectory(source, settings)
    return source


def _resolve_url(
    address: Address, text: str | None, subdirectory: str, settings: Settings, progress: Progress
) -> tuple[Source, bool]:
    version = versions.parse(text)
    store, found, branch = remote.resolve(
        address, version, subdirectory, settings=settings, progress=progress
    )
    commits, stores = _submodules(store, found, address, settings, progress)
    source = Source(
        kind="git",
        url=address.public,
        commit=found.commit,
        tree=found.tree,
        subdirectory=subdirectory,
        store=store,
        work_key=address.key,
        version=text,
        branch=branch,
        pushed=True,
        submodules=commits,
        submodule_stores=stores,
    )
    return source, found.subdirectory


def _submodules(
    store: Path, found: Found, address: Address, settings: Settings, progress: Progress
) -> tuple[Mapping[str, str], Mapping[str, Path]]:
    if not found.modules:
        return {}, {}
    from runner.source.submodules import Finder

    finder = Finder(settings=settings, progress=progress)
    finder.collect(store, found.commit, address)
    return finder.commits, finder.stores


def _resolve_local(
    address: Address,
    request: Request,
    subdirectory: str,
    settings: Settings,
    progress: Progress,
) -> tuple[Source, bool]:
    assert address.path is not None
    found = local.discover(address.path)
    if found is None:
        _refuse_version(request, "a directory without a git repository")
    elif request.version is not None or found.work_tree is None:
        return _committed(found, request.version, subdirectory, settings, progress)
    elif not _is_ignored(found):
        return _working_tree(found, subdirectory, settings, progress), False
    from runner.source import directory

    source = directory.resolve(address, subdirectory, settings=settings, progress=progress)
    return source, False


def _is_ignored(found: Local) -> bool:
    """Whether the directory only lies inside a repository that wants nothing of it."""
    if not found.prefix:
        return False
    from runner.source import plumbing

    try:
        plumbing.git(
            ["check-ignore", "-q", "--", found.prefix],
            store=found.git_dir,
            work_tree=found.work_tree,
            variables=plumbing.personal() | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except SourceError:
        return False
    return True


def _refuse_version(request: Request, what: str) -> None:
    if request.version is not None:
        raise RequestError(
            f"`{addresses.public_url(request.uri)}` is {what}, so it has no version"
            f" `{request.version}`",
            hint="leave out --version",
        )


def _local_address(found: Local) -> Address:
    top = found.work_tree or found.git_dir
    return addresses.Address("local", str(top), addresses.file_url(top), top)


def _committed(
    found: Local, text: str | None, subdirectory: str, settings: Settings, progress: Progress
) -> tuple[Source, bool]:
    """A committed version of a local repository; its working tree is not looked at."""
    version = versions.parse(text)
    place = "/".join(part for part in (found.prefix, subdirectory) if part)
    if text is None and versions.inspect(found.git_dir, "HEAD") is None:
        raise SourceNotFound(
            f"the repository {found.git_dir} is empty", hint="push a commit to it first"
        )
    commit = local.find(found, version, place)
    branch = local.branch_of(found, None if text is None else version)
    source = _local_source(found, commit, branch, place)
    parent = _parent_of_submodules(found, source)
    commits, stores = _submodules(found.common, commit, parent, settings, progress)
    source = replace(source, version=text, submodules=commits, submodule_stores=stores)
    return source, commit.subdirectory


def _parent_of_submodules(found: Local, source: Source) -> Address:
    """Where relative addresses of submodules start: as in git, the remote, else the repository."""
    here = _local_address(found)
    if source.remote is None or source.remote.startswith("."):
        return here
    if source.remote.startswith(("/", "file:")):
        path = addresses.path_of(source.remote)
        return addresses.Address("local", str(path), addresses.file_url(path), path)
    return addresses.Address("git", source.remote, source.remote)


def _local_source(found: Local, commit: Found, branch: str | None, place: str) -> Source:
    address = _local_address(found)
    return Source(
        kind="git",
        url=address.public,
        commit=commit.commit,
        tree=commit.tree,
        subdirectory=place,
        store=found.common,
        work_key=address.key,
        branch=branch,
        pushed=local.is_pushed(found, commit.commit),
        remote=local.remote_of(found, branch),
    )


def _working_tree(
    found: Local, subdirectory: str, settings: Settings, progress: Progress
) -> Source:
    """What the user's directory holds at this moment."""
    from runner.source import changes

    address = _local_address(found)
    head = versions.inspect(found.git_dir, "HEAD")
    snapshot = changes.capture(found, head, address.key, settings=settings, progress=progress)
    kept = snapshot.store(where=str(found.work_tree), settings=settings)
    branch = local.branch_of(found, None)
    place = "/".join(part for part in (found.prefix, subdirectory) if part)
    if head is None:
        source = Source(
            kind="git",
            url=address.public,
            commit=None,
            tree="",
            subdirectory=place,
            store=found.common,
            work_key=address.key,
            branch=branch,
            pushed=False,
            remote=local.remote_of(found, branch),
        )
    else:
        source = _local_source(found, head, branch, place)
    tree = source.tree
    if kept is not None or head is None or snapshot.moved:
        tree = content_digest(source, kept, snapshot.submodules)
    return replace(
        source,
        tree=tree,
        changes=kept,
        submodules=dict(sorted(snapshot.submodules.items())),
        submodule_stores=snapshot.stores,
        raw=True,
    )


def content_digest(source: Source, changes: Changes | None, submodules: Mapping[str, str]) -> str:
    """`Source.tree` of a commit with changes."""
    parts = [source.commit or "", source.tree, changes.object if changes else ""]
    parts += [f"{path}={commit}" for path, commit in sorted(submodules.items())]
    text = "\n".join(parts).encode("utf-8", "surrogateescape")
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _check_subdirectory(source: Source, settings: Settings) -> None:
    from runner.source.files import open_files

    with open_files(replace(source, subdirectory=""), settings=settings) as files:
        if files.is_folder(source.subdirectory):
            return
        above = source.subdirectory.rpartition("/")[0]
        folders = [
            f"{above}/{entry}".lstrip("/")
            for entry in files.list_folder(above)
            if files.is_folder(f"{above}/{entry}".lstrip("/"))
        ]
    raise no_directory(source.url, source.subdirectory, folders)


def no_directory(where: str, subdirectory: str, folders: list[str]) -> SourceNotFound:
    """The error for a subdirectory that is not there; `folders` are those that stand beside it."""
    from runner.nearest import nearest

    message = f"{where} has no directory `{subdirectory}`"
    if near := nearest(subdirectory, folders):
        return SourceNotFound(message, hint=f"did you mean `#{near}`?")
    beside = f"it has {', '.join(folders[:8])}" if folders else "there is no directory beside it"
    return SourceNotFound(message, hint=beside)
