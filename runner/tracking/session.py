"""The runs that one step can see and log to: its own, those that it makes, the store's others."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import RequestError, RunnerError
from runner.store import layout, logged, runs
from runner.tracking import experiments
from runner.tracking.live import Live
from runner.tracking.refusal import Refusal, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.settings import Settings
    from runner.store.journal import State
    from runner.store.records import Run

_ENDS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
_DEEPEST = 64  # runs above a run


class Session:
    """What the endpoint of one run knows; threads share it.

    Attributes:
        own: the run whose step calls.
        address: where the endpoint answers, its token among it.
        experiment: the experiment of the run, and of all that its step calls an experiment.
    """

    def __init__(self, own: Run, *, settings: Settings, hide: Callable[[str], str]) -> None:
        self.own = own
        self.settings = settings
        self.address = ""
        self.experiment = experiments.Own(own, hide)
        self._hide = hide
        self._closed = False
        self._lives: dict[str, Live] = {}
        self._made: dict[str, Run] = {}
        self._lock = threading.RLock()

    def run(self, run_id: str) -> Run:
        """The run with this id, as its record has it.

        Raises:
            Refusal: there is none.
        """
        if run_id == self.own.id:
            return self.own
        with self._lock:
            if (made := self._made.get(run_id)) is not None:
                return made
        try:
            return runs.settled(runs.load_id(run_id, self.settings), self.settings)
        except (RequestError, RunnerError):
            if run_id == self.own.request.get("run_id"):
                return self.own  # a person has called it so
            raise missing(f"Run with id={run_id} not found") from None

    def known(self) -> tuple[Run, ...]:
        """The step's own run, and those that it has made or logged to."""
        with self._lock:
            others = [live.run for live in self._lives.values() if live.run.id != self.own.id]
        return (self.own, *others)

    def state(self, run: Run) -> State:
        """All that was logged to a run."""
        with self._lock:
            live = self._lives.get(run.id)
        return live.state if live is not None else logged.state_of(run)

    def live(self, run_id: str) -> Live:
        """The run, to be logged to.

        Raises:
            Refusal: there is none, or it has ended and is no run of this step.
        """
        run = self.run(run_id)
        with self._lock:
            if (live := self._lives.get(run.id)) is not None:
                return live
            if not self._below(run):
                self._refuse_foreign(run)
            try:
                live = Live(run, self._hide)
            except OSError as error:
                raise Refusal(
                    "RESOURCE_EXHAUSTED", f"run {run.id} can't be logged to: {error.strerror}"
                ) from error
            if self._closed:
                live.close()
            self.experiment.settle()
            self._lives[run.id] = live
            return live

    def hidden(self, text: str) -> str:
        """The text without the secrets of the step."""
        return self._hide(text)

    def _refuse_foreign(self, run: Run) -> None:
        """Of runs that this step has not started it may log to those that it is a part of.

        Raises:
            Refusal: it is another's, or has ended.
        """
        if run.status != "running":
            raise Refusal(
                "INVALID_STATE",
                f"run {run.id} is {run.status}, and its record does not change any more; "
                "start a new run and log to that",
            )
        if self._top(run) != self._top(self.own):
            raise Refusal(
                "PERMISSION_DENIED",
                f"run {run.id} is another's, and its step is still running; start a new run and "
                "log to that",
            )

    def _top(self, run: Run) -> str:
        """The id of the run that a person has started."""
        for _ in range(_DEEPEST):
            if run.parent is None:
                break
            try:
                run = self.run(run.parent)
            except Refusal:
                break
        return run.id

    def _below(self, run: Run) -> bool:
        """Whether the run was started, by whatever way, by this session's step."""
        for _ in range(_DEEPEST):
            if run.id == self.own.id:
                return True
            if run.parent is None:
                return False
            try:
                run = self.run(run.parent)
            except Refusal:
                return False
        return False

    def make(self, *, name: str | None, parent: str | None, started: int | None) -> Live:
        """A run of its own for a step that starts one by MLflow's calls.

        Args:
            parent: the run that it is nested in; the step's own where that is not one of ours.
            started: milliseconds since 1970.

        Raises:
            Refusal: there is no room for it.
        """
        moment = _text(started) if started else _text(int(time.time() * 1000))
        made = replace(
            self.own,
            id=layout.new_id(),
            # Nobody asked for it in these words, and they may hold a secret of the step's.
            request={},
            name=None if name is None else self._hide(name),
            parent=self._parent(parent),
            logged_by=self.own.id,
            parameters=(),
            inputs=(),
            tags={},
            warnings=(),
            metrics={},
            experiment=self.experiment.current,
            started=moment,
            directory=None,
        )
        try:
            begun = runs.begin(made, lock_text=None, settings=self.settings)
        except RunnerError as error:
            raise Refusal("RESOURCE_EXHAUSTED", error.message) from error
        with self._lock:
            self._made[begun.id] = begun
            live = self.live(begun.id)
            if self._closed:
                list(self._closed_now(live))  # the step ended while it was made
            return live

    def _parent(self, run_id: str | None) -> str:
        """The run that a new one is nested in, of those that are ours."""
        if run_id is not None:
            with contextlib.suppress(Refusal):
                if self._below(run := self.run(run_id)):
                    return run.id
        return self.own.id

    def end(self, live: Live) -> None:
        """Write down how a run of `make` ended, as soon as its step says so."""
        state = live.state
        status = _ENDS.get(state.status or "")
        with self._lock:
            made = self._made.get(live.run.id)
            if made is None or status is None:
                return
            ended = replace(made, ended=_text(state.ended or int(time.time() * 1000)))
            try:
                self._finish(ended, status)
            except RunnerError as error:
                raise Refusal("RESOURCE_EXHAUSTED", error.message) from error

    def _finish(self, made: Run, status: str, reason: str | None = None) -> None:
        # Until it is written as ended it counts as running, whatever happens here.
        self._lives[made.id].settle()
        ended = replace(
            _unlogged(made),
            status=status,
            reason=reason,
            exit_code=0 if status == "finished" else None,
            process=None,
        )
        self._made[made.id] = runs.finish(ended, settings=self.settings)

    def close(self) -> Iterator[str]:
        """End what the step left open, and record what it logged to other runs; yields warnings.

        The own run's record is the caller's business.
        """
        with self._lock:
            self._closed = True
            for live in self._lives.values():
                yield from self._closed_now(live)

    def _closed_now(self, live: Live) -> Iterator[str]:
        live.close()
        run = self._made.get(live.run.id)
        try:
            if run is not None and run.status == "running":
                text = _text(int(time.time() * 1000))
                reason = "the step ended without ending it"
                self._finish(replace(run, ended=text), "failed", reason)
            elif live.run.id != self.own.id and live.settle():
                self._add(live.run.id)
        except (OSError, RunnerError) as error:
            yield f"what was logged to run {live.run.id} is not in its record: {error}"

    def _add(self, run_id: str) -> None:
        run = runs.load_id(run_id, self.settings)
        if run.status != "running":
            runs.finish(_unlogged(run), settings=self.settings)


def _unlogged(run: Run) -> Run:
    """`run` without what was gathered of its journal before: all of that will be, again."""
    if run.logged is None:
        return run
    gathered = {name: metric.last for name, metric in run.logged.metrics.items()}
    others = {
        name: value
        for name, value in run.metrics.items()
        if name not in gathered or not _same(value, gathered[name])
    }
    return replace(run, logged=None, metrics=others)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _text(milliseconds: int) -> str:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
