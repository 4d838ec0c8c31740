"""What a Python environment really holds: its packages, a fingerprint, a cheap digest by stat."""

from __future__ import annotations

import hashlib
import json
import marshal
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.environments import recorded
from runner.environments.base import Package
from runner.fingerprint import of_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from runner.environments.base import Interpreter

ORIGINS: Final = "reprun-origins.json"
MARKER: Final = "reprun.json"
BYTECODE: Final = "bytecode"
_UNCOUNTED: Final = frozenset({"__pycache__", BYTECODE, MARKER})


def site_packages(at: Path) -> Path:
    """The folder of installed packages of the environment at `at`."""
    for name in sorted(os.listdir(at / "lib")):  # noqa: PTH208  hot
        # conda-forge has `python3.1` beside `python3.10`, a link for whoever reads two digits.
        if name.startswith(("python", "pypy")) and not os.path.islink(f"{at}/lib/{name}"):  # noqa: PTH114  hot
            return at / "lib" / name / "site-packages"
    raise FileNotFoundError(at / "lib" / "python3" / "site-packages")


def stat_digest(root: Path) -> str:
    """A digest over the size and time of change of every file below `root`, bytecode excepted.

    Catches what an editor, `pip install` or `rm` does to an environment, at the price of a stat
    per file; not a change that sets the time back (`verify` hashes for that).
    """
    return _digest(_scan(str(root)))


def movable_digest(root: Path) -> str:
    """`stat_digest`, but the same wherever `root` lies."""
    return _digest([(place.removeprefix(str(root)), files) for place, files in _scan(str(root))])


class Scan(NamedTuple):
    """Every file of an environment, bytecode excepted.

    Attributes:
        digest: `stat_digest` of it.
        sizes: path below the root → bytes.
    """

    digest: str
    sizes: Mapping[str, int]


def scan(root: Path) -> Scan:
    """Look at every file below `root` once."""
    found = _scan(str(root))
    top = f"{root}/"
    sizes = {
        f"{place}/{name}".removeprefix(top): size
        for place, files in found
        for name, size, _ in files
    }
    return Scan(_digest(found), sizes)


def _digest(found: list[tuple[str, list[tuple[str, int, int]]]]) -> str:
    # Version 2 of the format has no back references, so equal values give equal bytes.
    return hashlib.sha256(marshal.dumps(sorted(found), 2)).hexdigest()


def _scan(root: str) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Each folder at or below `root`, with name, size and time of change of its files."""
    found: list[tuple[str, list[tuple[str, int, int]]]] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        # A stat relative to the open folder spares the kernel the walk down the whole path.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            found.append((folder, _files_in(handle, folder, waiting)))
        finally:
            os.close(handle)
    return found


def _files_in(handle: int, folder: str, waiting: list[str]) -> list[tuple[str, int, int]]:
    """Name, size and time of change (nanoseconds) of a folder's files; its folders are queued."""
    files: list[tuple[str, int, int]] = []
    with os.scandir(handle) as entries:
        for entry in entries:
            name = entry.name
            if name in _UNCOUNTED:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{folder}/{name}")
            else:
                status = entry.stat(follow_symlinks=False)
                files.append((name, status.st_size, status.st_mtime_ns))
    files.sort()
    return files


def packages_in(
    folders: Sequence[Path], origins: Mapping[str, object], *, but: Collection[str] = ()
) -> tuple[Package, ...]:
    """The packages installed in `folders`, the first of a name counting; sorted by name.

    Args:
        but: names of folders of metadata that are left out.
    """
    from runner.environments.requirements import normalised

    found: dict[str, Package] = {}
    for folder in folders:
        for info in recorded.infos(folder):
            if info in but:
                continue
            name, _, version = info.rpartition(".")[0].partition("-")
            name = normalised(name)
            origin = origins.get(name)
            known = origin if isinstance(origin, dict) else {}
            version = version.split("-py3")[0]
            found.setdefault(name, Package(name, version, known.get("source"), known.get("sha256")))
    return tuple(found[name] for name in sorted(found))


def origins_of(at: Path) -> dict[str, object]:
    """What building the environment at `at` noted about where packages come from."""
    try:
        content = json.loads((at / ORIGINS).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def build_of(interpreter: Interpreter | None) -> list[str]:
    """What of an interpreter belongs to a fingerprint: its version and its build."""
    return [] if interpreter is None else [interpreter.version, interpreter.build]


def fingerprint(
    python: Sequence[str | None], folder: Path | None, packages: Sequence[Package]
) -> str:
    """A digest over what is really there: the interpreter, and every package's own list of files.

    The lists (`RECORD`) hold a hash per file; scripts are left out, as they name the environment's
    folder, so two machines that hold the same agree.
    """
    return _fingerprint(python, packages, recorded.records(folder) if folder else {})


def _fingerprint(
    python: Sequence[str | None], packages: Sequence[Package], records: recorded.Records
) -> str:
    held = [
        # Python packages go without their type: fingerprints of older environments stay.
        [one.name, one.version, one.source, *([one.type] if one.type != "pypi" else [])]
        for one in packages
    ]
    # One text for each package: there are tens of thousands of files.
    files = {info: "\0".join(recorded.lines(rows)) for info, rows in records.items()}
    return of_value("environment-contents", [list(python), held, files])


def changed_packages(folder: Path) -> tuple[str, ...]:
    """Names of packages whose files aren't what their `RECORD` says; every file is hashed."""
    return recorded.changed(folder, recorded.records(folder), {}, thorough=True)


class Installed(NamedTuple):
    """What pip or uv put beside what another tool installed.

    Attributes:
        files: folder of a package's metadata → its files with their digests, as one text.
        changed: names of packages whose files haven't the sizes that their `RECORD` says.
    """

    packages: tuple[Package, ...]
    files: Mapping[str, str]
    changed: tuple[str, ...]


def installed_beside(root: Path, but: Collection[str], *, thorough: bool = False) -> Installed:
    """The Python packages of the environment at `root`, those with metadata in `but` left out.

    Args:
        thorough: hash every file; else their sizes are compared.
    """
    site = site_packages(root)
    records = {info: rows for info, rows in recorded.records(site).items() if info not in but}
    return Installed(
        packages=packages_in([site], origins_of(root), but=but),
        files={info: "\0".join(recorded.lines(rows)) for info, rows in records.items()},
        changed=recorded.changed(site, records, {}, thorough=thorough),
    )


class Seen(NamedTuple):
    """One look at an environment that was just built: it may hold twenty thousand files.

    Attributes:
        packages: sorted by name.
        fingerprint: over all that it holds.
        stat: `stat_digest` of its files.
        changed: names of packages whose files haven't the sizes that their `RECORD` says.
        interpreter: one that the environment brought itself.
    """

    packages: tuple[Package, ...]
    fingerprint: str
    stat: str
    changed: tuple[str, ...]
    interpreter: Interpreter | None = None


def look(root: Path, python: Sequence[str | None], packages: Sequence[Package]) -> Seen:
    """The `fingerprint` and the `stat_digest` of the environment at `root`, and what is wrong."""
    site = site_packages(root)
    found = _scan(str(root))
    records = recorded.records(site)
    top = f"{site}/"
    sizes = {
        f"{place}/{name}".removeprefix(top): size
        for place, files in found
        for name, size, _ in files
    }
    return Seen(
        packages=tuple(packages),
        fingerprint=_fingerprint(python, packages, records),
        stat=_digest(found),
        changed=recorded.changed(site, records, sizes, thorough=False),
    )
