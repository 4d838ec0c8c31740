"""A `Progress` that remembers what it was told."""

from __future__ import annotations

from runner.progress import Silent


class Heard(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str, hint: str | None = None) -> None:
        self.warnings.append(f"{text} {hint}")
