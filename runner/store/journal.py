"""What a step logs, as it comes: one JSON line each, appended beside the record and never changed.

Any process may append: a line is written by one call. Whoever wants to know what was logged folds
the lines; a last one that a kill or a full disk cut off does not count.

    {"metrics": [[name, value, step, milliseconds since 1970], …], "model": "m-…"}
    {"parameters": {name: text}}   {"tags": {name: text, gone: null}}
    {"inputs": [{…}]}   {"model": {"id": "m-…", …}}   {"outputs": [{…}]}
    {"status": "FINISHED", "ended": milliseconds}   {"name": text}   {"lifecycle": "deleted"}
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
from copy import copy
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypedDict

import msgspec
from msgspec import Struct, field

from runner.store import layout
from runner.store.fields import NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NAME = "mlflow.runName"  # a run's name is a tag to MLflow, too

Point = tuple[str, float, int, int]
"""Name, value, step, and milliseconds since 1970 of one measurement."""


class Event(TypedDict, total=False):
    """One line; `metrics` has points, `model` a logged model or, of points, its id."""

    metrics: list[tuple[str, float | Literal["NaN", "Infinity", "-Infinity"], int, int]]
    model: str | dict[str, Any]
    parameters: dict[str, str]
    tags: dict[str, str | None]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    status: str
    ended: int | None
    name: str
    lifecycle: str


_encode = msgspec.json.Encoder().encode
# A line that is not of ours, whoever wrote it, must not keep the run from being recorded.
_decode = msgspec.json.Decoder(Event).decode


class Series(Struct):
    """One metric's measurements in short.

    Attributes:
        last: the value of the greatest step; of equal steps that of the latest time.
        step, time: of `last`; the time in milliseconds since 1970.
        count: how many there are.
        smallest, largest: NaN aside; NaN where there is nothing else.
    """

    last: float
    step: int
    time: int
    count: int = 1
    smallest: float = math.nan
    largest: float = math.nan


class State(Struct):
    """All that was logged to one run, as of now.

    Attributes:
        models: id → what is known of a logged model, `metrics` and `tags` among it.
        inputs: data sets, each with the tags it was logged with.
        status: as MLflow has it, None where the step has said nothing.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Series] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    status: str | None = None
    ended: int | None = None
    name: str | None = None
    deleted: bool = False

    def copy(self) -> State:
        """The same, for a reader: what is logged meanwhile does not change it."""
        return State(
            parameters=dict(self.parameters),
            tags=dict(self.tags),
            metrics={name: copy(series) for name, series in self.metrics.items()},
            models={name: _copied(model) for name, model in self.models.items()},
            inputs=list(self.inputs),
            outputs=list(self.outputs),
            status=self.status,
            ended=self.ended,
            name=self.name,
            deleted=self.deleted,
        )

    @property
    def empty(self) -> bool:
        """Whether nothing was logged that a record would keep."""
        return not (
            self.parameters or self.tags or self.metrics or self.models or self.inputs or self.name
        )


def _copied(model: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(it) if isinstance(it, dict) else it for key, it in model.items()}


def line_of(event: Event) -> bytes:
    """The journal's line for `event`."""
    return _encode(event) + b"\n"


def written(point: Point) -> tuple[str, float | Literal["NaN", "Infinity", "-Infinity"], int, int]:
    """A measurement as an event has it: numbers that JSON lacks are texts."""
    name, value, step, time = point
    if math.isfinite(value):
        return point
    return (
        name,
        "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity",
        step,
        time,
    )


def append(handle: int, lines: bytes) -> None:
    """Append lines; what can't be written whole is taken back.

    Raises:
        OSError: there is no room.
    """
    size = os.write(handle, lines)
    if size == len(lines):
        return
    end = os.lseek(handle, 0, os.SEEK_CUR)
    if os.fstat(handle).st_size == end:
        os.ftruncate(handle, end - size)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def opened(directory: Path) -> int:
    """The run's journal, open for appending.

    Raises:
        OSError: it can't be made.
    """
    return _regular(directory, os.O_RDWR | os.O_CREAT | os.O_APPEND)


