"""Captures what a step made: every file that is new or changed becomes an artifact of the run."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner import patterns
from runner.errors import SourceError
from runner.store import layout, scan
from runner.store.keeping import Keeper, Unreadable
from runner.store.rescue import rescuing

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.manifest.model import Output
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import Checkout
    from runner.store.records import RecordedFile
    from runner.store.scan import Entry, Scan

Baseline = scan.Scan
MUCH = 1 << 29  # bytes; hashing them takes long enough for a person to wonder


class Captured(Struct, frozen=True):
    """What a step made of its checkout.

    Attributes:
        outputs: every file and symlink that it made or changed, and every declared one that is
            there, sorted by path.
        deleted: files of the source that it removed.
        missing: declared globs that match nothing.
        warnings: what could not be kept, and why.
    """

    outputs: tuple[RecordedFile, ...]
    deleted: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class _Found(Struct, frozen=True):
    """A file to be kept: where it is, and what the record calls it."""

    path: str
    shown: str
    entry: Entry
    origin: str


def baseline(root: Path) -> Baseline:
    """What the checkout holds before the step, by stat; its own `.git` left out."""
    return scan.scan(root)


def capture(
    checkout: Checkout,
    before: Baseline,
    *,
    run_directory: Path,
    settings: Settings,
    progress: Progress,
    declared: tuple[Output, ...] = (),
    metrics: tuple[Output, ...] = (),
    original: Callable[[str], bytes | None] | None = None,
    stays: bool = False,
    rescues: tuple[Path, ...] = (),
) -> Captured:
    """Keep every file that the step made or changed, as objects linked below the run.

    The files are linked, not moved, so that nothing is lost when this fails half-way; they leave
    the checkout with the checkout. Files of a checkout that stays are copied.

    Args:
        declared: globs relative to the project, kept even where the step left them as they were.
        metrics: as `declared`, but only those that the step wrote.
        original: a source file's content; None to take every touched file for a changed one.
        rescues: where the checkout is moved to if its outputs can't be kept; the first place
            that is on its file system.

    Raises:
        StoreError: a file can't be kept (no space); everything is still in the checkout, or in
            one of `rescues`, and the message says where. Whatever else ends this, Ctrl-C
            among it, has the same said in a note.
    """
    copies = stays or checkout.in_place
    homes = _homes_inside(checkout.root, settings)
    project = _relative_project(checkout)
    with rescuing(checkout.root, rescues):
        without = before.repositories | homes | {".git"}
        after = _scan_after(checkout.root, without, opening=not copies)
        found = _outputs(checkout.root, before, after, project, declared, metrics, original)
        _announce(found, progress)
        shown = run_directory / layout.ARTIFACTS
        keeper = Keeper(checkout.root, shown, settings, copies, _alone(found))
        kept, unread = _keep_all(keeper, found)
        _keep_empty_folders(keeper, before, after, project)
    outputs = tuple(sorted(kept, key=lambda file: file.path))
    return Captured(
        outputs=outputs,
        deleted=_deleted(before, after, project, homes),
        missing=_missing(declared, outputs),
        warnings=(*_strange(after, project), *unread),
    )


def _announce(found: list[_Found], progress: Progress) -> None:
    size, count = sum(item.entry.size for item in found), len(found)
    if size >= MUCH:
        what = f"{count:,} output{'' if count == 1 else 's'}"
        progress.stage("keep", f"{what}, {size / (1 << 30):.1f} GiB")


def _deleted(before: Scan, after: Scan, project: str, homes: frozenset[str]) -> tuple[str, ...]:
    gone = (p for p in before.entries if p not in after.entries and not _below(p, homes))
    return tuple(sorted(_shown(path, project) for path in gone))


def _alone(found: list[_Found]) -> frozenset[tuple[int, int]]:
    """Inodes all of whose names are among the outputs: nobody else can see them change."""
    counted = Counter((item.entry.device, item.entry.inode) for item in found)
    return frozenset(
        (item.entry.device, item.entry.inode)
        for item in found
        if counted[item.entry.device, item.entry.inode] == item.entry.links
    )


def _missing(declared: tuple[Output, ...], outputs: tuple[RecordedFile, ...]) -> tuple[str, ...]:
    names = [file.path for file in outputs]
    return tuple(
        output.glob
        for output in declared
        if not any(map(patterns.compile_glob(output.glob).fullmatch, names))
    )


def _relative_project(checkout: Checkout) -> str:
    relative = checkout.project.relative_to(checkout.root).as_posix()
    return "" if relative == "." else relative


def _shown(path: str, project: str) -> str:
    """`path`, relative to the checkout's top, as seen from the project."""
    if not project:
        return path
    if path.startswith(project + "/"):
        return path[len(project) + 1 :]
    return os.path.relpath(path, project)


