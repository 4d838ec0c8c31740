"""Builds a conda environment from its lock: packages fetched, linked, pip's on top."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from runner.conda import access, activation, lock_file, packages, prefix
from runner.conda.resolution import PIP_OPTIONS
from runner.environments.base import LINK_SCRIPTS
from runner.environments.platforms import conda_subdir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.conda.packages import Cached
    from runner.environments.base import Lock
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles

_SHOWN: Final = 3  # of files that gave way


def build(
    lock: Lock, at: Path, *, files: ProjectFiles, settings: Settings, progress: Progress
) -> None:
    """Make the prefix `at`, an empty folder but for its mark, what `lock` says.

    Raises:
        EnvironmentFailure: a package can't be had, breaks its hash, or can't be linked.
        OSError: the cache can't be written.
    """
    held = lock_file.read(
        lock.text, platform=conda_subdir(), origin=lock.origin if lock.made == "project" else None
    )
    conda = [one for one in held.packages if one.manager == "conda"]
    reach = access.of_files(files, *_said_by(lock))
    cached = packages.fetch(conda, reach.fetcher, settings=settings, progress=progress)
    run_scripts = lock.context == LINK_SCRIPTS
    prefix.link(cached, at, run_scripts=run_scripts, progress=progress)
    _say_clobbered(at, progress)
    if not run_scripts:
        _say_not_run(cached, progress)
    if pip := [one for one in held.packages if one.manager == "pip"]:
        from runner.conda.pip_install import install_packages
        from runner.environments import build_tools

        install_packages(
            pip,
            at,
            options=held.custom.get(PIP_OPTIONS, "").splitlines(),
            tools=build_tools.of_lock(lock.text),
            settings=settings,
            progress=progress,
        )
    activation.note(at, progress=progress)


def _said_by(lock: Lock) -> tuple[str | None, ...]:
    """Where the project may have logins for the packages: the lock, and what it was made from."""
    made_from = lock_file.origin_of(lock.text)
    beside = posixpath.join(posixpath.dirname(lock.origin or ""), made_from) if made_from else None
    return tuple(dict.fromkeys((lock.origin, made_from, beside)))


def _say_clobbered(at: Path, progress: Progress) -> None:
    if gone := sorted(prefix.clobbered(at)):
        names = ", ".join(sorted({name for _, name in gone}))
        paths = ", ".join(path for path, _ in gone[:_SHOWN]) + (", …" if len(gone) > _SHOWN else "")
        progress.warning(
            f"other packages have files of the same names as {names}, and theirs count: {paths}"
        )


def _say_not_run(cached: Sequence[Cached], progress: Progress) -> None:
    if names := prefix.scripts_not_run(cached):
        progress.warning(
            f"the post-link scripts of {', '.join(names)} were not run",
            "pass `--link-scripts` if the step lacks what they make: they may do anything",
        )
