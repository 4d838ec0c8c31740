"""When a source was made: what `--as-of commit` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import RequestError
from runner.source import plumbing

if TYPE_CHECKING:
    from runner.source.model import Source


def of_source(source: Source) -> str:
    """The commit's time, RFC 3339 in UTC.

    Raises:
        RequestError: the source has no commit.
        SourceError: the commit can't be read.
    """
    if source.commit is None:
        raise RequestError(
            f"{source.url} has no commit, so there is no time that `--as-of commit` could mean",
            hint="give a date: `--as-of 2024-03-31`",
        )
    from datetime import UTC, datetime

    arguments = ["show", "--no-patch", "--format=%ct", "--end-of-options", source.commit]
    seconds = int(plumbing.git(arguments, store=source.store, where=source.url))
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
