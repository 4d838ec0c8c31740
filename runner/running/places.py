"""Where a step runs: on the machine itself, or in a container; both are told and heard alike."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from runner import nesting
from runner.executors import bytecode, step_tools
from runner.executors.home import writable
from runner.executors.local import Local
from runner.running import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from runner.executors.base import Execution, Outcome
    from runner.executors.output import Show
    from runner.progress import Progress
    from runner.running.plan import Ready
    from runner.settings import Settings
    from runner.store.records import RecordedContainer
    from runner.tracking.endpoint import Endpoint


class Place(Protocol):
    """Where one step runs."""

    @property
    def directory(self) -> str:
        """The step's working directory, by the name that it has there."""

    @property
    def shell(self) -> str:
        """What reads the step's command: `bash`, or `sh` where an image has no other."""

    @property
    def recorded(self) -> RecordedContainer | None:
        """What the record says of the container; None where there is none."""

    def endpoint(self) -> Endpoint | None:
        """Where what the step logs is heard; None where nothing there could reach it.

        Raises:
            ExecutionError: there is no port to be had.
        """

    def variables(
        self, outside: Mapping[str, str] | None
    ) -> AbstractContextManager[dict[str, str]]:
        """The step's variables, which are recorded.

        Args:
            outside: what the step's MLflow is told of a store that is not ours; None where it
                logs to ours.

        Raises:
            ExecutionError: the entry point asks for variables that the caller has not.
        """

    def equip(self, variables: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
        """All variables, with what is not recorded: it names this run, or where reprun is.

        Args:
            told: of the run's own endpoint.
        """

    def execute(self, execution: Execution, show: Show | None) -> Outcome:
        """Run the step to its end; see `Executor.execute`."""


class Machine:
    """The machine itself."""

    shell = "bash"
    recorded = None

    def __init__(self, ready: Ready, settings: Settings, progress: Progress) -> None:
        self._ready = ready
        self._settings = settings
        self._progress = progress

    @property
    def directory(self) -> str:
        """The project in the checkout; see `Place`."""
        return str(self._ready.checkout.project)

    def endpoint(self) -> Endpoint | None:
        """A port on loopback; see `Place`."""
        from runner.tracking.endpoint import Endpoint

        return Endpoint()

    @contextlib.contextmanager
    def variables(self, outside: Mapping[str, str] | None) -> Iterator[dict[str, str]]:
        """What is inherited and what the environment sets, with a HOME; see `Place`."""
        ready, request = self._ready, self._ready.planned.request
        place = bytecode.place(ready.checkout, self._settings)
        home = place.with_name(f"{place.name}.home")
        with (
            surroundings.variables(
                ready.environment,
                ready.activation,
                ready.checkout,
                settings=self._settings,
                entry_env={**ready.planned.spec.variables, **ready.step.entry_point.env},
                extra=outside or {},
                clean=request.clean_env,
                pass_env=request.pass_env,
            ) as seen,
            writable(seen, home, progress=self._progress) as variables,
        ):
            yield variables

    def equip(self, variables: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
        """With reprun itself at the end of PATH; see `Place`."""
        ready = self._ready
        own = nesting.told(
            ready.planned.run_id, ready.checkout.root, ready.planned.outer, self._settings
        )
        return step_tools.give({**variables, **own, **told}, self._settings)

    def execute(self, execution: Execution, show: Show | None) -> Outcome:
        """Run it under a supervisor; see `Place`."""
        return Local().execute(execution, show=show)


@contextlib.contextmanager
def place_of(ready: Ready, *, settings: Settings, progress: Progress) -> Iterator[Place]:
    """Where the step of `ready` runs; nothing of it is left at the end.

    Raises:
        EnvironmentFailure: what a container mounts is not there, or no engine answers.
    """
    if ready.activation.image is None:
        yield Machine(ready, settings, progress)
        return
    from runner.running.contained import contained

    with contained(ready, settings=settings, progress=progress) as container:
        yield container
