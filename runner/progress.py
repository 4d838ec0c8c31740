"""What a stage says while it works; the command line decides whether anybody sees it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what happens, in the words of `pipeline.STAGES`."""

    def stage(self, name: str, text: str) -> None:
        """A stage of the chain begins; `text` says on what (`fetch`, `https://…`)."""

    def update(self, text: str) -> None:
        """The running stage's latest state, which replaces the one before it."""

    def line(self, text: str) -> None:
        """One line of a tool's own output, such as a build's log."""

    def warning(self, text: str, hint: str | None = None) -> None:
        """Something doubtful that does not stop the run."""


class Silent:
    """A `Progress` that keeps everything to itself."""

    def stage(self, name: str, text: str) -> None:
        """Ignore it."""

    def update(self, text: str) -> None:
        """Ignore it."""

    def line(self, text: str) -> None:
        """Ignore it."""

    def warning(self, text: str, hint: str | None = None) -> None:
        """Ignore it."""


class Noting:
    """A `Progress` that hands everything on and notes the warnings, which a record keeps."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self.warnings: list[str] = []

    def stage(self, name: str, text: str) -> None:
        """Hand it on."""
        self._listener.stage(name, text)

    def update(self, text: str) -> None:
        """Hand it on."""
        self._listener.update(text)

    def line(self, text: str) -> None:
        """Hand it on."""
        self._listener.line(text)

    def warning(self, text: str, hint: str | None = None) -> None:
        """Note it and hand it on."""
        self.warnings.append(text)
        self._listener.warning(text, hint)
