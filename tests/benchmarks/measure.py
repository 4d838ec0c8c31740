"""The measuring core: the wall time and the peak memory of commands that take turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Contender:
    """A command to be measured.

    Attributes:
        variables: its whole environment.
        expected: the exit status that shows it did what it was measured for.
        prepare: run before every sample, not timed.
    """

    name: str
    argv: tuple[str, ...]
    directory: Path
    variables: Mapping[str, str]
    expected: int = 0
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One start to end.

    Attributes:
        wall_s: seconds.
        peak_bytes: largest resident set of any one of its processes; never below that of the
            measuring process, for Linux hands that down.
    """

    wall_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a contender's samples come to; `failure` says why there are none."""

    name: str
    samples: tuple[Sample, ...] = field(default=())
    failure: str | None = None

    @property
    def wall_s(self) -> float:
        """The median in seconds."""
        return statistics.median(sample.wall_s for sample in self.samples)

    @property
    def peak_bytes(self) -> int:
        """The largest of all samples."""
        return max(sample.peak_bytes for sample in self.samples)


class ContenderFailure(Exception):
    """A command did not end as expected: it must not be measured."""


def sample(contender: Contender) -> Sample:
    """Run the command once.

    Raises:
        ContenderFailure: it ended with another exit status than the expected one.
    """
    if contender.prepare:
        contender.prepare()
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            contender.argv,
            cwd=contender.directory,
            env=dict(contender.variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != contender.expected:
            raise ContenderFailure(f"ended with {process.returncode}: {_last_line(output)}")
    return Sample(wall_s, usage.ru_maxrss * 1024)


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"


def race(contenders: Sequence[Contender], *, rounds: int) -> tuple[Measurement, ...]:
    """Measure the contenders in turns, so that what disturbs the machine disturbs them all.

    One round before the first is not counted: it fills caches and finds those that fail.
    """
    failures: dict[str, str] = {}
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for turn in range(rounds + 1):
        for contender in _rotated(contenders, turn):
            if contender.name in failures:
                continue
            try:
                taken = sample(contender)
            except (ContenderFailure, OSError) as error:
                failures[contender.name] = str(error)
                continue
            if turn:
                samples[contender.name].append(taken)
    return tuple(
        Measurement(name, tuple(taken), failures.get(name)) for name, taken in samples.items()
    )


def _rotated(contenders: Sequence[Contender], turn: int) -> list[Contender]:
    """The same contenders, another one first in each turn."""
    start = turn % len(contenders)
    return [*contenders[start:], *contenders[:start]]


def difference(name: str, whole: Measurement, part: Measurement) -> Measurement:
    """What `whole` takes beyond `part`: the difference of their medians."""
    if failure := whole.failure or part.failure:
        return Measurement(name, failure=failure)
    return Measurement(name, (Sample(whole.wall_s - part.wall_s, whole.peak_bytes),))
