"""Lays inputs into a checkout, and digests what the step will read there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from runner import patterns
from runner.errors import InputError, StoreError
from runner.inputs import declared, digests
from runner.store import layout, objects, parallel
from runner.store.records import RecordedFile

if TYPE_CHECKING:
    from pathlib import Path

    from runner.inputs.model import Placement, Prepared, Reading
    from runner.source.model import Checkout


def lay(prepared: Prepared, checkout: Checkout) -> tuple[RecordedFile, ...]:
    """Copy every placement to its place; nothing in the checkout is a link to anything else.

    Returns:
        Every input, digested, sorted by path.

    Raises:
        InputError: a declared input is not there, or a place leads out of the checkout.
        StoreError: there is no space.
    """
    laid: dict[str, RecordedFile] = {file.path: file for file in prepared.digested}

    def place(placement: Placement) -> None:
        recorded = _place(placement, checkout)
        if placement.recorded:
            laid[recorded.path] = recorded

    parallel.each(place, prepared.placements, weight=_size)
    entry_point = prepared.step.entry_point.name
    for reading in prepared.readings:
        for file in _read(reading, checkout, entry_point):
            laid.setdefault(file.path, file)
    return tuple(sorted(laid.values(), key=lambda file: file.path))


def _size(placement: Placement) -> int:
    try:
        return placement.source.lstat().st_size
    except OSError:
        return 0


def _place(placement: Placement, checkout: Checkout) -> RecordedFile:
    target = _target(placement, checkout)
    shown = placement.target or str(target)
    stays = checkout.in_place and target.exists() and placement.outside is None
    if not stays:
        _copy(placement, target, shown)
    elif placement.replaces:
        pass  # looked at below, a link as what it is
    elif placement.sha256 and digests.whole(target, shown, "").sha256 != placement.sha256:
        raise InputError(
            f"`{target}` is there and is not the declared download", "move it away, or run a copy"
        )
    recorded = (
        digests.whole(target, shown, placement.origin)
        if target.is_dir() and not target.is_symlink()
        else digests.each(target.parent, [target.name], placement.origin)[0]
    )
    if stays and placement.replaces and recorded.sha256 != placement.sha256:
        raise InputError(
            f"`{target}` is there and is not what {placement.origin} made",
            "move it away, or leave out --in-place",
        )
    return RecordedFile(
        path=shown,
        sha256=recorded.sha256,
        size=recorded.size,
        kind=recorded.kind,
        mode=recorded.mode,
        origin=placement.origin,
        url=placement.url,
    )


def _target(placement: Placement, checkout: Checkout) -> Path:
    if placement.outside is not None:
        return placement.outside
    assert placement.target is not None
    target = checkout.project / placement.target
    top = checkout.root.resolve()
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    # Resolved: a repository may have made the folder a link to somewhere else.
    if not folder.resolve().is_relative_to(top):
        raise InputError(f"input `{placement.target}` would be laid outside of the checkout")
    return target


def _copy(placement: Placement, target: Path, shown: str) -> None:
    source = placement.source
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.exists():
            target.unlink()
        if source.is_symlink():
            target.symlink_to(os.readlink(source))  # noqa: PTH115  as text, untouched
        elif source.is_dir():
            target.mkdir()
        else:
            objects.copy_file(source, target)
            if placement.mode is not None:
                target.chmod(placement.mode | stat.S_IWUSR)
    except OSError as error:
        if error.filename is not None and str(error.filename) == str(source):
            reason = (error.strerror or "").lower()
            raise InputError(f"input `{shown}` can't be read: {reason}") from error
        raise _no_place(shown, error) from error


def _no_place(shown: str, error: OSError) -> StoreError:
    return layout.storing(f"input `{shown}`", error)


def _read(reading: Reading, checkout: Checkout, entry_point: str) -> tuple[RecordedFile, ...]:
    if reading.entry == "files":
        paths = list(patterns.walk(checkout.project, reading.glob))
        if not paths and reading.required:
            raise declared.nothing_matches(reading.glob, entry_point)
        return digests.each(checkout.project, paths, reading.origin)
    path = checkout.project / reading.glob
    if not _leads_inside(path, checkout):
        return ()
    if not path.exists():
        if reading.required:
            raise InputError(
                f"`{reading.glob}` is not in the version of the project that runs",
                "pass a copy of it from outside of the project",
            )
        return ()
    return (digests.whole(path, reading.glob, reading.origin),)


def _leads_inside(path: Path, checkout: Checkout) -> bool:
    return path.resolve().is_relative_to(checkout.root.resolve())
