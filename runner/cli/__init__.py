"""The command line: the only place that prints and exits."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command in `sys.argv` and exit with its status."""
    from runner.cli import streams

    streams.complete()
    from runner.cli.boundary import guarded
    from runner.cli.commands import reprun

    sys.exit(guarded(reprun, sys.argv[1:]))
