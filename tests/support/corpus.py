"""The corpus of public manifests with MLflow's reading of each; not part of the repository."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.folder import FolderFiles

CORPUS = Path(
    os.environ.get("REPRUN_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus", "manifests"
)
ORACLE = CORPUS / "oracle.json"
CASES: list[dict[str, Any]] = json.loads(ORACLE.read_text()) if ORACLE.is_file() else []

needs_corpus = pytest.mark.skipif(not CASES, reason=f"no corpus in {CORPUS}: set REPRUN_CORPUS")


def files_of(case: dict[str, Any], folder: Path) -> FolderFiles:
    """The case's project, with an empty environment file where the corpus could not have it."""
    project = folder / "source" / "project"
    shutil.copytree(CORPUS / case["id"], project)
    project.chmod(0o755)  # the corpus may be read-only, and so would be its copy
    if case["env_ref"] and not (project / case["env_ref"]["ref"]).exists():
        (project / case["env_ref"]["ref"]).write_text("")
    return FolderFiles(project, root=project.parent)
