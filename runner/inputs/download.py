"""Fetches a file into the objects: whole and of the right digest, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

from runner import web
from runner.errors import InputError
from runner.inputs import addresses
from runner.store import layout, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO

    from runner.progress import Progress
    from runner.settings import Settings

_MEGABYTE = 1_000_000


def fetch(
    url: str, *, sha256: str | None, settings: Settings, progress: Progress
) -> tuple[Path, str]:
    """The object with the content of a declared download, fetched unless it is here.

    Raises:
        InputError: it can't be had, or is not what it was declared to be.
        StoreError: there is no space to keep it.
    """
    if sha256 and (here := objects.present(sha256.lower(), settings)):
        return here, sha256.lower()
    shown = addresses.public(url)
    return fetch_any(url, shown, settings=settings, progress=progress, sha256=sha256)


def fetch_any(
    url: str, shown: str, *, settings: Settings, progress: Progress, sha256: str | None = None
) -> tuple[Path, str]:
    """The object with the content of `url` (`http`, `https` or `file`), and its digest.

    Raises:
        InputError: it can't be had.
        StoreError: there is no space to keep it.
    """
    progress.update(f"fetching {shown}")
    is_file = addresses.scheme_of(url) == "file"
    size, blocks = _open_file(url, shown) if is_file else _open_web(url, shown)
    return receive(blocks, size, shown, sha256=sha256, settings=settings, progress=progress)


def receive(
    blocks: Iterable[bytes],
    size: int | None,
    shown: str,
    *,
    sha256: str | None,
    settings: Settings,
    progress: Progress,
) -> tuple[Path, str]:
    """Write what comes into the objects; `size` is what was promised.

    Raises:
        InputError: it ends too early, or has another digest.
        StoreError: there is no space to keep it.
    """
    hashed, got = hashlib.sha256(), 0
    try:
        with objects.writing(settings) as (handle, name):
            for block in blocks:
                _write(handle, block)
                hashed.update(block)
                got += len(block)
                progress.update(_amount(got, size))
            if size is not None and got != size:
                raise InputError(f"{shown} ended after {got:,} of {size:,} bytes", "try again")
            digest = hashed.hexdigest()
            _check_digest(digest, sha256, shown)
            return objects.keep(name, digest, settings), digest
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}:
            raise layout.storing(f"the download of {shown}", error) from error
        raise InputError(
            f"{shown} can't be fetched: {web.reason_of(error)}", "try again"
        ) from error


def _check_digest(digest: str, wanted: str | None, shown: str) -> None:
    if wanted and digest != wanted.lower():
        raise InputError(
            f"{shown} has sha256 {digest}, not {wanted.lower()}",
            "the file was changed there, or the manifest's sha256 is wrong",
        )


def _amount(got: int, size: int | None) -> str:
    whole = f" of {size / _MEGABYTE:.1f}" if size else ""
    return f"{got / _MEGABYTE:.1f}{whole} MB"


def _write(handle: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


def _open_file(url: str, shown: str) -> tuple[int, Iterator[bytes]]:
    path = local_path(url)
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123  closed with the blocks
    except IsADirectoryError:
        raise InputError(
            f"{shown} is a folder; only a file can be fetched", f"pass its path: {path}"
        ) from None
    except OSError as error:
        raise InputError(f"{shown} can't be read: {web.reason_of(error)}") from error
    return os.fstat(file.fileno()).st_size, _blocks(file, shown)


def local_path(url: str) -> str:
    """The path that a `file:` address names.

    Raises:
        InputError: it is on another machine.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise InputError(
            f"`{addresses.public(url)}` names the machine `{parts.netloc}`",
            "a file: address has three slashes: file:///home/…",
        )
    if not parts.path.startswith("/"):
        raise InputError(f"`{url}` is not absolute", "write it as file:///home/…")
    return unquote(parts.path)


def _open_web(url: str, shown: str) -> tuple[int | None, Iterator[bytes]]:
    import http.client
    from urllib.error import HTTPError, URLError

    try:
        response = web.open_url(url)
    except HTTPError as error:
        error.close()
        raise InputError(
            f"{shown} answered {error.code} {error.reason}".rstrip(), _http_hint(error.code)
        ) from None
    except URLError as error:
        reason = error.reason
        text = web.reason_of(reason) if isinstance(reason, OSError) else str(reason)
        raise InputError(f"{shown} can't be reached: {text}", "check the network") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InputError(f"{shown} can't be fetched: {error}") from None
    length = response.headers.get("Content-Length")
    return int(length) if length and length.isdigit() else None, _blocks(response, shown)


def _http_hint(code: int) -> str | None:
    if code in {401, 403}:
        return "it asks for a login; put user and password into the address"
    return "check the address" if code in {404, 410} else None


def _blocks(file: IO[bytes], shown: str) -> Iterator[bytes]:
    import http.client

    with file:
        try:
            while block := file.read(objects.BLOCK):
                yield block
        except http.client.HTTPException as error:
            raise InputError(f"{shown} ended too early", "try again") from error
