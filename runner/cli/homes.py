"""The homes that a command works in, cleared of what killed runs left running."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.settings import Settings


def homes() -> Settings:
    """The settings; containers whose reprun was killed are removed first."""
    from runner.containers import leftovers
    from runner.settings import read_settings

    settings = read_settings()
    leftovers.sweep(settings)
    return settings
