"""What reprun itself holds in memory while a step runs: its own processes, not the step's."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measure import MEBIBYTE
from tests.support.repositories import commit_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.place import Place

LIMIT = 60 * MEBIBYTE
START_LIMIT_S = 30.0
MANIFEST = b"""\
entry_points:
  main:
    command: "touch started; exec sleep 7.25"
"""
STEP = "sleep\x007.25"  # as /proc has it


@dataclass(frozen=True, slots=True)
class Held:
    """One process's memory in bytes: resident, and its share of what it shares with others."""

    command: str
    resident: int
    proportional: int


def table(place: Place) -> str:
    """The memory of each of reprun's processes, as text."""
    repository = commit_files(place.folder("waiting"), {"MLproject": MANIFEST})
    command = (*place.reprun, "run", str(repository.path), "--env-manager", "local")
    with subprocess.Popen(
        command,
        cwd=place.root,
        env=dict(place.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _wait_for_step(process)
        held = own_processes(process.pid, step=STEP)
    return _render(held)


def own_processes(pid: int, *, step: str) -> list[Held]:
    """The memory of `pid` and of everything below it, except for processes called `step`."""
    return [_held(each) for each in _tree(pid) if step not in _command(each)]


def _wait_for_step(process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while not any(STEP in _command(pid) for pid in _tree(process.pid)):
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"the step did not start: exit status {process.poll()}")
        time.sleep(0.02)
    time.sleep(0.5)  # what is only held while starting is gone by then


def _tree(pid: int) -> Iterator[int]:
    """`pid` and every process below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        # A process may end while it is looked at.
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _held(pid: int) -> Held:
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    command = _command(pid).replace("\x00", " ").strip()
    return Held(command[:60], _bytes(fields["Rss"]), _bytes(fields["Pss"]))


def _bytes(field: str) -> int:
    return int(field.removesuffix("kB")) * 1024


def _render(held: list[Held]) -> str:
    proportional = sum(each.proportional for each in held)
    word = "met" if proportional <= LIMIT else "MISSED"
    lines = ["memory of reprun's own processes while a step runs", "    RSS MiB   PSS MiB"]
    for each in held:
        resident, share = each.resident / MEBIBYTE, each.proportional / MEBIBYTE
        lines.append(f"  {resident:9.1f} {share:9.1f}   {each.command}")
    total = f"{proportional / MEBIBYTE:.1f} MiB, at most {LIMIT / MEBIBYTE:.0f} MiB"
    return "\n".join([*lines, f"  goal {word}: together {total}"])
