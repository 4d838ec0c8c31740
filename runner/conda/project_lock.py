"""A conda lock that a project carries: `conda-lock.yml` or an explicit file, of any tool's making.

It lies beside the conda file, or is itself what the project names. One that `reprun lock` wrote
holds as long as the conda file is the one that it was made from; others are used as they are.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from runner import fingerprint
from runner.conda import explicit_lock, lock_addresses, lock_file
from runner.environments import project_lock
from runner.environments.base import CONDA_LOCK, Lock, Spec
from runner.environments.platforms import conda_subdir, platform_name
from runner.errors import StaleLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.source.model import ProjectFiles

EXPLICIT: Final = "explicit"
USUAL: Final = "conda-lock.yml"
_KEYS: Final = (re.compile(r"(?m)^version:"), re.compile(r"(?m)^packages?:"))
_METADATA: Final = re.compile(r"(?ms)^metadata:\s*\n(.*?)(?=^[A-Za-z]|\Z)")
_SOURCES: Final = re.compile(r"(?m)^ +sources:[ ]*\n((?:[ ]*- .*\n)*)")


class Found(Struct, frozen=True):
    """A lock that lies beside a conda file.

    Attributes:
        text: without the lines that `reprun lock` puts above it.
        head: what those lines say, None in a lock of another tool.
        sources: the files that it was made from, as far as it says so.
    """

    path: str
    text: str
    head: Mapping[str, str] | None
    sources: tuple[str, ...]

    def is_of(self, path: str) -> bool:
        """Whether it was made from the conda file at `path`, or doesn't say from which."""
        name = posixpath.basename(path)
        return not self.sources or any(posixpath.basename(one) == name for one in self.sources)


def format_of(text: str) -> str | None:
    """`conda-lock` or `explicit`; None of what is no lock, such as an environment's own yaml."""
    if explicit_lock.is_explicit(text):
        return EXPLICIT
    return CONDA_LOCK if all(key.search(text) for key in _KEYS) else None


def named(kind: str, path: str, text: str, *, as_of: str | None) -> Spec | None:
    """What a project asks for whose environment file is the lock `text`; None where it is none."""
    if format_of(text) is None:
        return None
    head, body = project_lock.parts(text) or (None, text)
    spec = Spec(kind=kind, python=None, digest="", origin=path, as_of=as_of)
    return _with(spec, Found(path, body, head, ()))


def apply(spec: Spec, files: ProjectFiles) -> Spec:
    """`spec` with the lock that lies beside its file, as it is where there is none.

    Raises:
        StaleLock: `reprun lock` made it from another specification.
    """
    path = spec.origin or ""
    aside = []
    for found in beside(files, path):
        if not found.is_of(path):
            name = posixpath.basename(path)
            made_from = " and ".join(found.sources)
            aside.append(f"{found.path}: was made from {made_from}, not from {name}: not used")
        elif found.head is None:
            return _with(spec, found, aside)
        elif spec.as_of is None:
            # A lock of ours is of its own day: another day is asked for on purpose.
            _refuse_stale(found, spec, path)
            return _with(spec, found, aside)
    return replace(spec, warnings=(*spec.warnings, *aside))


def beside(files: ProjectFiles, path: str) -> Iterator[Found]:
    """The locks that may be those of the conda file at `path`, the nearest by name first."""
    for place in _names(path):
        content = files.read(place)
        text = (content or b"").decode("utf-8-sig", "replace").replace("\r\n", "\n")
        # Others than conda-lock call their locks `.lock`, too.
        if content is not None and (place.endswith(".yml") or explicit_lock.is_explicit(text)):
            head, body = project_lock.parts(text) or (None, text)
            sources = _sources(text) if head is None else (head.get("from", ""),)
            yield Found(place, body, head, sources)


def path_for(files: ProjectFiles, origin: str) -> str:
    """Where the lock of the conda file at `origin` lies: beside it, as conda-lock has it.

    With another file's lock in that place, it has the file's name as well.
    """
    usual = posixpath.join(posixpath.dirname(origin), USUAL)
    taken = {one.path: not one.is_of(origin) for one in beside(files, origin)}
    own = f"{posixpath.splitext(origin)[0]}.{USUAL}"
    return own if own in taken or taken.get(usual, False) else usual


def render(lock: Lock, spec: Spec) -> bytes:
    """The content of the file that `reprun lock` writes: what it was made from, then the lock."""
    folder, name = posixpath.split(spec.origin or "")
    content = project_lock.render(lock, spec)
    if not folder:
        return content
    # conda-lock takes the files that a lock was made from as seen from the lock.
    return content.replace(f"\n  - {spec.origin}\n".encode(), f"\n  - {name}\n".encode(), 1)


def of_ours(files: ProjectFiles, path: str) -> tuple[str, ...]:
    """Where `reprun lock` has written a lock of the conda file at `path`."""
    return tuple(
        one.path for one in beside(files, path) if one.head is not None and one.is_of(path)
    )


def own(spec: Spec) -> Lock:
    """The lock that the project carries."""
    text = spec.lock_text or ""
    return Lock(
        kind=spec.kind,
        format=spec.lock_format or CONDA_LOCK,
        text=text,
        sha256=fingerprint.of_text(text),
        python=lock_file.python_of(text, platform=conda_subdir()),
        platform=platform_name(),
        local_packages=spec.local_packages,
        made="project",
        origin=spec.origin,
        context=spec.context,
    )


def words_of(spec: Spec, channels: Sequence[str]) -> str:
    """The digest of what the project's own files say, whatever this machine's settings add.

    Args:
        spec: read from a conda file.
        channels: as that file has them.
    """
    content = {
        "conda": spec.conda,
        "channels": list(map(lock_addresses.public, channels)),
        "python": spec.python,
        "requirements": spec.requirements,
        "local": [(one.path, one.editable, one.extras) for one in spec.local_packages],
        "extra": dict(spec.extra),
    }
    return fingerprint.of_value("conda-file", content)


def _names(path: str) -> Iterator[str]:
    folder, stem = posixpath.dirname(path), posixpath.splitext(posixpath.basename(path))[0]
    subdir = conda_subdir()
    names = (f"{stem}.{USUAL}", USUAL, f"{stem}-{subdir}.lock", f"conda-{subdir}.lock")
    for name in dict.fromkeys((*names, f"{stem}.lock")):
        yield posixpath.join(folder, name)


def _sources(text: str) -> tuple[str, ...]:
    """Looked up in the few lines of the metadata: a lock is long, and each run passes here."""
    metadata = _METADATA.search(text)
    listed = _SOURCES.search(metadata.group(1)) if metadata else None
    lines = listed.group(1).splitlines() if listed else ()
    return tuple(line.strip().removeprefix("-").strip(" '\"") for line in lines)


def _refuse_stale(found: Found, spec: Spec, path: str) -> None:
    if found.head is not None and found.head.get("specification") != spec.words:
        raise StaleLock(
            f"{found.path} was made from another {posixpath.basename(path)} than stands beside it",
            "run `reprun lock` and commit what it writes",
        )


def _with(spec: Spec, found: Found, aside: Sequence[str] = ()) -> Spec:
    text = lock_addresses.public(found.text)
    warnings = [*spec.warnings, *aside]
    if text != found.text:
        warnings.append(
            f"{found.path}: the passwords and tokens in its addresses are not kept: "
            "put them into ~/.condarc, or name variables in their place"
        )
    return replace(
        spec,
        lock_text=text,
        lock_format=format_of(text) or CONDA_LOCK,
        origin=found.path,
        warnings=tuple(warnings),
    )
