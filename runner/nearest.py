"""Did you mean: the nearest of a few known words."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 64
MOST = 500


def distance(one: str, other: str) -> int:
    """Edits between two words: insert, delete, replace, swap neighbours.

    Optimal string alignment distance (Damerau 1964, restricted to one edit per substring).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, candidate in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != candidate))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == candidate:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def folded(word: str) -> str:
    """The word without what people get wrong most: case, dashes, underscores, spaces, dots."""
    return word.lower().replace("-", "").replace("_", "").replace(" ", "").replace(".", "")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely meant to be, None where none is near."""
    if len(word) > LONGEST:
        return None
    bare = folded(word)
    best, fewest = None, len(word)
    for candidate in islice(known, MOST):
        other = folded(candidate)
        allowed = min(fewest - 1, min(len(bare), len(other)) // 3)
        if candidate != word and abs(len(other) - len(bare)) <= allowed:
            edits = distance(bare, other)
            if edits <= allowed:
                best, fewest = candidate, edits
    return best
