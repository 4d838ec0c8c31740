"""A zip archive as a source: checked, and kept as the same kind of object as a directory's."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from typing import IO, TYPE_CHECKING

from runner.errors import SourceError, SourceNotFound, SourceTooLarge, SourceUnreachable
from runner.source import bundle, directory

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from pathlib import Path

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address
    from runner.source.model import Source

_MEMBERS = 200_000
_BLOCK = 1 << 20


def resolve(
    address: Address, subdirectory: str, *, settings: Settings, progress: Progress
) -> Source:
    """Capture the archive that `address` names.

    Raises:
        SourceError: it can't be had, is no zip, or holds what leaves its folder.
    """
    import zipfile
    import zlib

    with _at_hand(address, settings, progress) as path:
        try:
            with zipfile.ZipFile(path) as archive:
                entries, top = _read(archive, address.public)
                bundle.check_size(entries, where=address.public)
                digest, size = bundle.store(entries, (), settings=settings)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise SourceError(
                f"{address.public} is not a zip archive that can be read: {error}",
                hint="fetch or make it again",
            ) from error
    # Whoever names the top folder, as MLflow has it, means the same place.
    if top and (subdirectory == top or subdirectory.startswith(f"{top}/")):
        subdirectory = subdirectory[len(top) + 1 :]
    store = settings.objects / digest
    return directory.captured("archive", address, digest, size, entries, subdirectory, store)


def _read(archive: zipfile.ZipFile, where: str) -> tuple[list[bundle.Entry], str]:
    members = archive.infolist()
    if len(members) > _MEMBERS:
        raise SourceTooLarge(f"{where} has {len(members)} members, more than {_MEMBERS}")
    if sum(member.file_size for member in members) > bundle.LIMIT:
        raise SourceTooLarge(f"{where} unpacks to more than {bundle.LIMIT >> 20} MiB")
    entries: dict[str, bundle.Entry] = {}
    top = _top([member.filename for member in members])
    for member in members:
        path = _safe(member.filename, where)[len(top) + 1 if top else 0 :]
        if path:
            entries[path] = _entry(archive, member, path, where)
    _check_links(entries, where)
    implied = {above for path in entries for above in _above(path)}
    return [entry for path, entry in entries.items() if path not in implied], top


def _top(names: list[str]) -> str:
    tops = {name.partition("/")[0] for name in names}
    inside = all("/" in name for name in names)
    return tops.pop() if len(tops) == 1 and inside and tops != {".."} else ""


def _safe(name: str, where: str) -> str:
    path = name.rstrip("/")
    parts = path.split("/")
    if name.startswith("/") or "\\" in name or not {"", ".", "..", ".git"}.isdisjoint(parts):
        raise SourceError(
            f"{where} holds the path `{name}`, which may not be unpacked",
            hint="make the archive again, with plain relative paths",
        )
    return path


def _entry(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, where: str
) -> bundle.Entry:
    mode = member.external_attr >> 16
    if member.flag_bits & 1:
        raise SourceError(f"{where} is encrypted", hint="unpack it and give the directory")
    if member.is_dir():
        return bundle.Entry(path, "folder")
    if stat.S_ISLNK(mode):
        return bundle.Entry(path, "link", target=os.fsdecode(archive.read(member)))
    executable = bool(mode & stat.S_IXUSR)

    def content() -> IO[bytes]:
        return archive.open(member)

    return bundle.Entry(path, "file", member.file_size, executable, open=content)


def _check_links(entries: dict[str, bundle.Entry], where: str) -> None:
    for entry in entries.values():
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.target))
        leaves = entry.target.startswith("/") or inside == ".." or inside.startswith("../")
        if entry.kind == "link" and leaves:
            raise SourceError(f"{where} holds the link `{entry.path}` to `{entry.target}`, outside")
        for above in _above(entry.path):
            if above in entries and entries[above].kind != "folder":
                raise SourceError(f"{where} holds `{entry.path}` below `{above}`, not a folder")


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


@contextlib.contextmanager
def _at_hand(address: Address, settings: Settings, progress: Progress) -> Iterator[Path]:
    if address.path is not None:
        yield address.path
        return
    progress.update(f"fetching {address.public}")
    folder = settings.cache / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{address.key}.{os.getpid()}.zip"
    try:
        _download(address, path, progress)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _download(address: Address, path: Path, progress: Progress) -> None:
    import http.client
    import urllib.error

    from runner import web

    try:
        with web.open_url(address.url) as answer, path.open("wb") as file:
            received = 0
            while block := answer.read(_BLOCK):
                received += len(block)
                if received > bundle.LIMIT:
                    raise SourceTooLarge(f"{address.public} is above {bundle.LIMIT >> 20} MiB")
                file.write(block)
                progress.update(f"received {received >> 20} MiB")
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceNotFound(
            f"{address.public} can't be had: {error.code} {error.reason}",
            hint="check the spelling; a private archive may look like one that is missing",
        ) from None
    except urllib.error.URLError as error:
        reason = error.reason
        text = web.reason_of(reason) if isinstance(reason, OSError) else str(reason)
        raise SourceUnreachable(
            f"can't reach {address.public}: {text}", hint="check the spelling and the network"
        ) from None
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        text = web.reason_of(error) if isinstance(error, OSError) else "it ended too early"
        raise SourceUnreachable(f"{address.public} broke off: {text}", hint="try again") from None
