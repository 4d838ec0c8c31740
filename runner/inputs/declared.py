"""Declared `inputs:`: files of the project, also those that git ignores, and downloads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner import patterns
from runner.errors import InputError
from runner.inputs import addresses
from runner.inputs.model import Placement, Reading
from runner.source.address import work_tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from runner.inputs.model import Context, Gathered
    from runner.manifest.model import Input
    from runner.source.model import Source


def resolve(item: Input, entry_point: str, context: Context, found: Gathered) -> None:
    """Check one declared input and say what must be laid and read for it.

    Raises:
        InputError: it leaves the source, is not there, or can't be fetched.
        StoreError: there is no space to keep a download.
    """
    if item.url is not None:
        _download(item, item.url, context, found)
        return
    glob = inside_source(item.glob, context.source)
    if glob is None:
        raise InputError(
            f"input `{item.glob}` of `{entry_point}` lies outside of the source",
            "make it a `path` parameter, or move it into the project",
        )
    laid = lay_ignored(glob, context, found) or is_handed(glob, found)
    if not laid and not patterns.is_magic(glob):
        _check_there(item.glob, glob, entry_point, context)
    found.readings.append(Reading(glob, "files", "source"))


def _check_there(shown: str, path: str, entry_point: str, context: Context) -> None:
    if context.request.in_place and context.local and (context.local / path).exists():
        return
    if path and context.files.tree_digest(path) is None and context.files.read(path) is None:
        raise nothing_matches(shown, entry_point)


def nothing_matches(glob: str, entry_point: str) -> InputError:
    """The error for a declared input that is not there."""
    return InputError(
        f"input `{glob}` of `{entry_point}` is not there",
        "run the entry point that makes it, or put it into the project",
    )


def inside_source(glob: str, source: Source) -> str | None:
    """`glob` made plain, None where it leaves the source or enters its `.git`."""
    if glob.startswith("/") or "\0" in glob:
        return None
    plain = patterns.normalise(glob)
    parts = plain.split("/")
    depth = len([part for part in source.subdirectory.split("/") if part])
    leaves = parts.count("..") > depth or ".." in parts[parts.count("..") :]
    return None if leaves or ".git" in parts else plain or "."


def _download(item: Input, url: str, context: Context, found: Gathered) -> None:
    shown = addresses.public(url)
    scheme = addresses.scheme_of(url)
    if scheme not in {"http", "https", "file"}:
        raise InputError(
            f"input {shown}: addresses of the scheme `{scheme or ''}` can't be fetched",
            "inputs are fetched from http, https and file",
        )
    target = inside_source(item.path or addresses.file_name(url), context.source)
    if target is None or patterns.is_magic(target):
        raise InputError(f"input {shown}: `{item.path}` is no path inside the source")
    if item.sha256 is None:
        found.warnings.append(f"input {shown} has no sha256: another day may bring another file")
    found.downloads.append(shown)
    if not context.fetch:
        return
    from runner.inputs import download

    source, digest = download.fetch(
        url, sha256=item.sha256, settings=context.settings, progress=context.progress
    )
    found.placements.append(Placement(source, "download", target=target, url=shown, sha256=digest))


def local_project(source: Source) -> Path | None:
    """The project's folder where a person works on it, None for a source from elsewhere."""
    top = work_tree_of(source)
    return None if top is None else top / source.subdirectory


def is_handed(glob: str, found: Gathered) -> bool:
    """Whether an earlier run's outputs, laid in, have something that `glob` matches."""
    pattern = patterns.compile_glob(glob)
    return any(
        placement.replaces and placement.target and pattern.fullmatch(placement.target)
        for placement in found.placements
    )


def lay_ignored(glob: str, context: Context, found: Gathered) -> bool:
    """Lay in what `glob` matches in the local project but the snapshot won't have.

    Returns:
        Whether there is anything.
    """
    if context.local is None or context.request.in_place:
        return False
    there = [path for path in patterns.walk(context.local, glob) if not _is_ours(path, context)]
    absent = [path for path in there if context.files.tree_digest(path) is None]
    if context.request.version is not None:
        absent = _ignored(absent, context.local)
    known = {placement.target for placement in found.placements}
    found.placements += [
        Placement(context.local / path, "ignored", target=path)
        for path in absent
        if path not in known
    ]
    return bool(absent)


def _is_ours(path: str, context: Context) -> bool:
    """Whether it lies in one of our homes, which a person may keep inside the project."""
    assert context.local is not None
    file = context.local / path
    return file.is_relative_to(context.settings.data) or file.is_relative_to(context.settings.cache)


def _ignored(paths: list[str], project: Path) -> list[str]:
    """Those that git ignores: of another version, only these belong to every version."""
    if not paths:
        return []
    import subprocess

    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    found = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "check-ignore", "--stdin", "-z"],
        cwd=project,
        input=b"".join(os.fsencode(path) + b"\0" for path in paths),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**variables, "GIT_OPTIONAL_LOCKS": "0"},
        check=False,
    )
    return [os.fsdecode(path) for path in found.stdout.split(b"\0") if path]
