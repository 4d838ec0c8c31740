"""Writes content into a checkout: git's own through git, a snapshot's by hand."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SourceDamaged
from runner.source import plumbing, repository

if TYPE_CHECKING:
    from runner.progress import Progress
    from runner.source.bundle import Bundle, Entry

_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_SIZE = 1024
# Below this, starting git's checkout workers costs more than they bring.
_WORTH_WORKERS = 200
_WORKERS_PER_CORE = 2  # one writes while another waits for the disk
_MOST_WORKERS = 8


def commit(store: Path, name: str, at: Path, *, where: str, raw: bool) -> None:
    """Lay the commit `name` of the repository `store` out in the folder `at`, `.git` included.

    `where` is the repository's name in messages; with `raw` the commit's bytes are written
    whatever conversion its attributes ask for.

    Raises:
        SourceDamaged: the repository lacks something.
    """
    own = at / ".git"
    repository.write(own, head=name, borrowed=store, digits=len(name))
    if raw:
        (own / "info").mkdir()
        (own / "info" / "attributes").write_text(repository.NEUTRAL)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    variables = plumbing.isolated(
        (
            ("checkout.workers", str(min(_WORKERS_PER_CORE * cores, _MOST_WORKERS))),
            ("checkout.thresholdForParallelism", str(_WORTH_WORKERS)),
        )
    )
    plumbing.git(
        ["read-tree", "-m", "-u", name],
        store=own,
        work_tree=at,
        variables=variables,
        where=where,
    )
    if raw:
        (own / "info" / "attributes").unlink()


def snapshot(bundle: Bundle, root: Path) -> None:
    """Put a snapshot's content over what a commit left in `root`.

    Raises:
        SourceDamaged: it would be written outside of `root`.
    """
    real: set[str] = {""}
    for path in sorted(bundle.deleted):
        _delete(root, path)
    for path, entry in bundle.entries.items():
        _make_parent(root, path, real)
        _write(root / path, entry)


def _delete(root: Path, path: str) -> None:
    place = root / path
    real = Path(os.path.realpath(root), *path.split("/")[:-1])
    if os.path.realpath(place.parent) != str(real):
        return  # already gone with a folder above it
    if place.is_dir() and not place.is_symlink():
        from runner.files import remove_tree

        remove_tree(place)
    else:
        place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for above in place.relative_to(root).parents[:-1]:
            (root / above).rmdir()


def _make_parent(root: Path, path: str, real: set[str]) -> None:
    """Make the folders above `path`, none of which may be a link."""
    above = path.rpartition("/")[0]
    if above in real:
        return
    _make_parent(root, above, real)
    place = root / above
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise SourceDamaged(f"the snapshot holds `{path}` below `{above}`, which is no folder")
    place.mkdir(exist_ok=True)
    real.add(above)


def _write(place: Path, entry: Entry) -> None:
    if entry.kind == "folder":
        place.mkdir(exist_ok=True)
        return
    if os.path.lexists(place):
        from runner.files import remove_tree

        remove_tree(place)
    if entry.open is None:
        place.symlink_to(entry.target)
        return
    with entry.open() as content, place.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
        if entry.executable:
            mode = os.fstat(file.fileno()).st_mode
            # Executable for whoever may read it, as git does.
            os.fchmod(file.fileno(), mode | (mode & 0o444) >> 2)


def warn_of_pointers(root: Path, progress: Progress) -> None:
    """Tell of files whose content git-lfs keeps elsewhere."""
    try:
        attributes = (root / ".gitattributes").read_bytes()
    except OSError:
        return
    if b"filter=lfs" not in attributes:
        return
    found = [
        os.path.relpath(os.path.join(folder, name), root)  # noqa: PTH118  texts, hot
        for folder, _, names in os.walk(root)
        for name in names
        if _is_pointer(Path(folder, name))
    ]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        progress.warning(
            f"`{min(found)}`{more} is kept by git-lfs: the step finds a pointer in its place",
            hint="give the data as an input of the step, or run a local clone that has it",
        )


def _is_pointer(path: Path) -> bool:
    try:
        if path.is_symlink() or path.stat().st_size > _POINTER_SIZE:
            return False
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
