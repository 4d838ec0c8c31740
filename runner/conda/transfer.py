"""Fetches packages, several at once: each is hashed while it comes, unpacked, put in its place."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from runner.conda import seal, silence, unpacked
from runner.conda.lock_addresses import expanded
from runner.conda.model import Channel
from runner.conda.packages import archive_name, full_disk, stem
from runner.errors import BuildFailure, EnvironmentFailure, HashMismatch, NoSuchPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import rattler

    from runner.conda.model import LockedPackage
    from runner.conda.packages import Cached, Fetcher
    from runner.progress import Progress

_AT_ONCE: Final = 8
_ATTEMPTS: Final = 3  # of an answer that breaks off; what gets none is repeated by the client
_CHUNK: Final = 1 << 20


class _Writer:
    """Where the client writes an archive: hashes it on the way, and keeps what goes wrong."""

    def __init__(self, path: Path, noted: Callable[[int], None]) -> None:
        self._file = path.open("wb")
        self._noted = noted
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self.error: OSError | None = None
        self.written = 0

    def write(self, block: bytes) -> int:
        try:
            written = self._file.write(block)
        except OSError as error:
            self.error = error
            raise
        self.written += written
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


class Transfer:
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
        """Have them all in their places; the first that fails ends it."""
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
                broke_off = isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
                if attempt + 1 == _ATTEMPTS or not broke_off:
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
        coming = download_to_writer(self._client, expanded(url, os.environ), writer)
        await silence.within(coming, lambda: writer.written, self._fetcher.patience)

    def _unpack(self, cached: Cached, archive: Path) -> None:
        from rattler.package_streaming import extract

        fresh = self._partial / cached.folder.name
        fresh.mkdir()
        try:
            extract(archive, fresh / stem(cached.package))
        except Exception as error:
            raise _unusable(error, cached.package) from error
        unpacked.check(fresh / stem(cached.package))
        _recognise(fresh / stem(cached.package), cached.package)
        seal.put(fresh / stem(cached.package))
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
    found = failures.unreachable(error, [Channel(address, (address,))])
    if (name := archive_name(package)) not in found.message:
        found.details = (f"while `{name}` was fetched", *found.details)
    return found


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


def _recognise(unpacked: Path, package: LockedPackage) -> None:
    """Raises BuildFailure where another package is inside than the archive's name says."""
    try:
        said = json.loads((unpacked / "info" / "index.json").read_bytes())
        held = f"{said['name'].lower()} {said['version']}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        held = "no package that can be read"
    if held != f"{package.name.lower()} {package.version}":
        raise BuildFailure(
            f"{archive_name(package)} holds {held}",
            "it is what the lock says: whoever made the package must mend it",
        )


def _unusable(error: Exception, package: LockedPackage) -> Exception:
    if (known := full_disk(error)) is not None:
        return known
    return BuildFailure(
        f"{archive_name(package)} can't be unpacked: {error}",
        "it is what the lock says: whoever made the package must mend it",
    )
