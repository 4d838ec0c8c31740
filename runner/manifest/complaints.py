"""Collects everything that is wrong or doubtful in a manifest, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.manifest.document import Spot
from runner.manifest.model import Problem

if TYPE_CHECKING:
    from typing import Protocol

    from runner.manifest.document import ScalarNode
    from runner.manifest.model import Severity

    class Place(Protocol):
        """Anything that knows where it stands: a node, a parameter, an entry point."""

        @property
        def line(self) -> int:
            """1-based, 0 for the file as a whole."""

        @property
        def column(self) -> int:
            """1-based, in characters, 0 for the file as a whole."""


class Complaints:
    """The problems of one manifest.

    Args:
        file: the manifest's path inside the project.

    Attributes:
        text: the manifest's text, once it is known; parts of a value are found in it.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.text = ""
        self._problems: dict[Problem, None] = {}

    def error(
        self,
        at: Place | None,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        entry_point: str | None = None,
    ) -> None:
        """Something wrong; with `entry_point`, wrong for that entry point alone."""
        self._add("error", at, code, message, hint, entry_point)

    def warning(
        self,
        at: Place | None,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        entry_point: str | None = None,
    ) -> None:
        """Something doubtful."""
        self._add("warning", at, code, message, hint, entry_point)

    def within(self, node: ScalarNode, snippet: str, before: int = 0) -> Place:
        """Where `snippet` stands inside a value, `before` of its like passed over.

        The value's own place where it can't be found, as a folded line can't.
        """
        found = node.start - 1
        for _ in range(before + 1):
            found = self.text.find(snippet, found + 1, node.end)
            if found < 0:
                return node
        return Spot.at(self.text, found)

    def _add(
        self,
        severity: Severity,
        at: Place | None,
        code: str,
        message: str,
        hint: str | None,
        entry_point: str | None,
    ) -> None:
        line, column = (at.line, at.column) if at else (0, 0)
        found = Problem(
            severity, f"manifest.{code}", message, self.file, line, column, hint, entry_point
        )
        # A node shared through an alias is checked at each of its uses; say it once.
        self._problems[found] = None

    def sorted(self) -> tuple[Problem, ...]:
        """All of them, in the order of the file."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.line, problem.column)))
