"""Links packages of the cache into a prefix, with py-rattler."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from runner.conda import packages, runtime, silence, unpacked
from runner.errors import BuildFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import rattler
    from rattler import InstallerReporter

    from runner.conda.model import LockedPackage
    from runner.conda.packages import Cached
    from runner.progress import Progress

_POST_LINK: Final = "bin/.{name}-post-link.sh"
_COPIES: Final = "allow-hard-links = false"
_TOO_LONG: Final = "longer than the placeholder"
_SHORTER: Final = "set REPRUN_CACHE to a folder with a shorter path"
_HINTS: Final = {
    _TOO_LONG: _SHORTER,
    "no python version specified": "write `- python` below `dependencies:`",
}
_CLOBBERS: Final = "__clobbers__"  # where py-rattler lays what another package has as well
_SECONDS_OF_QUIET: Final = 0.1
_SECONDS_TO_END: Final = 10


def link(found: Sequence[Cached], at: Path, *, run_scripts: bool, progress: Progress) -> None:
    """Have the packages `found` in the prefix `at`.

    Args:
        run_scripts: run the packages' post-link scripts: whatever they do, they may do.

    Raises:
        EnvironmentFailure: one is another package than the lock says, can't be linked, a script
            fails. Of two packages with one file, one's comes below `__clobbers__`.
        OSError: the prefix can't be written.
    """
    import rattler
    from rattler.exceptions import InstallerError, LinkError

    reporter = _Reporter(len(found), progress)
    work = rattler.install(
        [_record(one) for one in found],
        at,
        package_cache=_cache(found),
        show_progress=False,
        reporter=cast("InstallerReporter", reporter),
        execute_link_scripts=run_scripts,
        # What a script writes into its prefix must not reach the cache's files.
        config=rattler.Config.from_toml(_COPIES) if run_scripts else None,
    )
    try:
        runtime.run(work)
    except BaseException as error:
        _until_quiet(at)
        if isinstance(error, (LinkError, InstallerError)):
            raise _failure(error) from error
        raise
    if reporter.failed:
        raise BuildFailure(
            f"the post-link script of {', '.join(reporter.failed)} failed",
            "leave `--link-scripts` away if the step can do without what it makes",
        )


def clobbered(at: Path) -> Iterator[tuple[str, str]]:
    """Path in the prefix `at` and package of each file that gave way to another package's."""
    folder = at / _CLOBBERS
    for file in folder.rglob("*"):
        if not file.is_dir() or file.is_symlink():
            name, *parts = file.relative_to(folder).parts
            yield "/".join(parts), name


def _until_quiet(at: Path) -> None:
    """Wait for py-rattler's threads, which link on after it has failed or been interrupted.

    Whoever removes the prefix would meet them.
    """
    before, until = None, time.monotonic() + _SECONDS_TO_END
    while (now := silence.extent(at)) != before and time.monotonic() < until:
        before = now
        time.sleep(_SECONDS_OF_QUIET)


def scripts_not_run(found: Sequence[Cached]) -> tuple[str, ...]:
    """Names of packages with a script that wants to be run after linking."""
    return tuple(
        one.package.name
        for one in found
        if (one.unpacked / _POST_LINK.format(name=one.package.name.lower())).is_file()
    )


def _cache(found: Sequence[Cached]) -> rattler.PackageCache:
    """One layer for each package, as each lies in a folder of its own."""
    from rattler import MatchSpec, PackageCache, PackageCacheLayer

    return PackageCache.from_layers(
        [PackageCacheLayer(one.folder).with_filter(MatchSpec(_name(one))) for one in found]
    )


def _name(one: Cached) -> str:
    """The package's name, by which py-rattler finds its folder."""
    name, wanted = unpacked.name_of(one.unpacked), one.package.name.lower()
    if name != wanted:  # in other letters too, which py-rattler panics at
        raise BuildFailure(
            f"{packages.archive_name(one.package)} is the package `{name}`, "
            f"and the lock calls it `{wanted}`",
            "lock anew",
        )
    return name


def _record(one: Cached) -> rattler.RepoDataRecord:
    """The package by what it says of itself: a lock has no `noarch`, no build number."""
    from rattler import PackageRecord, RepoDataRecord

    package: LockedPackage = one.package
    record = PackageRecord.from_index_json(
        one.unpacked / "info" / "index.json", sha256=package.sha256, md5=package.md5
    )
    channel = package.url.rsplit("/", 2)[0]
    return RepoDataRecord(record, packages.archive_name(package), package.url, channel)


class _Reporter:
    """Tells how many packages are linked; py-rattler calls it from threads of its own."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.failed: list[str] = []
        self._scripts: list[str] = []
        self._total = total
        self._done = 0
        self._progress = progress

    def on_link_complete(self, index: int) -> None:
        del index
        self._done += 1
        self._progress.update(f"linking packages: {self._done} of {self._total}")

    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        self._progress.line(f"running {script_path} of {package_name}")
        self._scripts.append(package_name)
        return len(self._scripts) - 1

    def on_post_link_complete(self, index: int, success: bool) -> None:  # noqa: FBT001
        if not success:
            self.failed.append(self._scripts[index])


def _failure(error: Exception) -> Exception:
    if (known := packages.full_disk(error)) is not None:
        return known
    lines = tuple(_lines(error))
    return BuildFailure(
        f"the packages can't be linked: {lines[0] if lines else error}",
        next((hint for words, hint in _HINTS.items() if words in str(error)), None),
        details=lines[1:],
    )


def _lines(error: Exception) -> Iterator[str]:
    for line in str(error).splitlines():
        if line.strip():
            yield line.strip()
