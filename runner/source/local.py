"""Finds the git repository that a directory belongs to; reads it, and never writes to it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.errors import SourceError, UnknownVersion
from runner.source import failures, plumbing, repository, versions
from runner.source.address import public_url

if TYPE_CHECKING:
    from pathlib import Path


class Local(Struct, frozen=True):
    """A repository on this machine.

    Attributes:
        work_tree: its top, None for a bare one.
        git_dir: `.git`, or a linked working tree's own part of it.
        common: where objects and references are.
        prefix: POSIX path from the top to the directory that was asked for, "" for the top.
    """

    work_tree: Path | None
    git_dir: Path
    common: Path
    prefix: str = ""


def discover(path: Path) -> Local | None:
    """The repository that `path`, an absolute directory, belongs to; None where there is none.

    Raises:
        SourceRefused: it belongs to somebody else.
        SourceDamaged: it is a linked working tree whose repository is gone.
    """
    if _is_git_dir(path):
        return _checked(Local(None, path, path))
    for top in (path, *path.parents):
        git_dir = top / ".git"
        if git_dir.is_file():
            git_dir = _linked(git_dir)
        if _is_git_dir(git_dir):
            prefix = path.relative_to(top).as_posix()
            common = _common(git_dir)
            return _checked(Local(top, git_dir, common, "" if prefix == "." else prefix))
    return None


def _is_git_dir(path: Path) -> bool:
    if not (path / "HEAD").exists():
        return False
    return (path / "commondir").is_file() or (
        (path / "objects").is_dir() and (path / "refs").is_dir()
    )


def _linked(pointer: Path) -> Path:
    text = os.fsdecode(pointer.read_bytes()).strip()
    target = (pointer.parent / text.removeprefix("gitdir:").strip()).resolve()
    if not text.startswith("gitdir:") or not target.is_dir():
        raise failures.damaged(str(pointer.parent), f"its {pointer.name} file leads nowhere")
    return target


def _common(git_dir: Path) -> Path:
    named = git_dir / "commondir"
    if not named.is_file():
        return git_dir
    return (git_dir / os.fsdecode(named.read_bytes()).strip()).resolve()


def _checked(local: Local) -> Local:
    """Hold it to git's rule about other people's repositories, which `--git-dir` would skip."""
    places = {local.git_dir, local.common, local.work_tree or local.git_dir}
    if all(place.stat().st_uid == os.geteuid() for place in places):
        return local
    top = local.work_tree or local.git_dir
    try:
        done = subprocess.run(
            ["git", "-C", str(top), "rev-parse"],
            env=plumbing.personal(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise plumbing.missing(error) from error
    if done.returncode != 0:
        raise failures.explain(done.stderr.decode(errors="replace"), where=str(top))
    return local


def find(local: Local, version: versions.Version, subdirectory: str) -> versions.Found:
    """The commit that `version` names in a local repository.

    Raises:
        UnknownVersion: it names none.
    """
    names = repository.read_references(local.common, "refs/")
    base, steps = version.base, version.steps
    # A branch wins over a tag, and the remote's branch is found without its remote, as in checkout.
    known = [f"refs/heads/{base}", f"refs/tags/{base}", f"refs/remotes/origin/{base}"]
    chosen = next((name for name in known if name in names), base)
    found = versions.inspect(local.git_dir, chosen + steps, subdirectory)
    if found is not None:
        return found
    where = str(local.work_tree or local.git_dir)
    if steps and versions.inspect(local.git_dir, chosen) is not None:
        raise versions.too_far(version, where=where)
    if (local.common / "shallow").is_file() and version.may_be_commit:
        raise UnknownVersion(
            f"{where} is a shallow clone that does not reach back to `{version.text}`",
            hint="complete it with: git fetch --unshallow",
        )
    raise versions.unknown(version, names, where=where)


def branch_of(local: Local, version: versions.Version | None) -> str | None:
    """The branch that the version names, or the repository stands on where none was asked for."""
    if version is None:
        head = repository.read_head(local.git_dir)
        return None if head is None else head.removeprefix("refs/heads/")
    names = repository.read_references(local.common, "refs/heads/")
    return version.base if f"refs/heads/{version.base}" in names and not version.steps else None


def is_pushed(local: Local, commit: str) -> bool:
    """Whether a remote-tracking branch holds the commit."""
    remotes = repository.read_references(local.common, "refs/remotes/")
    if not remotes or commit in remotes.values():
        return bool(remotes)
    arguments = ["for-each-ref", "--count=1", f"--contains={commit}", "refs/remotes"]
    try:
        return bool(plumbing.git(arguments, store=local.git_dir).strip())
    except SourceError:
        return False  # a remote-tracking branch whose objects a shallow clone does not have


def remote_of(local: Local, branch: str | None) -> str | None:
    """The address that the branch, or else `origin`, is fetched from; credentials removed."""
    try:
        if b"[remote" not in (local.common / "config").read_bytes():
            return None
    except OSError:
        return None
    arguments = ["config", "-z", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$"]
    answer = os.fsdecode(plumbing.git(arguments, store=local.git_dir))
    known = dict(row.split("\n", 1) for row in answer.split("\0") if "\n" in row)
    name = known.get(f"branch.{branch}.remote", "origin")
    urls = {key: url for key, url in known.items() if key.startswith("remote.")}
    url = urls.get(f"remote.{name}.url") or next(iter(urls.values()), None)
    return None if url is None else public_url(url)
