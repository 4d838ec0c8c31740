"""What of the project a build sees: its digest, and the archive that the engine gets of it.

Both go over the same entries, so a build can't depend on anything that the digest lacks.
"""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING

from runner import fingerprint
from runner.containers.building.ignored import compiled, is_left_out, is_magic, patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.containers.building.dockerfile import Dockerfile
    from runner.source.model import ProjectEntry, ProjectFiles

# The pinned Dockerfile's name in the archive: the project's own stays what the build sees of it.
DOCKERFILE = ".reprun.Dockerfile"
IGNORE = ".dockerignore"
_IN_MEMORY = 1 << 24
# A wheel that is built in the image can't hold a file from before 1980.
_TIME = 946_684_800  # 2000-01-01T00:00:00Z, in seconds


def sources_digest(
    dockerfile: Dockerfile, files: ProjectFiles, *, context: str = ".", whole: bool = False
) -> str:
    """A digest over the files, links, folders and executable bits that the build can see.

    Where every COPY and ADD says what it reads, that is all; else it is the whole context, less
    what is ignored.

    Args:
        context: POSIX, relative to the project.
        whole: see all of the context anyway: a base image has triggers (`ONBUILD`).

    Raises:
        SourceError: the context is outside of the source.
    """
    rows = [
        (entry.path, entry.kind, entry.target, _digest(entry, files, context))
        for entry in seen(dockerfile, files, context=context, whole=whole)
    ]
    return fingerprint.of_value("docker-context", rows)


def archive(
    text: bytes,
    dockerfile: Dockerfile,
    files: ProjectFiles,
    *,
    context: str = ".",
    whole: bool = False,
) -> IO[bytes]:
    """A tar of what `sources_digest` covers and the pinned Dockerfile `text` as `DOCKERFILE`.

    Equal content gives equal bytes, so that the engine's cache holds from one checkout to another.
    It is a spooled temporary file at its start, for `APIClient.build(fileobj=…,
    custom_context=True, dockerfile=DOCKERFILE)`; the caller closes it.

    Raises:
        SourceError: the context is outside of the source.
    """
    added = {DOCKERFILE: text, IGNORE: _ignore_text(dockerfile, files, context)}
    entries = seen(dockerfile, files, context=context, whole=whole)
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  the caller's
    try:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, content in added.items():
                _add(tar, tarfile.TarInfo(name), io.BytesIO(content))
            for entry in entries:
                if entry.path not in added:
                    _add_entry(tar, entry)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def seen(
    dockerfile: Dockerfile, files: ProjectFiles, *, context: str = ".", whole: bool = False
) -> tuple[ProjectEntry, ...]:
    """What the build can see, sorted by path, every folder before what lies in it.

    Raises:
        EnvironmentFailure: a line of the `.dockerignore` is malformed.
        SourceError: the context is outside of the source.
    """
    ignored = _ignore_file(dockerfile, files, context)
    rules = patterns(ignored[1], path=ignored[0]) if ignored else ()
    entries = {entry.path: entry for entry in files.entries(context)}
    there = {path for path in entries if not is_left_out(path, rules)}
    copied = None if whole else _copied(dockerfile, entries)
    if copied is not None:
        there = {path for path in there if not copied.isdisjoint((path, *_above(path)))}
    there |= {above for path in there for above in _above(path)}
    return tuple(entries[path] for path in sorted(there))


def _ignore_file(
    dockerfile: Dockerfile, files: ProjectFiles, context: str
) -> tuple[str, bytes] | None:
    """The one that counts: that of the Dockerfile itself before that of the context."""
    for path in (f"{dockerfile.path}{IGNORE}", posixpath.join(context, IGNORE)):
        content = files.read(posixpath.normpath(path))
        if content is not None:
            return posixpath.normpath(path), content
    return None


def _ignore_text(dockerfile: Dockerfile, files: ProjectFiles, context: str) -> bytes:
    """The `.dockerignore` of the archive: the engine reads it to hide the files that are ours."""
    found = _ignore_file(dockerfile, files, context)
    hidden = [DOCKERFILE]
    if found is None or found[0] != posixpath.normpath(posixpath.join(context, IGNORE)):
        hidden.append(IGNORE)
    lines = [b"" if found is None else found[1], *(name.encode() for name in hidden), b""]
    return b"\n".join(lines)


def _copied(dockerfile: Dockerfile, entries: Mapping[str, ProjectEntry]) -> set[str] | None:
    """The paths that COPY and ADD read, or None where that can't be told."""
    found: set[str] = set()
    for source in dockerfile.sources:
        path = None if source.path is None else posixpath.normpath("/" + source.path).lstrip("/")
        if not path or "**" in path:
            return None
        glob = compiled(path) if is_magic(path) else None
        matched = {path} if glob is None else {one for one in entries if glob.fullmatch(one)}
        # What a link leads to is read as well, wherever that is.
        ways = {way for one in matched for way in (one, *_above(one))}
        if any(way in entries and entries[way].kind == "link" for way in ways):
            return None
        found |= matched
    return found


def _digest(entry: ProjectEntry, files: ProjectFiles, context: str) -> str:
    if entry.kind in {"folder", "link"}:
        return ""
    return files.tree_digest(posixpath.join(context, entry.path)) or ""


def _add_entry(tar: tarfile.TarFile, entry: ProjectEntry) -> None:
    info = tarfile.TarInfo(entry.path)
    if entry.kind == "folder":
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        _add(tar, info, None)
    elif entry.kind == "link":
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, entry.target
        _add(tar, info, None)
    else:
        info.mode = 0o755 if entry.kind == "program" else 0o644
        with entry.open() as content:
            _add(tar, info, content)


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    info.mtime = _TIME
    if content is not None:
        info.size = content.seek(0, os.SEEK_END)
        content.seek(0)
    tar.addfile(info, content)


def _above(path: str) -> Iterator[str]:
    """Every folder that `path` lies in, the nearest last."""
    parts = path.split("/")
    return ("/".join(parts[:index]) for index in range(1, len(parts)))
