"""Opens the source that a request names: to be kept, or for a look that leaves nothing behind."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.source import resolve
from runner.source.files import open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.files import SourceFiles
    from runner.source.model import Source
    from runner.store.records import RecordedSource


class Place(Struct, frozen=True):
    """A project in the checkout of an outer run.

    Attributes:
        top: the checkout's top.
        project: POSIX path of the project in it, "" for its top.
        outer: where the outer run's source came from.
    """

    top: Path
    project: str
    outer: RecordedSource


class Opened(Struct, frozen=True):
    """A source and its files as they are before anything is checked out.

    Attributes:
        known_as: the source by the address that a record has; mostly `source` itself.
        left_out: globs, relative to the source's top, of what an outer run made and keeps.
    """

    source: Source
    files: SourceFiles
    known_as: Source
    left_out: tuple[str, ...] = ()


@contextlib.contextmanager
def opened(
    request: Request,
    *,
    settings: Settings,
    progress: Progress,
    keep: bool = True,
    within: Place | None = None,
) -> Iterator[Opened]:
    """The source, and its files as they are before anything is checked out.

    Args:
        keep: whether what a local directory has not committed goes into the objects, so that
            the source can be checked out; else it goes when this ends.
        within: the project stands in the checkout of an outer run.

    Raises:
        RunnerError: as `resolve.resolve`.
    """
    with contextlib.ExitStack() as stack:
        if not keep:
            import tempfile

            aside = stack.enter_context(tempfile.TemporaryDirectory(prefix="reprun-"))
            settings = replace(settings, scratch=Path(aside))
        if within is None:
            source = resolve.resolve(request, settings=settings, progress=progress)
            yield Opened(source, stack.enter_context(open_files(source, settings=settings)), source)
            return
        from runner.source.within import resolve as resolve_within

        found = resolve_within(
            within.top, within.project, within.outer, settings=settings, progress=progress
        )
        files = stack.enter_context(open_files(found.source, settings=settings))
        yield Opened(found.source, files, found.known_as, found.left_out)
