"""Content that no commit holds, as one object: a deterministic tar (POSIX.1-2001, no times).

Members lie below `files/`; a member `deleted` lists, each ended by a zero byte, what is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import time
from typing import IO, TYPE_CHECKING, Literal

from msgspec import Struct

from runner.errors import SourceDamaged, SourceError, SourceTooLarge

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from runner.settings import Settings

LIMIT = 1 << 30
_FILES = "files/"
_DAY = 86_400.0


class Entry(Struct, frozen=True):
    """One thing to capture.

    Attributes:
        path: POSIX, relative to the source's root.
        size: bytes of the content, 0 unless it is a file.
        executable: as git keeps it: the owner's bit.
        target: of a symlink.
        open: gives the content of a file.
    """

    path: str
    kind: Literal["file", "link", "folder"]
    size: int = 0
    executable: bool = False
    target: str = ""
    open: Callable[[], IO[bytes]] | None = None


def entry_at(root: Path, path: str) -> Entry | None:
    """The entry for what lies at `root / path`; None for a socket, a pipe or a device.

    Raises:
        FileNotFoundError: nothing is there (any more).
    """
    place = root / path
    status = place.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, "link", target=os.readlink(place))  # noqa: PTH115  keeps bytes
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, "folder")
    if not stat.S_ISREG(status.st_mode):
        return None
    executable = bool(status.st_mode & stat.S_IXUSR)
    return Entry(path, "file", status.st_size, executable, open=lambda: _open(place))


def _open(place: Path) -> IO[bytes]:
    return os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def check_size(entries: Iterable[Entry], *, where: str, limit: int = LIMIT) -> None:
    """Refuse what is too large to be captured.

    Raises:
        SourceTooLarge: more than `limit` bytes; the largest files are named.
    """
    files = sorted((entry for entry in entries), key=lambda entry: -entry.size)
    total = sum(entry.size for entry in files)
    if total > limit:
        raise SourceTooLarge(
            f"{where} holds {_mebibytes(total)} that no commit holds, more than the"
            f" {_mebibytes(limit)} that a snapshot may have",
            hint="let git ignore large data and declare it under `inputs:`, or use --in-place",
            details=tuple(f"{_mebibytes(entry.size):>10}  {entry.path}" for entry in files[:10]),
        )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


class _Digesting:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self.size += len(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self.size


def store(
    entries: Iterable[Entry], deleted: Iterable[str], *, settings: Settings
) -> tuple[str, int]:
    """Write the object; its digest and its bytes.

    Raises:
        SourceError: something changed or can't be read, or the home has no room.
    """
    _clear_leftovers(settings.objects)
    incoming = settings.objects / f".incoming.{os.getpid()}.{time.monotonic_ns()}"
    try:
        settings.objects.mkdir(parents=True, exist_ok=True)
        with incoming.open("wb") as file:
            sink = _Digesting(file)
            _write(sink, sorted(entries, key=lambda entry: entry.path), sorted(deleted))
            file.flush()
            os.fchmod(file.fileno(), 0o444)
            os.fsync(file.fileno())
        digest = sink.digest.hexdigest()
        incoming.replace(settings.objects / digest)
    except OSError as error:
        raise SourceError(
            f"can't keep a snapshot in {settings.objects}: {error.strerror or error}",
            hint="make room, or set REPRUN_HOME to a folder that can be written",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            incoming.unlink()
    return digest, sink.size


def _clear_leftovers(objects: Path) -> None:
    for stale in objects.glob(".incoming.*"):
        with contextlib.suppress(OSError):
            if time.time() - stale.stat().st_mtime > _DAY:
                stale.unlink()


def _write(sink: _Digesting, entries: list[Entry], deleted: list[str]) -> None:
    import tarfile

    with tarfile.open(
        fileobj=sink,  # type: ignore[call-overload]  # it writes and tells, no more is asked of it
        mode="w",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        if deleted:
            listed = b"".join(os.fsencode(path) + b"\0" for path in deleted)
            tar.addfile(_member("deleted", len(listed)), io.BytesIO(listed))
        for entry in entries:
            _add(tar, entry)


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    import tarfile

    info = _member(_FILES + entry.path, entry.size, executable=entry.executable)
    if entry.open is None:
        info.type = tarfile.SYMTYPE if entry.kind == "link" else tarfile.DIRTYPE
        info.linkname = entry.target
        tar.addfile(info)
        return
    try:
        with entry.open() as file:
            tar.addfile(info, file)
            grown = file.read(1)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            raise
        raise SourceError(f"can't read `{entry.path}`: {error.strerror or error}") from error
    if grown:
        raise SourceError(
            f"`{entry.path}` changed while it was read", hint="run again when it is at rest"
        )


def _member(name: str, size: int, *, executable: bool = False) -> tarfile.TarInfo:
    import tarfile

    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if executable else 0o644
    return info


class Bundle:
    """A stored object, opened for reading.

    Attributes:
        entries: path → entry.
        deleted: paths that the commit has and the snapshot has not.
    """

    def __init__(self, path: Path) -> None:
        import tarfile

        try:
            self._tar = tarfile.open(  # noqa: SIM115  closed by `close`
                path, mode="r:", encoding="utf-8", errors="surrogateescape"
            )
        except (OSError, tarfile.TarError) as error:
            raise SourceDamaged(f"the snapshot {path} can't be read: {error}") from error
        try:
            self.entries, self.deleted = self._index()
        except BaseException:
            self._tar.close()
            raise

    def _index(self) -> tuple[Mapping[str, Entry], frozenset[str]]:
        entries: dict[str, Entry] = {}
        deleted: frozenset[str] = frozenset()
        for info in self._tar:
            if info.name == "deleted":
                listed = self._content(info).read().split(b"\0")[:-1]
                deleted = frozenset(os.fsdecode(path) for path in listed)
            else:
                entry = self._entry(info)
                entries[entry.path] = entry
        for path in (*entries, *deleted):
            if path.startswith("/") or not {"", ".", "..", ".git"}.isdisjoint(path.split("/")):
                raise SourceDamaged(f"the snapshot {self._tar.name!r} holds the path `{path}`")
        return entries, deleted

    def _entry(self, info: tarfile.TarInfo) -> Entry:
        path = info.name.removeprefix(_FILES)
        if info.issym():
            return Entry(path, "link", target=info.linkname)
        if info.isdir():
            return Entry(path, "folder")
        executable = bool(info.mode & stat.S_IXUSR)
        return Entry(path, "file", info.size, executable, open=lambda: self._content(info))

    def _content(self, info: tarfile.TarInfo) -> IO[bytes]:
        content = self._tar.extractfile(info)
        assert content is not None, "only regular files are asked for"
        return content

    def close(self) -> None:
        """Give the file back."""
        self._tar.close()


def locate(digest: str, *, settings: Settings, verify: bool) -> Path:
    """Where the object `digest` lies; with `verify` its content is held against its name.

    Raises:
        SourceDamaged: it is gone, or its content is not what its name says.
    """
    from runner.files import sha256_file

    path = settings.objects / digest
    if not path.is_file():
        raise SourceDamaged(
            f"the snapshot {digest[:12]} is not in {settings.objects} any more",
            hint="run the project again from its directory",
        )
    if verify and sha256_file(path) != digest:
        raise SourceDamaged(f"the snapshot {path} is not what its name says; its content changed")
    return path
