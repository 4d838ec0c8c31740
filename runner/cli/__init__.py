"""The command line: the only place that prints and exits."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command in `sys.argv` and exit with its status."""
    import gc
    import signal

    from runner.cli import streams

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Ctrl-C while we still import ends us without a traceback; `guarded` takes over then.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    streams.complete()
    from runner.cli.boundary import guarded
    from runner.cli.commands import reprun

    status = guarded(reprun, sys.argv[1:])
    # Nothing is to be collected any more: looking through all that was imported takes its time.
    gc.freeze()
    if "runner.conda.runtime" in sys.modules:
        _leave(status)
    sys.exit(status)


def _leave(status: int) -> NoReturn:
    """End without taking the interpreter apart: py-rattler's threads may still hold parts of it."""
    import atexit
    import contextlib
    import os

    atexit._run_exitfuncs()  # noqa: SLF001  coverage and temporary folders rely on it
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
