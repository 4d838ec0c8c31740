"""The cache of packages: fetched by py-rattler's client, their hashes checked here, unpacked.

Each lies in a folder named by its archive's hash, so packages of one name from two channels never
meet, and what lies there has been checked once, whatever the transport was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import rattler

    from runner.conda.model import LockedPackage
    from runner.progress import Progress
    from runner.settings import Settings

_ROOT: Final = ("conda", "packages")  # in the cache home
_EXTENSIONS: Final = (".conda", ".tar.bz2")
_PLAIN: Final = re.compile(r"[^/\\\x00-\x1f]+")
_DIGEST: Final = re.compile(r"(?:md5-[0-9a-f]{32}|[0-9a-f]{64})")


class Cached(NamedTuple):
    """A package and the folder that holds its unpacked one."""

    package: LockedPackage
    folder: Path

    @property
    def unpacked(self) -> Path:
        """Its files, `info/` included."""
        return self.folder / stem(self.package)


class Fetcher(NamedTuple):
    """What fetching needs.

    Attributes:
        client: makes the http client; only called where something is to be had over http.
        patience: seconds in which a server may say nothing.
    """

    client: Callable[[], rattler.Client]
    patience: float


def stem(package: LockedPackage) -> str:
    """`name-version-build` as its archive has it."""
    name = archive_name(package)
    return next(name.removesuffix(one) for one in _EXTENSIONS if name.endswith(one))


def archive_name(package: LockedPackage) -> str:
    """The archive's file name.

    Raises:
        EnvironmentFailure: it is no conda archive.
    """
    name = unquote(urlsplit(package.url).path.rsplit("/", 1)[-1])
    if not name.endswith(_EXTENSIONS) or name.startswith(".") or not _PLAIN.fullmatch(name):
        raise EnvironmentFailure(
            f"`{package.url}` of `{package.name}` is no conda package",
            "its address must end in `.conda` or `.tar.bz2`",
        )
    return name


def fetch(
    packages: Sequence[LockedPackage], fetcher: Fetcher, *, settings: Settings, progress: Progress
) -> tuple[Cached, ...]:
    """Have every package in the cache, in the order of `packages`.

    Raises:
        EnvironmentFailure: one can't be had, breaks its hash, or can't be unpacked.
        OSError: the cache can't be written.
    """
    found = tuple(Cached(one, _folder(one, settings)) for one in packages)
    missing = [one for one in found if not _is_whole(one, progress)]
    if missing:
        from runner.conda import runtime
        from runner.conda.transfer import Transfer

        with partial(settings) as fresh:
            runtime.run(Transfer(missing, fetcher, fresh, progress).run())
    return found


def _is_whole(one: Cached, progress: Progress) -> bool:
    """Whether it is there as it was unpacked; what somebody wrote into is dropped."""
    from runner.conda import seal

    if not (one.unpacked / "info" / "index.json").is_file():
        return False
    if seal.holds(one.unpacked):
        return True
    progress.warning(f"the package cache holds changed files of {one.package.name}: fetched again")
    forget(one.unpacked)
    return False


def forget(unpacked: Path) -> None:
    """Drop from the cache what was unpacked to `unpacked`; anything else is left alone."""
    from runner.files import remove_tree

    # A prefix says where its packages lie, and whoever writes into it has that word.
    if unpacked.parts[-4:-2] == _ROOT and _DIGEST.fullmatch(unpacked.parent.name):
        # What counts as there goes first: whoever is killed in the middle leaves no half package.
        (unpacked / "info" / "index.json").unlink(missing_ok=True)
        remove_tree(unpacked.parent)


def _root(settings: Settings) -> Path:
    return settings.cache.joinpath(*_ROOT)


def _folder(package: LockedPackage, settings: Settings) -> Path:
    digest = package.sha256 or (package.md5 and f"md5-{package.md5}")
    if not digest:
        raise EnvironmentFailure(
            f"the lock has no hash of `{package.name}` {package.version}",
            "lock anew: what can't be checked is not installed",
        )
    return _root(settings) / digest


@contextlib.contextmanager
def partial(settings: Settings) -> Iterator[Path]:
    """A folder for what is not complete yet; those of processes that were killed are removed."""
    from runner.files import remove_tree
    from runner.locking import hold, try_hold

    root = settings.conda / "partial"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob("*.lock"):
        if (lock := try_hold(old)) is not None:
            remove_tree(old.with_suffix(""))
            old.unlink(missing_ok=True)
            lock.release()
    at = root / secrets.token_hex(8)
    lock_file = at.with_name(f"{at.name}.lock")
    # Held before the folder is there: who tidies up takes a folder without a holder away.
    with hold(lock_file, waiting=lambda _: None):
        at.mkdir()
        try:
            yield at
        finally:
            remove_tree(at)
            lock_file.unlink(missing_ok=True)


def full_disk(error: BaseException) -> OSError | None:
    """The error of the system's behind one of py-rattler's, where writing was what failed."""
    said: Any = str(error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
        if f"os error {number})" in said or os.strerror(number) in said:
            return OSError(number, os.strerror(number))
    return None
