"""A `Progress` that remembers what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Listener:
    """Keeps every stage, update, line and warning in the order they came."""

    stages: list[tuple[str, str]] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hints: list[str | None] = field(default_factory=list)

    def stage(self, name: str, text: str) -> None:
        """Remember a stage."""
        self.stages.append((name, text))

    def update(self, text: str) -> None:
        """Remember an update."""
        self.updates.append(text)

    def line(self, text: str) -> None:
        """Remember a line."""
        self.lines.append(text)

    def warning(self, text: str, hint: str | None = None) -> None:
        """Remember a warning."""
        self.warnings.append(text)
        self.hints.append(hint)
