"""The Python that was usual on a day: a project that names none was written for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from runner.environments import interpreters, versions
from runner.errors import NoSuchPython

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.environments.base import Interpreter
    from runner.progress import Progress
    from runner.settings import Settings

# First releases: PEPs 494, 537, 569, 596, 619, 664, 693, 719, 745 and 790. There is no environment
# for anything older.
RELEASED: Final = {
    6: date(2016, 12, 23),
    7: date(2018, 6, 27),
    8: date(2019, 10, 14),
    9: date(2020, 10, 5),
    10: date(2021, 10, 4),
    11: date(2022, 10, 24),
    12: date(2023, 10, 2),
    13: date(2024, 10, 7),
    14: date(2025, 10, 7),
    15: date(2026, 10, 1),
}
# Wheels of the large packages came out some months after a new Python, and people waited for them.
_LAG: Final = timedelta(days=270)


def names_one(text: str | None) -> bool:
    """Whether `text` names a minor version, where `>=3.6` leaves the choice open."""
    return any(
        clause.operator in {"prefix", "exactly"} and len(clause.version) > 1
        for clause in interpreters.parse(text)
    )


def usual(as_of: str) -> int:
    """The minor version that was usual at `as_of`, an RFC 3339 time."""
    day = datetime.fromisoformat(as_of).astimezone(UTC).date()
    return max(
        (minor for minor, released in RELEASED.items() if released + _LAG <= day),
        default=min(RELEASED),
    )


def described(text: str | None, as_of: str) -> str:
    """The version that is looked for first, such as `3.7`; `text` where it admits none."""
    return next((f"3.{minor}" for minor in _nearest_first(text, usual(as_of))), text or "")


def find(
    text: str | None, as_of: str, *, settings: Settings, progress: Progress, fetch: bool = True
) -> Interpreter:
    """The interpreter that was usual at `as_of` within `text`, else its nearest neighbour.

    Older ones come first: the packages of the day have wheels for them. A warning says that it is
    not the usual one.

    Raises:
        NoSuchPython: nothing that `text` admits is here or can be fetched.
    """
    wanted = list(_nearest_first(text, usual(as_of)))
    for minor in wanted:
        asked = f"==3.{minor}.*,{text}" if text else f"3.{minor}"
        try:
            found = interpreters.find(
                asked, exact=True, settings=settings, progress=progress, fetch=fetch
            )
        except NoSuchPython:
            continue
        if minor != wanted[0]:
            progress.warning(
                f"Python 3.{wanted[0]}, usual on {as_of[:10]}, isn't here and can't be fetched: "
                f"Python {found.version} is used",
                f"install it (`pyenv install 3.{wanted[0]}`)",
            )
        return found
    return interpreters.find(text, exact=False, settings=settings, progress=progress, fetch=fetch)


def _nearest_first(text: str | None, middle: int) -> Iterator[int]:
    """Minor versions that `text` admits: `middle`, what is older, what is newer."""
    admitted = interpreters.parse(text)
    older = (minor for minor in sorted(RELEASED, reverse=True) if minor <= middle)
    newer = (minor for minor in sorted(RELEASED) if minor > middle)
    for minor in (*older, *newer):
        if any(versions.admits(admitted, f"3.{minor}.{patch}") for patch in (0, 99)):
            yield minor
