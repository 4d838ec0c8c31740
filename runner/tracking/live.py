"""A run that can be logged to: its journal, and all that stands in it."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from runner.store import journal, layout, logged
from runner.tracking.refusal import Refusal, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runner.store.journal import Event, Point, State
    from runner.store.records import Run

_DEEPEST = 64  # levels of an event: what can be written must be readable, and fit into a record
_NAMED = {"tags", "params", "parameters"}  # mappings whose keys a step chooses


class Live:
    """One run's journal; any thread may log, and so may other processes.

    The journal is opened for each call: a step may have thousands of runs.

    Attributes:
        run: the record that the journal belongs to.
        touched: whether something was logged since `settle` was called last.
    """

    def __init__(self, run: Run, hide: Callable[[str], str]) -> None:
        """Read it.

        Raises:
            OSError: it can't be read.
        """
        assert run.directory is not None
        self.run = run
        self.touched = False
        self._directory = run.directory
        self._hide = hide
        self._closed = False
        self._lock = threading.RLock()
        self._state = journal.State()
        self._read = 0
        self._catch_up()

    def close(self) -> None:
        """Take no more."""
        with self._lock:
            self._closed = True

    def settle(self) -> bool:
        """Whether something was logged since the last time; the caller has recorded it now."""
        with self._lock:
            touched, self.touched = self.touched, False
            return touched

    @contextlib.contextmanager
    def alone(self) -> Iterator[State]:
        """All that was logged until now; no other thread logs meanwhile."""
        with self._lock:
            self._catch_up()
            yield self._state

    @property
    def state(self) -> State:
        """All that was logged until now."""
        with self.alone() as state:
            return state.copy()

    def log(self, *events: Event, parameters: Mapping[str, str] | None = None) -> None:
        """Append events and parameters, all of them or none; secrets in texts are hidden first.

        A parameter that has the same value already, however it is written, is nothing new.

        Raises:
            Refusal: a parameter has another value already, as in MLflow; there is no room.
        """
        with self._lock:
            if parameters:
                self._catch_up()
                fresh = self._fresh(parameters)
                events = (*(({"parameters": fresh},) if fresh else ()), *events)
            if events:
                self._append([self._hidden(event) for event in events])

    def _fresh(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Those of the parameters that are not known yet."""
        known, fresh = self._state.parameters, {}
        for shown, text in parameters.items():
            name, value = self._hide(shown), self._hide(text)
            if name not in known:
                fresh[name] = value
            elif not logged.alike(known[name], value):
                raise Refusal(
                    "INVALID_PARAMETER_VALUE",
                    "Changing param values is not allowed. Param with "
                    f"key='{name}' was already logged with value='{known[name]}' "
                    f"for run ID='{self.run.id}'. Attempted logging new value '{value}'.",
                )
        return fresh

    def _hidden(self, event: Event) -> Event:
        if "metrics" not in event:
            hidden: Event = _hidden(event, self._hide, 0)
            return hidden
        return {**event, "metrics": [(self._hide(one[0]), *one[1:]) for one in event["metrics"]]}

    def _append(self, events: list[Event]) -> None:
        try:
            lines = b"".join(map(journal.line_of, events))
        except (OverflowError, ValueError, TypeError) as error:
            raise wrong(f"what was logged can't be kept: {error}") from None
        if self._closed:
            raise Refusal("INVALID_STATE", f"run {self.run.id} has ended")
        try:
            self._write(events, lines)
        except OSError as error:
            raise Refusal(
                "RESOURCE_EXHAUSTED",
                f"what was logged to run {self.run.id} can't be kept: {error.strerror}",
            ) from error
        self.touched = True

    def _write(self, events: list[Event], lines: bytes) -> None:
        handle = journal.opened(self._directory)
        try:
            if os.fstat(handle).st_size != self._read:
                self._catch_up()
                if os.fstat(handle).st_size != self._read:
                    # Somebody was killed in the middle of a line.
                    journal.append(handle, b"\n")
                    self._catch_up()
            journal.append(handle, lines)
            if os.fstat(handle).st_size != self._read + len(lines):
                self._catch_up()  # another process has logged to it meanwhile
                return
        finally:
            os.close(handle)
        self._read += len(lines)
        for event in events:
            journal.fold(self._state, event)

    def _catch_up(self) -> None:
        """Read what other processes have appended."""
        with contextlib.suppress(FileNotFoundError):
            path = self._directory / layout.JOURNAL
            if path.stat().st_size <= self._read:
                return
            with journal.readable(self._directory) as file:
                file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._read += len(line)
                    if (event := journal.event_of(line)) is not None:
                        journal.fold(self._state, event)


def measured(points: Iterable[Point], model: str | None) -> Event:
    """Measurements as an event, of a logged model where one is named."""
    event: Event = {"metrics": [journal.written(point) for point in points]}
    if model is not None:
        event["model"] = model
    return event


def _hidden(
    value: Any,  # noqa: ANN401  JSON
    hide: Callable[[str], str],
    depth: int,
    *,
    named: bool = False,
) -> Any:  # noqa: ANN401  JSON
    if depth > _DEEPEST:
        raise wrong(f"what was logged is nested deeper than {_DEEPEST} levels")
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {
            hide(key) if named else key: _hidden(inner, hide, depth + 1, named=key in _NAMED)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_hidden(inner, hide, depth + 1) for inner in value]
    return value
