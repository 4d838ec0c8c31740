"""Looks at a finished prefix: its packages, its Python, a fingerprint, what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.conda import meta, packages
from runner.environments import contents, facts
from runner.errors import EnvironmentFailure
from runner.fingerprint import of_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.progress import Progress


def look(at: Path) -> contents.Seen:
    """What the prefix `at` holds.

    Raises:
        OSError: it can't be read.
        EnvironmentFailure: a script of a package wrote something else where conda's records are.
    """
    with facts.examining(at / "bin" / "python") as python:  # which starts up meanwhile
        conda = _installed(at)
        pip = _by_pip(at, conda)
        scan = contents.scan(at)
    held = [[one.name, one.version, one.source] for one in pip.packages]
    described = [meta.described(one) for one in conda]
    every = (*(one.package for one in conda), *pip.packages)
    return contents.Seen(
        packages=tuple(sorted(every, key=lambda one: (one.name, one.type))),
        fingerprint=of_value("conda-contents", [described, held, dict(pip.files)]),
        stat=scan.digest,
        changed=(*meta.changed(at, conda, scan.sizes), *pip.changed),
        interpreter=python(),
    )


def _installed(at: Path) -> tuple[meta.Installed, ...]:
    try:
        return meta.installed(at)
    except ValueError as error:
        raise EnvironmentFailure(f"{meta.FOLDER} holds what is no record: {error}") from error


def forget_changed(at: Path, *, progress: Progress) -> None:
    """Have the caches forget packages whose files in `at`, linked from there, were changed."""
    from runner.environments import uv

    try:
        conda = meta.installed(at)
        pip = _by_pip(at, conda, thorough=True)
    except (OSError, ValueError, KeyError):
        return
    broken = set(meta.changed(at, conda, None))
    for one in conda:
        if one.name in broken and one.cached is not None:
            packages.forget(one.cached)
    if pip.changed:
        uv.run(["cache", "clean", *pip.changed], progress=progress)


def _by_pip(
    at: Path, conda: Sequence[meta.Installed], *, thorough: bool = False
) -> contents.Installed:
    """What is not conda's of the Python packages."""
    owned = {
        part
        for one in conda
        for file in one.files
        for part in file.path.split("/")[-2:-1]
        if part.endswith((".dist-info", ".egg-info"))
    }
    try:
        return contents.installed_beside(at, owned, thorough=thorough)
    except FileNotFoundError:
        return contents.Installed((), {}, ())
