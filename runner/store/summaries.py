"""One line about a run: what the index keeps and `runs list` shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from runner.store.encoding import number
from runner.store.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.store.records import Run


class Filter(Struct, frozen=True):
    """Which runs are wanted; None means any.

    Attributes:
        source: part of the source's address.
        parent: the run that started them; "" for those that a person started.
        steps: only runs that have a step of their own, none that a step made by MLflow's calls.
        experiment: an experiment's name or id.
        tag: name and value; value None for any.
        limit: how many at most, None for all.
        newest_first: by start.
    """

    entry_point: str | None = None
    status: str | None = None
    experiment: str | None = None
    tag: tuple[str, str | None] | None = None
    source: str | None = None
    parent: str | None = None
    steps: bool = False
    limit: int | None = None
    newest_first: bool = True


class Summary(Struct, frozen=True):
    """A run in one line.

    Attributes:
        source: the source's address.
        project: the manifest's name.
        parent: the run whose step started it.
        wall_s: seconds that the step took, None while it runs.
        logged_by: the run whose step made it by MLflow's calls, None for any other.
    """

    id: str
    status: str
    entry_point: str
    source: str
    started: str
    commit: str | None = None
    subdirectory: str = ""
    version: str | None = None
    name: str | None = None
    project: str | None = None
    experiment: str | None = None
    experiment_id: str | None = None
    parent: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    wall_s: float | None = None
    reason: str | None = None
    logged_by: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def summarise(run: Run) -> Summary:
    """The summary of a run."""
    return Summary(
        id=run.id,
        status=run.status,
        entry_point=run.entry_point,
        source=run.source.url,
        started=run.started,
        commit=run.source.commit,
        subdirectory=run.source.subdirectory,
        version=run.source.version,
        name=run.name,
        project=run.manifest_name,
        experiment=run.experiment,
        experiment_id=run.experiment_id,
        parent=run.parent,
        ended=run.ended,
        exit_code=run.exit_code,
        wall_s=run.resources.wall_s if run.resources else None,
        reason=run.reason,
        logged_by=run.logged_by,
        metrics=run.metrics,
        tags=run.tags,
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """One element of what `reprun runs list --json` prints."""
    return {
        "id": summary.id,
        "status": summary.status,
        "name": summary.name,
        "project": summary.project,
        "entry_point": summary.entry_point,
        "source": summary.source,
        "subdirectory": summary.subdirectory,
        "commit": summary.commit,
        "version": summary.version,
        "experiment": summary.experiment,
        "experiment_id": summary.experiment_id,
        "parent": summary.parent,
        "started": summary.started,
        "ended": summary.ended,
        "exit_code": summary.exit_code,
        "wall_s": summary.wall_s,
        "reason": summary.reason,
        "logged_by": summary.logged_by,
        "metrics": {name: number(value) for name, value in summary.metrics.items()},
        "tags": dict(summary.tags),
    }


def from_text(text: str) -> Summary:
    """The summary that `to_json` made.

    Raises:
        StoreError: it isn't one.
        ValueError: it isn't JSON.
    """
    fields = Fields(json.loads(text), "the index")
    return Summary(
        id=fields.text("id"),
        status=fields.text("status"),
        entry_point=fields.text("entry_point"),
        source=fields.text("source"),
        started=fields.text("started"),
        commit=fields.optional("commit"),
        subdirectory=fields.text("subdirectory"),
        version=fields.optional("version"),
        name=fields.optional("name"),
        project=fields.optional("project"),
        experiment=fields.optional("experiment"),
        experiment_id=fields.optional("experiment_id"),
        parent=fields.optional("parent"),
        ended=fields.optional("ended"),
        exit_code=fields.integer("exit_code") if fields.has("exit_code") else None,
        wall_s=fields.number("wall_s") if fields.has("wall_s") else None,
        reason=fields.optional("reason"),
        logged_by=fields.optional("logged_by"),
        metrics=fields.numbers("metrics"),
        tags=fields.texts("tags"),
    )