def _outputs(
    root: Path,
    before: Scan,
    after: Scan,
    project: str,
    declared: tuple[Output, ...],
    metrics: tuple[Output, ...],
    original: Callable[[str], bytes | None] | None,
) -> list[_Found]:
    wanted = [patterns.compile_glob(output.glob) for output in declared]
    measured = [patterns.compile_glob(output.glob) for output in metrics]
    found: list[_Found] = []
    for path, entry in after.entries.items():
        if not (entry.is_file or entry.is_symlink):
            continue
        shown = _shown(path, project)
        old = before.entries.get(path)
        is_declared = any(pattern.fullmatch(shown) for pattern in wanted)
        if not is_declared:
            if old == entry:
                continue
            is_metrics = any(pattern.fullmatch(shown) for pattern in measured)
            if old and not is_metrics and _only_touched(root / path, shown, old, entry, original):
                continue
        origin = "declared" if is_declared else "undeclared"
        found.append(_Found(path, shown, entry, origin))
    return found


def _only_touched(
    file: Path,
    shown: str,
    old: Entry,
    new: Entry,
    original: Callable[[str], bytes | None] | None,
) -> bool:
    """Whether a file's content is the source's, although its times or inode changed."""
    if original is None or not new.is_file or (old.mode, old.size) != (new.mode, new.size):
        return False
    try:
        return original(shown) == file.read_bytes()
    except (OSError, SourceError):
        return False


def _strange(after: Scan, project: str) -> list[str]:
    """Warnings on what is no file, and on folders that can't be listed."""
    warnings = [
        f"`{_shown(path, project)}` is {_kind(entry.mode)} and is not kept"
        for path, entry in sorted(after.entries.items())
        if not (entry.is_file or entry.is_symlink)
    ]
    for path, reason in sorted(after.unreadable.items()):
        what = f"`{_shown(path, project)}`" if path else "the checkout"
        warnings.append(f"{what} can't be listed and is not kept: {reason}")
    return warnings


def _kind(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a device"


def _homes_inside(root: Path, settings: Settings) -> frozenset[str]:
    """Our own homes, where a person put them into the folder that is run in place."""
    top = root.resolve()
    inside = (home for home in map(Path.resolve, settings.homes) if home.is_relative_to(top))
    return frozenset(home.relative_to(top).as_posix() for home in inside)


def _below(path: str, folders: frozenset[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _scan_after(root: Path, without: frozenset[str], *, opening: bool) -> Scan:
    after = scan.scan(root, without=without)
    closed: set[str] = set()
    while opening and after.unreadable.keys() - closed:
        closed |= after.unreadable.keys()
        for path in after.unreadable:
            # The step closed it to its owner; the checkout is ours.
            with contextlib.suppress(OSError):
                if not (root / path).is_symlink():
                    (root / path).chmod(stat.S_IRWXU)
        after = scan.scan(root, without=without)
    return after


def _keep_all(keeper: Keeper, found: list[_Found]) -> tuple[list[RecordedFile], list[str]]:
    from runner.store import parallel

    warnings: list[str] = []
    kept: list[RecordedFile] = []

    def keep(item: _Found) -> None:
        try:
            if item.entry.is_symlink:
                kept.append(keeper.keep_symlink(item.path, item.shown, item.origin))
            else:
                kept.append(keeper.keep_file(item.path, item.shown, item.entry, item.origin))
        except Unreadable as reason:
            warnings.append(f"`{item.shown}` can't be read and is not kept: {reason}")

    if keeper.artifacts.is_symlink():
        # A step knows where its run lies; what it made must not go where its link leads.
        keeper.artifacts.unlink()
    keeper.artifacts.mkdir(mode=0o755, parents=True, exist_ok=True)
    keeper.settings.objects.mkdir(mode=0o700, parents=True, exist_ok=True)
    parallel.each(keep, found, weight=lambda item: item.entry.size)
    return kept, sorted(warnings)


def _keep_empty_folders(keeper: Keeper, before: Scan, after: Scan, project: str) -> None:
    for path, empty in after.folders.items():
        if empty and path not in before.folders:
            folder = keeper.artifacts / layout.artifact_name(_shown(path, project))
            folder.mkdir(parents=True, exist_ok=True)
