"""Finds the submodules of a commit, and a repository on this machine that holds each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RequestError, SourceError, SourceNotFound, SourceRefused, UnknownVersion
from runner.source import address as addresses
from runner.source import local, plumbing, remote, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address

_DEPTH = 10


class Finder:
    """Collects the submodules of a commit, and theirs.

    Attributes:
        commits: path → commit.
        stores: path → git folder that holds it.
    """

    def __init__(self, *, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self.commits: dict[str, str] = {}
        self.stores: dict[str, Path] = {}

    def collect(self, store: Path, commit: str, parent: Address, *, below: str = "") -> None:
        """Add the submodules of `commit`.

        `parent` is where the repository came from: relative addresses start there. `below` is the
        repository's path inside the source, ended by a slash, "" for the source itself.

        Raises:
            SourceError: one of them can't be had.
        """
        if below.count("/") > _DEPTH * 4:
            raise SourceError(f"the submodules of {parent.public} lie too deep inside each other")
        declared = _declared(store, commit)
        if not declared:
            return
        for path, wanted in _gitlinks(store, commit, tuple(declared)).items():
            name, url = declared[path]
            place, address = self._store(store, name, url, wanted, parent, below + path)
            self.commits[below + path] = wanted
            self.stores[below + path] = place
            self.collect(place, wanted, address, below=f"{below}{path}/")

    def _store(
        self, store: Path, name: str, url: str, commit: str, parent: Address, path: str
    ) -> tuple[Path, Address]:
        inner = store / "modules" / name
        here = ".." not in name.split("/") and (inner / "HEAD").is_file() and _has(inner, commit)
        try:
            address = _address(url, parent, path)
        except SourceError:
            if here:  # a clone that has it all need not know where it came from
                return inner, parent
            raise
        if here:
            return inner, address
        try:
            if address.path is not None:
                return _local_store(address, commit), address
            place = remote.obtain(address, commit, settings=self._settings, progress=self._progress)
        except SourceError as error:
            raise type(error)(
                f"the submodule `{path}`: {error.message}", hint=error.hint, details=error.details
            ) from error
        return place, address


def _has(store: Path, commit: str) -> bool:
    return versions.inspect(store, commit) is not None


def _local_store(address: Address, commit: str) -> Path:
    assert address.path is not None
    found = local.discover(address.path) if address.path.is_dir() else None
    if found is None:
        raise SourceNotFound(f"there is no git repository at {address.public}")
    if not _has(found.common, commit):
        raise UnknownVersion(f"{address.public} does not have the commit {commit}")
    return found.common


def _declared(store: Path, commit: str) -> Mapping[str, tuple[str, str]]:
    """Path → (name, address), from the commit's `.gitmodules`."""
    arguments = ["config", "-z", f"--blob={commit}:.gitmodules", "--get-regexp"]
    try:
        answer = plumbing.git([*arguments, r"^submodule\..*\.(path|url)$"], store=store)
    except SourceError:
        return {}  # no such file, or none that git can read
    known: dict[str, dict[str, str]] = {}
    for row in os.fsdecode(answer).split("\0"):
        key, _, value = row.partition("\n")
        name, _, what = key.removeprefix("submodule.").rpartition(".")
        known.setdefault(name, {})[what] = value
    return {
        entry["path"].strip("/"): (name, entry["url"])
        for name, entry in known.items()
        if entry.get("path") and entry.get("url")
    }


def _gitlinks(store: Path, commit: str, paths: tuple[str, ...]) -> Mapping[str, str]:
    variables = plumbing.isolated() | {"GIT_LITERAL_PATHSPECS": "1"}
    arguments = ["ls-tree", "-z", "--full-tree", commit, "--", *paths]
    answer = plumbing.git(arguments, store=store, variables=variables)
    found = {}
    for row in answer.split(b"\0"):
        facts, _, path = row.partition(b"\t")
        if facts.startswith(b"160000 commit "):
            found[os.fsdecode(path)] = facts.split()[2].decode()
    return found


def _address(url: str, parent: Address, path: str) -> Address:
    """The submodule's address; one on this machine only below a parent on this machine."""
    base = str(parent.path) if parent.path is not None else parent.url
    full = join(base, url) if url.startswith(("./", "../")) else url
    shown = addresses.public_url(full)
    if parent.path is None and (full.startswith(("/", ".")) or full.lower().startswith("file:")):
        raise SourceRefused(
            f"the submodule `{path}` of {parent.public} points to `{shown}` on this machine",
            hint="only a repository on this machine may have such submodules",
        )
    try:
        address = addresses.classify(full, parent.path or Path("/"))
    except RequestError as error:
        raise SourceRefused(f"the submodule `{path}`: {error.message}", hint=error.hint) from error
    if address.kind == "zip" or (address.kind == "local" and parent.path is None):
        raise SourceRefused(f"the submodule `{path}` points to `{shown}`, which is no git URL")
    return address


def join(base: str, relative: str) -> str:
    """A submodule's relative address, from its parent's."""
    base = base.partition("?")[0].rstrip("/")
    while relative.startswith(("./", "../")):
        step, _, relative = relative.partition("/")
        if step == ".." and "/" in base.partition("://")[2] + base.partition("://")[0]:
            base = base.rpartition("/")[0]
        elif step == "..":
            base = base.rpartition(":")[0]
            return f"{base}:{relative}"
    return f"{base}/{relative}"
