"""What a Python environment really holds: its packages, a fingerprint, a cheap digest by stat."""

from __future__ import annotations

import hashlib
import json
import marshal
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.environments.base import Package
from runner.fingerprint import of_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.environments.base import Interpreter

Records = dict[str, list[list[str]]]  # folder of a package's metadata → its RECORD's rows

ORIGINS: Final = "reprun-origins.json"
MARKER: Final = "reprun.json"
BYTECODE: Final = "bytecode"
_COLUMNS: Final = 3  # of a RECORD: path, digest, size
_UNCOUNTED: Final = frozenset({"__pycache__", BYTECODE, MARKER})
# They hold addresses and times of this machine, nothing that a step could see a difference in.
_UNFINGERPRINTED: Final = ("/INSTALLER", "/RECORD", "/REQUESTED", "/direct_url.json",
                           "/uv_cache.json", "/uv_build.json", ".pyc")  # fmt: skip


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
        for info in _infos(folder):
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
    return _fingerprint(python, packages, _records(folder) if folder else {})


def _fingerprint(
    python: Sequence[str | None], packages: Sequence[Package], records: Records
) -> str:
    held = [
        # Python packages go without their type: fingerprints of older environments stay.
        [one.name, one.version, one.source, *([one.type] if one.type != "pypi" else [])]
        for one in packages
    ]
    # One text for each package: there are tens of thousands of files.
    files = {info: "\0".join(_recorded(rows)) for info, rows in records.items()}
    return of_value("environment-contents", [list(python), held, files])


def changed_packages(folder: Path) -> tuple[str, ...]:
    """Names of packages whose files aren't what their `RECORD` says; every file is hashed."""
    return _changed(folder, _records(folder), {}, thorough=True)


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
    records = {info: rows for info, rows in _records(site).items() if info not in but}
    return Installed(
        packages=packages_in([site], origins_of(root), but=but),
        files={info: "\0".join(_recorded(rows)) for info, rows in records.items()},
        changed=_changed(site, records, {}, thorough=thorough),
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
    records = _records(site)
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
        changed=_changed(site, records, sizes, thorough=False),
    )


def _changed(
    folder: Path, records: Records, sizes: Mapping[str, int], *, thorough: bool
) -> tuple[str, ...]:
    from runner.environments.requirements import normalised

    return tuple(
        normalised(info.split("-")[0])
        for info, rows in records.items()
        if not _as_recorded(folder, rows, sizes, thorough=thorough)
    )


def _records(folder: Path) -> Records:
    return {info: rows_of(folder / info) for info in _infos(folder)}


def _infos(folder: Path) -> list[str]:
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


def _recorded(rows: list[list[str]]) -> Iterator[str]:
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
