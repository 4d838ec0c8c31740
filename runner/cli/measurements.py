"""Metrics in words: one line each, or every measurement of one as comma-separated values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runner.cli.render import table
from runner.errors import RequestError
from runner.store.encoding import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.store.journal import Point
    from runner.store.records import Run


def summaries(run: Run) -> dict[str, Any]:
    """Each metric in short, as the record has it; of one out of a file only its value."""
    from runner.store.encoding import to_json

    logged = to_json(run)["logged"] or {"metrics": {}}
    return {
        name: {**logged["metrics"].get(name, {}), "value": number(value)}
        for name, value in run.metrics.items()
    }


def metric_lines(run: Run) -> list[str]:
    """A table of the metrics."""
    known = {} if run.logged is None else run.logged.metrics
    rows = []
    for name, value in run.metrics.items():
        if (series := known.get(name)) is None:
            rows.append((name, f"{value:.6g}", "", "", "", ""))
            continue
        between = (f"{series.smallest:.6g}", f"{series.largest:.6g}")
        rows.append((name, f"{value:.6g}", *between, f"{series.count}", f"{series.step}"))
    if not rows:
        return []
    return table(("metric", "last", "smallest", "largest", "times", "step"), rows).splitlines()


def measurement_lines(run: Run, metric: str, *, as_json: bool) -> Iterator[str]:
    """Every measurement of a metric, oldest first: step, value, and milliseconds since 1970.

    Raises:
        RequestError: the run has no such metric.
    """
    from runner.nearest import nearest

    points = list(_points(run, metric))
    if not points:
        near = nearest(metric, run.metrics)
        known = ", ".join(list(run.metrics)[:8]) or "none"
        hint = f"did you mean `{near}`?" if near else f"it has: {known}"
        raise RequestError(f"run {run.id} has no metric `{metric}`", hint)
    if as_json:
        yield json.dumps([{"step": p[2], "value": number(p[1]), "time": p[3]} for p in points])
        return
    yield "step,value,time"
    for _, value, step, time in points:
        yield f"{step},{value!r},{time}"


def _points(run: Run, metric: str) -> Iterator[Point]:
    from runner.store import journal

    assert run.directory is not None
    found = False
    for point in journal.history(run.directory, metric):
        found = True
        yield point
    if not found and metric in run.metrics:
        yield metric, run.metrics[metric], 0, 0  # out of a file: one number, no time
