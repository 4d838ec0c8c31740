"""The cache of packages: fetched by py-rattler's client, their hashes checked here, unpacked.

Each lies in a folder named by its archive's hash, so packages of one name from two channels never
meet, and what lies there has been checked once, whatever the transport was.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from runner.conda.lock_addresses import expanded
from runner.conda.model import Channel
from runner.errors import BuildFailure, EnvironmentFailure, HashMismatch, NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import rattler

    from runner.conda.model import LockedPackage
    from runner.progress import Progress
    from runner.settings import Settings

_AT_ONCE: Final = 8
_ATTEMPTS: Final = 3  # of a download that breaks off; the client repeats requests by itself
_CHUNK: Final = 1 << 20
_ROOT: Final = ("conda", "packages")  # in the cache home
_EXTENSIONS: Final = (".conda", ".tar.bz2")


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
    """

    client: Callable[[], rattler.Client]


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
    if not name.endswith(_EXTENSIONS) or name.startswith("."):
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
    missing = [one for one in found if not (one.unpacked / "info" / "index.json").is_file()]
    if missing:
        from runner.conda import runtime

        with partial(settings) as fresh:
            runtime.run(_Transfer(missing, fetcher, fresh, progress).run())
    return found


def forget(unpacked: Path) -> None:
    """Drop from the cache what was unpacked to `unpacked`; anything else is left alone."""
    from runner.files import remove_tree

    if unpacked.parts[-4:-2] == _ROOT:
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
    from runner.locking import try_hold

    root = settings.conda / "partial"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob("*.lock"):
        if (lock := try_hold(old)) is not None:
            remove_tree(old.with_suffix(""))
            old.unlink(missing_ok=True)
            lock.release()
    at = Path(tempfile.mkdtemp(dir=root))
    held = try_hold(at.with_name(f"{at.name}.lock"))
    try:
        yield at
    finally:
        remove_tree(at)
        at.with_name(f"{at.name}.lock").unlink(missing_ok=True)
        if held is not None:
            held.release()


class _Writer:
    """Where the client writes an archive: hashes it on the way, and keeps what goes wrong."""

    def __init__(self, path: Path, noted: Callable[[int], None]) -> None:
        self._file = path.open("wb")
        self._noted = noted
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self.error: OSError | None = None

    def write(self, block: bytes) -> int:
        try:
            written = self._file.write(block)
        except OSError as error:
            self.error = error
            raise
        self._sha256.update(block)
        self._md5.update(block)
        self._noted(len(block))
        return written

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error

    def check(self, package: LockedPackage) -> None:
        """Raises HashMismatch where it isn't what the lock says."""
        wanted = package.sha256 or package.md5
        got = self._sha256.hexdigest() if package.sha256 else self._md5.hexdigest()
        if got != wanted:
            raise HashMismatch(
                f"{archive_name(package)} from {_place(package.url)} is not what the lock says: "
                f"its hash is {got}, not {wanted}",
                "the channel serves another file by now: `--relock` takes what it has today",
            )


def _place(url: str) -> str:
    return url.rsplit("/", 1)[0]


class _Transfer:
    """Fetches and unpacks several packages at once."""

    def __init__(
        self, missing: Sequence[Cached], fetcher: Fetcher, partial: Path, progress: Progress
    ) -> None:
        self._missing = missing
        self._fetcher = fetcher
        self._partial = partial
        self._progress = progress
        self._client: rattler.Client | None = None
        self._done = self._bytes = 0

    async def run(self) -> None:
        turn = asyncio.Semaphore(_AT_ONCE)
        tasks = [asyncio.ensure_future(self._one(one, turn)) for one in self._missing]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, cached: Cached, turn: asyncio.Semaphore) -> None:
        async with turn:
            archive = self._partial / f"{cached.folder.name}-{archive_name(cached.package)}"
            await self._download(cached.package, archive)
            await asyncio.to_thread(self._unpack, cached, archive)
            self._done += 1
            self._say()

    async def _download(self, package: LockedPackage, archive: Path) -> None:
        for attempt in range(_ATTEMPTS):
            writer = _Writer(archive, self._count)
            try:
                await self._receive(package.url, writer)
            except (OSError, RuntimeError) as error:
                if writer.error is not None:
                    raise writer.error from error
                if attempt + 1 == _ATTEMPTS or isinstance(error, FileNotFoundError):
                    raise _unreachable(error, package) from error
                continue
            finally:
                writer.close()
            if writer.error is not None:
                raise writer.error
            writer.check(package)
            return

    async def _receive(self, url: str, writer: _Writer) -> None:
        if url.startswith("file:"):
            await asyncio.to_thread(_copy, unquote(urlsplit(url).path), writer)
            return
        from rattler.package_streaming import download_to_writer

        self._client = self._client or self._fetcher.client()
        await download_to_writer(self._client, expanded(url, os.environ), writer)

    def _unpack(self, cached: Cached, archive: Path) -> None:
        from rattler.package_streaming import extract

        fresh = self._partial / cached.folder.name
        fresh.mkdir()
        try:
            extract(archive, fresh / stem(cached.package))
        except Exception as error:
            raise _unusable(error, cached.package) from error
        archive.unlink()
        _into_place(fresh, cached)

    def _count(self, size: int) -> None:
        before, self._bytes = self._bytes, self._bytes + size
        if before // _CHUNK != self._bytes // _CHUNK:
            self._say()

    def _say(self) -> None:
        amount = f"{self._done} of {len(self._missing)}, {self._bytes / 1e6:.1f} MB"
        self._progress.update(f"fetching packages: {amount}")


def _unreachable(error: Exception, package: LockedPackage) -> EnvironmentFailure:
    from runner.conda import failures

    if isinstance(error, FileNotFoundError):
        return NoSuchPackage(
            f"{_place(package.url)} has no `{archive_name(package)}` any more",
            "lock anew with `--relock`",
        )
    address = package.url.rsplit("/", 2)[0]
    return failures.unreachable(error, [Channel(address, (address,))])


def _copy(path: str, writer: _Writer) -> None:
    with open(path, "rb", buffering=0) as source:  # noqa: PTH123  a url's path, as it stands
        shutil.copyfileobj(source, writer, _CHUNK)


def _into_place(fresh: Path, cached: Cached) -> None:
    from runner.files import remove_tree

    cached.folder.parent.mkdir(parents=True, exist_ok=True)
    if cached.folder.exists() and not cached.unpacked.exists():
        remove_tree(cached.folder)  # py-rattler's lock files alone, or a package that was dropped
    try:
        os.rename(fresh, cached.folder)  # noqa: PTH104  what it raises is looked at
    except OSError as error:
        # Somebody else was first, with the same content.
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST} or not cached.unpacked.exists():
            raise


def _unusable(error: Exception, package: LockedPackage) -> Exception:
    if (known := full_disk(error)) is not None:
        return known
    return BuildFailure(
        f"{archive_name(package)} can't be unpacked: {error}",
        "it is what the lock says: whoever made the package must mend it",
    )


def full_disk(error: BaseException) -> OSError | None:
    """The error of the system's behind one of py-rattler's, where writing was what failed."""
    said: Any = str(error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
        if f"os error {number})" in said or os.strerror(number) in said:
            return OSError(number, os.strerror(number))
    return None
