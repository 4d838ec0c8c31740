"""A run that can be logged to: its journal, open, and all that stands in it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from runner.store import journal, logged
from runner.tracking.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.store.journal import Point, State
    from runner.store.records import Run


class Live:
    """One run's journal; any thread may log, and so may other processes that have it open.

    Attributes:
        run: the record that the journal belongs to.
        touched: whether something was logged since `settle` was called last.
    """

    def __init__(self, run: Run, hide: Callable[[str], str]) -> None:
        """Open it.

        Raises:
            OSError: the journal can't be made or read.
        """
        assert run.directory is not None
        self.run = run
        self.touched = False
        self._hide = hide
        self._handle = journal.opened(run.directory)
        self._lock = threading.RLock()
        self._state = journal.State()
        self._read = 0
        self._catch_up()

    def close(self) -> None:
        """Let the journal go."""
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    def settle(self) -> bool:
        """Whether something was logged since the last time; the caller has recorded it now."""
        with self._lock:
            touched, self.touched = self.touched, False
            return touched

    @property
    def state(self) -> State:
        """All that was logged until now; not to be changed."""
        with self._lock:
            self._catch_up()
            return self._state

    def log(self, event: dict[str, Any]) -> None:
        """Append an event; secrets in its texts are hidden first.

        Raises:
            Refusal: there is no room for it.
        """
        if "metrics" not in event:
            event = _hidden(event, self._hide)
        self._append(journal.line_of(event), event)

    def log_points(self, points: list[Point], model: str | None) -> None:
        """Append measurements, of a logged model where one is named.

        Raises:
            Refusal: there is no room for them.
        """
        event: dict[str, Any] = {"metrics": points}
        if model is not None:
            event["model"] = model
        self._append(journal.line_of(event), event)

    def log_parameters(self, parameters: dict[str, str]) -> None:
        """Append parameters; the same value again, however it is written, is nothing new.

        Raises:
            Refusal: one of them has another value already, as in MLflow, or there is no room.
        """
        with self._lock:
            known = self.state.parameters
            new = {name: self._hide(text) for name, text in parameters.items()}
            for name, text in new.items():
                if name in known and not logged.alike(known[name], text):
                    raise Refusal(
                        "INVALID_PARAMETER_VALUE",
                        "Changing param values is not allowed. Param with "
                        f"key='{name}' was already logged with value='{known[name]}' "
                        f"for run ID='{self.run.id}'. Attempted logging new value '{text}'.",
                    )
            fresh = {name: text for name, text in new.items() if name not in known}
            if fresh:
                self._append(journal.line_of({"parameters": fresh}), {"parameters": fresh})

    def _append(self, line: bytes, event: dict[str, Any]) -> None:
        with self._lock:
            if self._handle < 0:
                raise Refusal("INVALID_STATE", f"run {self.run.id} has ended")
            try:
                journal.append(self._handle, line)
            except OSError as error:
                raise Refusal(
                    "RESOURCE_EXHAUSTED",
                    f"what was logged to run {self.run.id} can't be kept: {error.strerror}",
                ) from error
            self.touched = True
            if os.fstat(self._handle).st_size == self._read + len(line):
                self._read += len(line)
                journal.fold(self._state, event)
            else:
                self._catch_up()  # another process has logged to it meanwhile

    def _catch_up(self) -> None:
        if self._handle < 0 or (size := os.fstat(self._handle).st_size) <= self._read:
            return
        block = os.pread(self._handle, size - self._read, self._read)
        whole = block[: block.rfind(b"\n") + 1]
        for line in whole.splitlines(keepends=True):
            if (event := journal.event_of(line)) is not None:
                journal.fold(self._state, event)
        self._read += len(whole)


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: _hidden(inner, hide) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, hide) for inner in value]
    return value
