"""Canonical, versioned SHA-256 of values and of trees: equal digests mean equal content.

The bytes that are hashed are ours: each item is its type's letter, its length where it has one, and
its content, so that no two values share them. Changing any of it needs a new `VERSION`.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from runner.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

VERSION = b"reprun.fingerprint.1"
WORTH_THREADS = 1 << 24  # bytes; below, threads cost more than they bring


def of_value(kind: str, value: object) -> str:
    """The hexadecimal digest of a JSON-like value.

    Args:
        kind: what the value is (`environment`, `spec`): equal values of two kinds differ.
        value: None, booleans, integers, floats, texts, bytes, and lists, tuples or mappings (with
            texts for keys, in any order) of these. 1, 1.0 and True differ; lists equal tuples.

    Raises:
        TypeError: something else is in it.
    """
    import hashlib

    parts = [VERSION, b"\0", *_encode(kind), *_encode(value)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def of_tree(root: Path, *, ignore: Callable[[str], bool] | None = None) -> str:
    """The hexadecimal digest of what is below a folder.

    Counted are the paths, content and executable bit of files, and the targets of symlinks, which
    are not followed. As in git, empty folders, other permissions and times don't count; neither do
    sockets, pipes and devices.

    Args:
        root: the folder.
        ignore: told each path (POSIX, relative to `root`); true leaves it, and what is below, out.

    Raises:
        OSError: something can't be read.
    """
    entries = sorted(_entries(root, "", ignore), key=lambda entry: os.fsencode(entry[0]))
    files = [root / path for path, mode, _ in entries if stat.S_ISREG(mode)]
    size = sum(size for _, mode, size in entries if stat.S_ISREG(mode))
    digests = iter(of_files(files, size=size))
    rows: list[tuple[bytes, str, int, bytes | str]] = []
    for path, mode, size in entries:
        name = os.fsencode(path)
        if stat.S_ISREG(mode):
            rows.append((name, "x" if mode & stat.S_IXUSR else "f", size, next(digests)))
        else:
            # pathlib would tidy the target up: `./a` is not `a`.
            rows.append((name, "l", size, os.readlink(os.fsencode(root / path))))  # noqa: PTH115
    return of_value("tree", rows)


def of_files(paths: Sequence[Path], *, size: int | None = None) -> list[str]:
    """The hexadecimal SHA-256 of each file's content, on all cores where that pays.

    Args:
        paths: regular files.
        size: bytes of all files together, asked of the file system unless given.

    Raises:
        OSError: one can't be read.
    """
    if len(paths) > 1:
        size = sum(path.stat().st_size for path in paths) if size is None else size
        if size >= WORTH_THREADS:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(pool.map(sha256_file, paths))
    return [sha256_file(path) for path in paths]


def _entries(
    folder: Path, prefix: str, ignore: Callable[[str], bool] | None
) -> Iterator[tuple[str, int, int]]:
    """(path, mode, size) of every file and symlink."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        path = prefix + entry.name
        if ignore is not None and ignore(path):
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            yield from _entries(folder / entry.name, path + "/", ignore)
        elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            yield path, status.st_mode, status.st_size


def _encode(value: object) -> Iterator[bytes]:
    match value:
        case None:
            yield b"n"
        case bool():
            yield b"t" if value else b"f"
        case int():
            yield b"i%d;" % value
        case float():
            yield b"d" + value.hex().encode() + b";"
        case str():
            text = value.encode(errors="surrogatepass")
            yield from (b"s%d:" % len(text), text)
        case bytes():
            yield from (b"b%d:" % len(value), value)
        case list() | tuple():
            yield b"l%d:" % len(value)
            for item in value:
                yield from _encode(item)
        case dict():
            yield from _encode_mapping(value)
        case _:
            raise TypeError(f"a fingerprint can't hold a {type(value).__name__}: {value!r}")


def _encode_mapping(value: Mapping[object, object]) -> Iterator[bytes]:
    keys = []
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"a fingerprint's keys are texts, not {key!r}")
        keys.append(key)
    yield b"m%d:" % len(keys)
    for key in sorted(keys, key=lambda text: text.encode(errors="surrogatepass")):
        yield from _encode(key)
        yield from _encode(value[key])
