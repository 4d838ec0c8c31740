"""Experiments: to a step, its run's is the only one, whatever it calls it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from runner.store.records import Run

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"


def id_of(name: str | None) -> str:
    """The id of the experiment `name`: the same in every store, for nobody keeps a list."""
    if name is None or name == DEFAULT_NAME:
        return DEFAULT_ID
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:8], "big")
    return str(10**17 + number % (9 * 10**17))


class Own:
    """The experiment of a run.

    MLflow's client refuses to go on with a run of another experiment than the active one, so a
    step that calls `set_experiment("anything")` must be told that this is the run's.

    Attributes:
        id: as the step's MLflow knows it.
        label: what it is called: the name asked for, else what the step called it first, when it
            began to log.
        current: what the step called it last; a run that it makes has this label.
        names: every name that the step has used.
    """

    def __init__(self, run: Run, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self.label = self.current = run.experiment
        self._settled = False
        self.id = run.experiment_id or id_of(run.experiment)
        self.given = run.experiment is not None
        self.names: set[str] = {run.experiment} if run.experiment else set()

    def called(self, name: str) -> None:
        """The step has called its experiment `name`."""
        if name != DEFAULT_NAME:
            self.names.add(name)
            if not self.given:
                self.current = self._hide(name)
                self.label = self.label if self._settled else self.current

    def settle(self) -> None:
        """The step logs: what its experiment is called by now is the run's."""
        self._settled = True

    def is_called(self, run: Run, own: Run, names: Collection[str]) -> bool:
        """Whether a run of the store is in one of the experiments `names`."""
        label = self.label if run.id == own.id else run.experiment
        return (label or DEFAULT_NAME) in {self._hide(name) for name in names}

    def own_ids(self, asked: Iterable[str]) -> set[str]:
        """Ids of experiments; the own one's are one, such as that of an earlier run of its name."""
        known = {id_of(name) for name in self.names}
        return {self.id if one in known else one for one in asked}

    def holds(self, run: Run, own: Run) -> bool:
        """Whether another run of the store counts to it: one of the project, or of its name."""
        if run.experiment is not None and run.experiment in self.names:
            return True
        same = (own.source.url, own.source.subdirectory)
        return (run.source.url, run.source.subdirectory) == same or run.parent == own.id

    def id_for(self, run: Run, own: Run) -> str:
        """The experiment's id of a run of the store."""
        if self.holds(run, own):
            return self.id
        return run.experiment_id or id_of(run.experiment)
