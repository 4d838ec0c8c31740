"""What a step logged: out of its journal and its artifacts into the record, and the JSON form."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from runner.manifest.model import HIDDEN
from runner.store import journal, layout, scan
from runner.store.encoding import number
from runner.store.records import Logged, LoggedMetric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.fields import Fields
    from runner.store.journal import State
    from runner.store.records import RecordedFile, Run

LONGEST = 1 << 16  # characters of a text in the record; the journal has the whole


def gather(run: Run, settings: Settings) -> Run:
    """`run` with all that was logged to it, its artifacts kept as objects.

    What can't be read or kept is a warning: what is in the run's folder stays there anyway.
    """
    directory = run.directory or layout.run_directory(run.id, settings)
    _forget_uploads(directory)
    artifacts, warnings = _artifacts(directory, settings)
    try:
        state = journal.state_of(directory)
    except OSError as error:
        state = journal.State()
        warnings.append(f"what the step logged can't be read: {(error.strerror or '').lower()}")
    try:
        return _gathered(run, state, artifacts, warnings)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        # The step can write into its journal; whatever stands there, the run is recorded.
        warnings.append(f"what the step logged can't be understood: {error}")
        return _gathered(run, journal.State(), artifacts, warnings)


def _gathered(
    run: Run, state: State, artifacts: tuple[RecordedFile, ...], warnings: list[str]
) -> Run:
    run = replace(run, warnings=tuple(dict.fromkeys((*run.warnings, *warnings))))
    if state.empty and not artifacts:
        return run
    logged = Logged(
        parameters=_cut(_further(state.parameters, run)),
        tags=_cut(state.tags),
        metrics={name: _metric(series) for name, series in state.metrics.items()},
        artifacts=artifacts,
        inputs=tuple(_shortened(one) for one in state.inputs),
        models=tuple(_shortened(one) for one in state.models.values()),
    )
    last = {name: series.last for name, series in state.metrics.items()}
    return replace(
        run,
        name=run.name if state.name is None else _plain(_short(state.name)),
        logged=logged,
        metrics={**last, **run.metrics},
    )


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same value: `0.1` and `0.10`, `True` and `true`."""
    if one == other or one.casefold() == other.casefold():
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _further(parameters: Mapping[str, str], run: Run) -> dict[str, str]:
    """The parameters that the run was not given, or not with this value."""
    given = {one.name: HIDDEN if one.secret else one.text for one in run.parameters}
    return {
        name: text
        for name, text in parameters.items()
        if name not in given or not alike(given[name], text)
    }


def _metric(series: journal.Series) -> LoggedMetric:
    return LoggedMetric(
        series.last, series.step, series.time, series.count, series.smallest, series.largest
    )


def _cut(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: _short(text) for name, text in texts.items()}


def _plain(text: str) -> str:
    """A name as one line of a terminal can have it."""
    return "".join(one if one.isprintable() else " " for one in text)


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text):,} characters, all of them in {layout.JOURNAL})"


def _shortened(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return value


def _forget_uploads(directory: Path) -> None:
    """Remove what was never sent whole, because somebody was killed."""
    from runner import files

    with contextlib.suppress(OSError):
        for unfinished in directory.glob(f"{layout.UPLOADING}*"):
            files.remove_tree(unfinished)


def _artifacts(directory: Path, settings: Settings) -> tuple[tuple[RecordedFile, ...], list[str]]:
    from runner.store.keeping import Keeper, Unreadable

    top = directory / layout.LOGGED
    if not top.is_dir() or top.is_symlink():
        return (), []
    keeper = Keeper(top, top, settings, copy=False)
    kept: list[RecordedFile] = []
    warnings: list[str] = []
    for path, entry in sorted(scan.scan(top, without=frozenset()).entries.items()):
        if entry.is_symlink or not entry.is_file:
            warnings.append(f"the logged artifact `{path}` is no file and is not kept")
            continue
        try:
            file = keeper.keep_file(path, path, entry, "logged")
        except (Unreadable, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            warnings.append(f"the logged artifact `{path}` can't be kept as an object: {reason}")
        else:
            kept.append(replace(file, mode=stat.S_IMODE(entry.mode) & ~0o222 | 0o200))
    return tuple(kept), warnings


def state_of(run: Run) -> State:
    """All that was logged to a run, the journal's whole texts among it.

    Raises:
        OSError: the journal can't be read.
    """
    return journal.State() if run.directory is None else journal.state_of(run.directory)


def to_json(
    logged: Logged | None,
    file: Callable[[RecordedFile], dict[str, Any]],
    hide: Callable[[str], str],
) -> dict[str, Any] | None:
    """The JSON form, None where nothing was logged."""
    if logged is None:
        return None
    return {
        "parameters": {name: hide(text) for name, text in logged.parameters.items()},
        "tags": {name: hide(text) for name, text in logged.tags.items()},
        "metrics": {
            name: {
                "last": number(metric.last),
                "step": metric.step,
                "time": metric.time,
                "count": metric.count,
                "smallest": number(metric.smallest),
                "largest": number(metric.largest),
            }
            for name, metric in logged.metrics.items()
        },
        "artifacts": [file(artifact) for artifact in logged.artifacts],
        "inputs": [finite(one) for one in logged.inputs],
        "models": [finite(one) for one in logged.models],
    }


def finite(value: object) -> Any:  # noqa: ANN401  JSON of MLflow's, kept as it came
    """`value` as JSON can have it: its numbers that JSON lacks as texts."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def from_fields(fields: Fields, file: Callable[[Fields], RecordedFile]) -> Logged:
    """What `to_json` wrote.

    Raises:
        StoreError: it isn't that.
    """
    return Logged(
        parameters=fields.texts("parameters"),
        tags=fields.texts("tags"),
        metrics={
            name: LoggedMetric(
                last=metric.number("last"),
                step=metric.integer("step"),
                time=metric.integer("time"),
                count=metric.integer("count"),
                smallest=metric.number("smallest"),
                largest=metric.number("largest"),
            )
            for name, metric in fields.members("metrics")
        },
        artifacts=tuple(file(one) for one in fields.each("artifacts")),
        inputs=tuple(one.all() for one in fields.each("inputs")),
        models=tuple(one.all() for one in fields.each("models")),
    )
