"""Gives a step's MLflow calls a home while it runs, unless it is to log somewhere else."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner import nesting
from runner.errors import RunnerError
from runner.executors import step_tools
from runner.running import recording
from runner.store.encoding import hiding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.progress import Progress
    from runner.running.places import Place
    from runner.running.plan import Ready
    from runner.settings import Settings
    from runner.store.records import Run
    from runner.tracking.endpoint import Endpoint

_ADDRESS = "MLFLOW_TRACKING_URI"


class Home:
    """Where the step logs to: an endpoint of ours, or, without one, what the caller has set."""

    def __init__(self, ready: Ready, endpoint: Endpoint | None, settings: Settings) -> None:
        self._ready = ready
        self._endpoint = endpoint
        self._request = ready.planned.request
        self._logs_to = _run_to_log_to(ready, settings)

    def placed(self, run: Run) -> Run:
        """The record of the run, below the one that its step logs to where that is another."""
        return run if self._logs_to == run.id else replace(run, parent=self._logs_to)

    def recorded(self) -> dict[str, str] | None:
        """What the step's MLflow is told of a store that is not ours; the record keeps it.

        None where it logs to ours.
        """
        return recording.mlflow_variables(self._request) if self._endpoint is None else None

    def told(self, variables: Mapping[str, str]) -> dict[str, str]:
        """What the step's MLflow is told of ours, another address and token each time.

        Args:
            variables: all others of the step.
        """
        if self._endpoint is None:
            return {}
        told = self._endpoint.variables(
            self._logs_to,
            experiment=self._request.experiment,
            experiment_id=self._request.experiment_id,
            inherited=variables,
        )
        return told | ({"REPRUN_LOG_HERE": "1"} if self._request.log_here else {})

    def open(self, run: Run, settings: Settings) -> None:
        """From now on, what the step logs goes into the run."""
        if self._endpoint is not None:
            hide = hiding(self._ready.step.parameters)
            self._endpoint.serve(run, settings=settings, hide=hide)

    def close(self, run: Run, progress: Progress) -> Run:
        """The step has ended; the run, with the name that the step gave its experiment."""
        if self._endpoint is None:
            return run
        session, warnings = self._endpoint.close()
        for text in warnings:
            progress.warning(text)
        return run if session is None else replace(run, experiment=session.experiment.label)


@contextlib.contextmanager
def home(ready: Ready, place: Place, settings: Settings) -> Iterator[Home]:
    """The home of what the step logs; its port is free again afterwards.

    Raises:
        ExecutionError: there is no port to be had.
    """
    if not ready.planned.request.tracking or _elsewhere(ready):
        yield Home(ready, None, settings)
        return
    endpoint = place.endpoint()
    try:
        yield Home(ready, endpoint, settings)
    finally:
        if endpoint is not None:
            endpoint.close()


def _run_to_log_to(ready: Ready, settings: Settings) -> str:
    """The run's own id, or that of a run around it that its step shall go on with.

    `mlflow.projects.run(run_id=…)` in a step has its run log to one that the step has started.
    """
    asked, own = ready.planned.request.run_id, ready.planned.run_id
    outer = ready.planned.outer
    if asked is None or outer is None or outer.run is None:
        return own
    from runner.store import runs

    try:
        run = runs.settled(runs.load_id(asked, settings), settings)
    except RunnerError:
        return own
    around = {one.id for one in nesting.ancestors(outer.run, settings)}
    ours = run.id in around or run.logged_by in around or run.parent in around
    return asked if ours and run.status == "running" else own


def _elsewhere(ready: Ready) -> bool:
    """Whether the project or the caller names another store for the step."""
    request = ready.planned.request
    if ready.step.entry_point.env.get(_ADDRESS, "") != "":
        return True
    passed = not request.clean_env or _ADDRESS in request.pass_env
    given = bool(os.environ.get(_ADDRESS)) and not step_tools.logs_to_outer(os.environ)
    return passed and given
