"""What a benchmark says: measurements, the goals they are held against, and their table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.measure import MEBIBYTE, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Ratio:
    """A goal: `name` takes at most `at_most` times as long as `reference`."""

    name: str
    reference: str
    at_most: float


@dataclass(frozen=True, slots=True)
class Over:
    """A goal: `name` takes at most `at_most` seconds longer than `reference`."""

    name: str
    reference: str
    at_most: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A goal: `name` stays below `at_most`, in seconds."""

    name: str
    at_most: float


@dataclass(frozen=True, slots=True)
class Memory:
    """A goal: `name` stays below `at_most`, in bytes."""

    name: str
    at_most: int


Goal = Ratio | Over | Limit | Memory


@dataclass(frozen=True, slots=True)
class Figure:
    """One table.

    Attributes:
        reference: the measurement that the column of ratios divides by.
        peaks: whether memory says something here.
    """

    title: str
    measurements: tuple[Measurement, ...]
    reference: str
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()


def render(figure: Figure) -> str:
    """The table as text, its goals below it."""
    known = {m.name: m for m in figure.measurements}
    width = max(len(name) for name in known)
    lines = [figure.title, f"  {'':{width}}   median ms    min ms   ratio   peak MiB"]
    lines += [_row(m, known[figure.reference], width) for m in figure.measurements]
    lines += [f"  {line}" for line in figure.notes]
    lines += [f"  {line}" for goal in figure.goals for line in _verdict(goal, known)]
    return "\n".join(lines)


def _row(measurement: Measurement, reference: Measurement, width: int) -> str:
    if measurement.failure:
        return f"  {measurement.name:{width}}   failed: {measurement.failure}"
    ratio = "" if reference.failure else f"{measurement.wall_s / reference.wall_s:.2f}"
    fastest = min(sample.wall_s for sample in measurement.samples)
    return (
        f"  {measurement.name:{width}} {measurement.wall_s * 1000:11.1f} {fastest * 1000:9.1f}"
        f" {ratio:>7} {measurement.peak_bytes / MEBIBYTE:10.1f}"
    )


def _verdict(goal: Goal, known: dict[str, Measurement]) -> Iterator[str]:
    subject = known.get(goal.name)
    if subject is None or subject.failure:
        yield f"goal: {goal.name} was not measured"
        return
    if isinstance(goal, Ratio | Over):
        reference = known.get(goal.reference)
        if reference is None or reference.failure:
            yield f"goal: {goal.reference} was not measured"
            return
        if isinstance(goal, Over):
            more = subject.wall_s - reference.wall_s
            yield _line(goal.name, more, goal.at_most, f" over {goal.reference}", _milliseconds)
            return
        value = subject.wall_s / reference.wall_s
        yield _line(goal.name, value, goal.at_most, f" times {goal.reference}", _plain)
    elif isinstance(goal, Limit):
        yield _line(goal.name, subject.wall_s, goal.at_most, "", _milliseconds)
    else:
        yield _line(goal.name, subject.peak_bytes, goal.at_most, "", _mebibytes)


def _line(name: str, value: float, at_most: float, unit: str, text: Callable[[float], str]) -> str:
    word = "met" if value <= at_most else "MISSED"
    return f"goal {word}: {name} {text(value)}{unit}, at most {text(at_most)}"


def _plain(value: float) -> str:
    return f"{value:.2f}"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"


def _mebibytes(value: float) -> str:
    return f"{value / MEBIBYTE:.1f} MiB"
