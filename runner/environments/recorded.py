"""What Python packages say of their own files: the list `RECORD` of each, held against the disk.

The format is that of the Python packaging guide, "Recording installed projects".
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Records = dict[str, list[list[str]]]  # folder of a package's metadata → its RECORD's rows

_COLUMNS: Final = 3  # of a RECORD: path, digest, size
# They hold addresses and times of this machine, nothing that a step could see a difference in.
_UNFINGERPRINTED: Final = ("/INSTALLER", "/RECORD", "/REQUESTED", "/direct_url.json",
                           "/uv_cache.json", "/uv_build.json", ".pyc")  # fmt: skip


def changed(
    folder: Path, records: Records, sizes: Mapping[str, int], *, thorough: bool
) -> tuple[str, ...]:
    """Names (PEP 503) of the packages of `records` whose files in `folder` aren't as recorded.

    Args:
        sizes: path below `folder` → bytes, as far as that is known already.
        thorough: hash every file; else their sizes are compared.
    """
    from runner.environments.requirements import normalised

    return tuple(
        normalised(info.split("-")[0])
        for info, rows in records.items()
        if not _as_recorded(folder, rows, sizes, thorough=thorough)
    )


def records(folder: Path) -> Records:
    """What every package in `folder` says; nothing of those without a list."""
    return {info: rows_of(folder / info) for info in infos(folder)}


def infos(folder: Path) -> list[str]:
    """The names of the packages' folders of metadata, sorted; none where it can't be read."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  hot
    except OSError:
        return []
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info")))


def rows_of(info: Path) -> list[list[str]]:
    """Path, digest and size of each file that the package says it has."""
    import csv

    try:
        text = (info / "RECORD").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [row for row in csv.reader(text.splitlines()) if len(row) == _COLUMNS]


def lines(rows: list[list[str]]) -> Iterator[str]:
    """What of a list belongs to a fingerprint: path and digest of each file, sorted by path."""
    for path, digest, _ in sorted(rows):
        if not path.startswith("..") and not path.endswith(_UNFINGERPRINTED):
            yield f"{path}\0{digest}"


def _as_recorded(
    folder: Path, rows: list[list[str]], sizes: Mapping[str, int], *, thorough: bool
) -> bool:
    for path, digest, size in rows:
        if path.startswith("..") or path.endswith(_UNFINGERPRINTED) or not size:
            continue
        found = sizes.get(path)
        # A folder of a package may have a name that the scan leaves out.
        if str(_size(f"{folder}/{path}") if found is None else found) != size:
            return False
        if thorough and digest.startswith("sha256=") and _sha256(f"{folder}/{path}") != digest[7:]:
            return False
    return True


def _size(file: str) -> int | None:
    try:
        return os.stat(file).st_size  # noqa: PTH116  hot
    except OSError:
        return None


def _sha256(file: str) -> str:
    import base64

    with open(file, "rb", buffering=0) as content:  # noqa: PTH123  hot
        digest = hashlib.file_digest(content, "sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
