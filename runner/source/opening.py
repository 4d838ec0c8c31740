"""Opens the source that a request names: to be kept, or for a look that leaves nothing behind."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

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


@contextlib.contextmanager
def opened(
    request: Request, *, settings: Settings, progress: Progress, keep: bool = True
) -> Iterator[tuple[Source, SourceFiles]]:
    """The source, and its files as they are before anything is checked out.

    Args:
        keep: whether what a local directory has not committed goes into the objects, so that
            the source can be checked out; else it goes when this ends.

    Raises:
        RunnerError: as `resolve.resolve`.
    """
    with contextlib.ExitStack() as stack:
        if not keep:
            import tempfile

            aside = stack.enter_context(tempfile.TemporaryDirectory(prefix="reprun-"))
            settings = replace(settings, scratch=Path(aside))
        source = resolve.resolve(request, settings=settings, progress=progress)
        yield source, stack.enter_context(open_files(source, settings=settings))
