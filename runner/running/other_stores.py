"""Says why a step that logs to a store of its own choice does not find its run there."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from runner.running.missing_files import LOOKED_AT, Explained

if TYPE_CHECKING:
    from pathlib import Path


def explain(stderr: Path, run_id: str) -> Explained | None:
    """The reason, where the end of what the step wrote to stderr says that the run is unknown.

    Source of the words: MLflow's stores, on files, behind SQL and behind REST.
    """
    try:
        with stderr.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - LOOKED_AT, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    if re.search(rf"Run (?:with id=)?'?{re.escape(run_id)}'? not found", text) is None:
        return None
    return Explained(
        "the step sets a tracking URI of its own, whose store does not know the id of this run",
        "take `set_tracking_uri` out, so that it logs into the run's record; or pass "
        "`--no-tracking`, so that MLFLOW_RUN_ID is not set",
    )