def readable(directory: Path) -> BinaryIO:
    """The run's journal, open for reading.

    Raises:
        OSError: it isn't there, can't be read, or is no file: a step knows where it lies.
    """
    return os.fdopen(_regular(directory, os.O_RDONLY), "rb")


def _regular(directory: Path, flags: int) -> int:
    safe = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(directory / layout.JOURNAL, flags | safe, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no regular file", str(directory / layout.JOURNAL))
    return handle


def events(directory: Path) -> Iterator[Event]:
    """Every event of the run's journal, in order; none where there is no journal."""
    try:
        with readable(directory) as file:
            for line in file:
                if (event := event_of(line)) is not None:
                    yield event
    except FileNotFoundError:
        return


def event_of(line: bytes) -> Event | None:
    """The event of a line, None for one that was cut off or damaged."""
    if not line.endswith(b"\n"):
        return None
    try:
        return _decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None


def state_of(directory: Path) -> State:
    """All that was logged to the run whose record lies in `directory`.

    Raises:
        OSError: the journal can't be read.
    """
    state = State()
    for event in events(directory):
        fold(state, event)
    return state


def history(directory: Path, name: str) -> Iterator[Point]:
    """Every measurement of one metric, as it was logged.

    Raises:
        OSError: the journal can't be read.
    """
    for event in events(directory):
        for point in points_of(event):
            if point[0] == name:
                yield point


def points_of(event: Event) -> Iterator[Point]:
    """The measurements of an event, its numbers that JSON lacks put back."""
    for name, value, step, time in event.get("metrics", ()):
        yield name, NOT_FINITE[value] if isinstance(value, str) else float(value), step, time


def fold(state: State, event: Event) -> None:
    """Take an event into `state`; of one that is not of ours, what can be understood."""
    with contextlib.suppress(TypeError, ValueError, AttributeError, RecursionError):
        _fold(state, event)


def _fold(state: State, event: Event) -> None:
    model = event.get("model")
    if "metrics" in event:
        add_points(state, points_of(event), model if isinstance(model, str) else None)
    elif isinstance(model, dict) and isinstance(model.get("id"), str):
        _fold_model(state, model)
    state.parameters.update(event.get("parameters", {}))
    for name, text in event.get("tags", {}).items():
        if name == _NAME and text is not None:
            state.name = text
        elif text is None:
            state.tags.pop(name, None)
        else:
            state.tags[name] = text
    state.inputs += event.get("inputs", [])
    state.outputs += event.get("outputs", [])
    state.status = event.get("status", state.status)
    if "status" in event:
        state.ended = event.get("ended")
    state.name = event.get("name", state.name)
    if "lifecycle" in event:
        state.deleted = event["lifecycle"] == "deleted"


def add_points(state: State, points: Iterable[Point], model: str | None = None) -> None:
    """Take measurements into `state`; those of a model are the run's, too."""
    metrics = state.metrics
    if model is not None:
        points = list(points)
        known = state.models.setdefault(model, {"id": model})
        known.setdefault("metrics", {}).update((name, value) for name, value, _, _ in points)
    for name, value, step, time in points:
        series = metrics.get(name)
        if series is None:
            metrics[name] = Series(value, step, time, 1, value, value)
            continue
        series.count += 1
        if (step, time) >= (series.step, series.time):
            series.last, series.step, series.time = value, step, time
        # Written so that NaN never stays where a number could be.
        if not (series.smallest <= value or math.isnan(value)):
            series.smallest = value
        if not (series.largest >= value or math.isnan(value)):
            series.largest = value


def _fold_model(state: State, said: dict[str, Any]) -> None:
    model = state.models.setdefault(said["id"], {"id": said["id"]})
    for key, value in said.items():
        if key in {"tags", "params"} and isinstance(value, dict):
            kept = {**model.get(key, {}), **value}
            model[key] = {name: text for name, text in kept.items() if text is not None}
        else:
            model[key] = value
