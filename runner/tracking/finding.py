"""Which runs and experiments of the store a search is about, page by page."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError
from runner.tracking import experiments as names
from runner.tracking import forms, search
from runner.tracking.call import number, words
from runner.tracking.refusal import wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.store.records import Run
    from runner.store.summaries import Summary
    from runner.tracking.session import Session

_LOOKED_AT = 2_000  # records that one search reads, the newest ones


def runs(
    session: Session, said: dict[str, Any], asked: tuple[str, ...] = ()
) -> tuple[list[Run], str | None]:
    """The runs that a search wants, and the token of the next page.

    Args:
        said: the request's fields.
        asked: names of experiments that the client has just looked up: to a step they all have
            one id, and this is what the search is about.

    Raises:
        Refusal: its filter can't be understood.
    """
    wanted = search.parse(str(said.get("filter") or said.get("filter_string") or ""))
    ids = session.experiment.own_ids(words(said, "experiment_ids"))
    stage = str(said.get("run_view_type") or "ACTIVE_ONLY")
    first, asked = offset(said.get("page_token"), asked)
    found = []
    for run in _candidates(session, ids):
        if asked and not session.experiment.is_called(run, session.own, asked):
            continue
        state = session.state(run)
        if stage != "ALL" and state.deleted != (stage == "DELETED_ONLY"):
            continue
        facts = _facts(session, run)
        if search.matches(facts, wanted):
            found.append((run, facts))
    ordered = search.ordered(found, words(said, "order_by"), default=("attributes", "start_time"))
    size = number(said, "max_results", 1000)
    page = [run for run, _ in ordered[first : first + size]]
    return page, token(first + size, asked) if first + size < len(ordered) else None


def _candidates(session: Session, ids: set[str]) -> Iterator[Run]:
    """Runs of these experiments; none given, or the own one: those of this project, too."""
    if not ids or session.experiment.id in ids:
        yield session.own
    for summary in _summaries(session):
        if summary.id == session.own.id or not _may_be(session, summary, ids):
            continue
        try:
            run = session.run(summary.id)
        except Exception:  # noqa: BLE001, S112  a damaged record is no reason to find no other
            continue
        if not ids or session.experiment.id_for(run, session.own) in ids:
            yield run


def _may_be(session: Session, summary: Summary, ids: set[str]) -> bool:
    """Whether a run may be wanted, by its summary alone: reading a record takes longer."""
    own = session.own.source
    if (summary.source, summary.subdirectory) == (own.url, own.subdirectory):
        return True
    if summary.experiment is not None and summary.experiment in session.experiment.names:
        return True
    return (summary.experiment_id or names.id_of(summary.experiment)) in ids - {names.DEFAULT_ID}


def _summaries(session: Session) -> list[Summary]:
    from runner.progress import Silent
    from runner.store import index
    from runner.store.summaries import Filter

    try:
        return index.list_runs(
            Filter(limit=_LOOKED_AT), settings=session.settings, progress=Silent()
        )
    except RunnerError:
        return []


def _facts(session: Session, run: Run) -> search.Facts:
    state = session.state(run)
    name = forms.name_of(run, state)
    metrics = {str(one["key"]): float(one["value"]) for one in forms.metrics_of(run, state)}
    attributes: dict[str, str | float | None] = {
        "run_id": run.id,
        "run_name": name,
        "status": forms.status_of(run, state),
        "start_time": float(forms.milliseconds(run.started)),
        "end_time": float(forms.milliseconds(run.ended)) or None,
        "user_id": "",
        "artifact_uri": "",
    }
    return search.facts_of(
        attributes, metrics, forms.parameters_of(run, state), forms.tags_of(run, state, name)
    )


def experiments(session: Session) -> list[tuple[str, str]]:
    """(name, id) of every named experiment of the store but the own one."""
    labels = {summary.experiment for summary in _summaries(session) if summary.experiment}
    found = [(name, names.id_of(name)) for name in sorted(labels - session.experiment.names)]
    return [one for one in found if one[1] != session.experiment.id]


def filtered_experiments(found: list[dict[str, Any]], said: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the experiments that a search wants.

    Raises:
        Refusal: its filter can't be understood.
    """
    wanted = [
        one._replace(key="name") if one.key == "run_name" else one
        for one in search.parse(str(said.get("filter") or ""))
    ]
    return [
        one
        for one in found
        if search.matches(
            {("attributes", key): one[key] for key in ("name", "experiment_id", "creation_time")},
            wanted,
        )
    ]


def token(position: int, asked: tuple[str, ...] = ()) -> str:
    """A page's token: its position, and the experiments that the first page was about."""
    return base64.urlsafe_b64encode(json.dumps([position, *asked]).encode()).decode()


def offset(text: object, asked: tuple[str, ...] = ()) -> tuple[int, tuple[str, ...]]:
    """The position that a token stands for, and the experiments; `asked` where there is none.

    Raises:
        Refusal: it is none of ours.
    """
    if not text:
        return 0, asked
    try:
        position, *names = json.loads(base64.urlsafe_b64decode(str(text)))
        return max(int(position), 0), tuple(map(str, names))
    except (ValueError, TypeError):
        raise wrong(f"Invalid page token: {text!r:.80}") from None
