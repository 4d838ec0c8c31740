"""Says why a step fails that logs to a store of its own: it lacks the run, or does not answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.running.missing_files import Explained

if TYPE_CHECKING:
    from runner.request import Request

_NOT_FOUND: Final = ("not found", "does not exist", "does not match environment run ID")
_NO_ANSWER: Final = re.compile(
    r"HTTPS?ConnectionPool\(host='([^']+)', port=(\d+)\): Max retries exceeded with url: "
    r"\S*/api/[0-9.]+/(?:preview/)?mlflow/"
)
_REFUSED: Final = re.compile(
    r"API request to (?:endpoint )?(https?://\S+?)/api/[0-9.]+/\S* failed with exception"
)


def explain(text: str, request: Request, run_id: str) -> Explained | None:
    """The reason, out of the end of what the step wrote to stderr; None where it shows none.

    Source of the words: MLflow's stores, on files, behind SQL and behind REST.
    """
    if not request.tracking:
        return None
    return _unanswered(text) or _without_run(text, run_id) or _not_kept(text)


def _not_kept(text: str) -> Explained | None:
    """What a release of MLflow, or the run's own endpoint, refuses."""
    if "filesystem tracking backend" in text and "maintenance mode" in text:
        return Explained(
            "the step logs to a folder, which this release of MLflow refuses",
            "pass `--log-here` to have what it logs in the run's record",
        )
    found = re.search(r"RestException: \w+: [^\n]*(reprun (?:keeps no|does not keep) [\w ]+)", text)
    if found is None:
        return None
    return Explained(
        f"the step wants what a record has no place for: {found[1]}",
        "pass `--no-tracking` to have it log to a store of its own, or to the server that "
        "MLFLOW_TRACKING_URI names",
    )


def _unanswered(text: str) -> Explained | None:
    if found := _NO_ANSWER.search(text):
        address = f"{found[1]}:{found[2]}"
    elif found := _REFUSED.search(text):
        address = found[1]
    else:
        return None
    return Explained(
        f"the step logs to a tracking server at {address}, which does not answer",
        "pass `--log-here` to have it in the run's record instead, or start that server",
    )


def _without_run(text: str, run_id: str) -> Explained | None:
    named = re.compile(rf"\b{re.escape(run_id)}\b")
    lines = [line for line in text.splitlines() if named.search(line)]
    if not any(words in line for line in lines for words in _NOT_FOUND):
        return None
    return Explained(
        f"the step logs to a store of its own, and that does not have the run {run_id}",
        "pass `--no-tracking` to let it start a run there, or `--log-here` to have what it logs "
        "in the run's record",
    )
