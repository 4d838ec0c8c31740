"""Executions made ready for tests; as a program, a whole process that runs one and reports.

`python -m tests.support.steps FOLDER COMMAND [TIMEOUT [GRACE]]` stands in for reprun where a test
has to signal or kill it. Its output is the step's; FOLDER/outcome.json has what was returned.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.executors.base import Execution
from runner.executors.local import Local
from runner.executors.shell import argv_for
from runner.locking import try_hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.executors.base import Executor

MARKER = "TEST_MARKER"
STEPS_IN = "REPRUN_TESTS_STEPS_IN"


def execution_in(
    folder: Path,
    command: str,
    *,
    variables: Mapping[str, str] | None = None,
    timeout: float | None = None,
    grace: float = 10.0,
    secrets: tuple[str, ...] = (),
) -> Execution:
    """A command to be run by bash in `folder/project`, its logs beside that folder."""
    project = folder / "project"
    project.mkdir(parents=True, exist_ok=True)
    marker = {MARKER: os.environ.get(MARKER, str(folder))}
    return Execution(
        argv=argv_for(command),
        variables={"PATH": os.environ["PATH"], **marker, **(variables or {})},
        directory=project,
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        timeout=timeout,
        grace=grace,
        secrets=secrets,
    )


def _executor(folder: Path) -> Executor:
    """This machine's, or one for containers of the engine that `REPRUN_TESTS_STEPS_IN` names."""
    if (address := os.environ.get(STEPS_IN)) is None:
        return Local()
    from tests.support.contained import Containers

    return Containers(address, folder)


def main() -> int:
    """Run the step that the arguments describe, holding FOLDER/lock; its exit code."""
    folder, command = Path(sys.argv[1]), sys.argv[2]
    numbers = [None if text == "-" else float(text) for text in sys.argv[3:]]
    timeout, grace = (*numbers, None, None)[:2]
    execution = execution_in(folder, command, timeout=timeout, grace=grace or 10.0)
    lock = try_hold(folder / "lock")
    assert lock is not None
    execution = replace(execution, handles=(lock.fileno(),))
    outcome = _executor(folder).execute(execution, show=(sys.stdout.buffer, sys.stderr.buffer))
    text = json.dumps([outcome.exit_code, outcome.ended_by, outcome.signal, outcome.warnings])
    (folder / "outcome.json").write_text(text)
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
