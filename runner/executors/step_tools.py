"""What a step finds of reprun: the command at the end of its PATH, and a place for Python's hooks.

The step's own environment has no reprun. The command is a launcher for the very interpreter that
runs now; Python looks into the folder `step_site` when it starts, and so MLflow's calls to run a
project are handed to reprun, whatever MLflow it is.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runner import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.settings import Settings

SITE = Path(__file__).with_name("step_site")
PROGRAM = "REPRUN_PROGRAM"
TRACKING = "REPRUN_TRACKING_URI"  # where a run's own endpoint answers
_OF_THE_ENDPOINT = (
    "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
)  # fmt: skip
# Neither the folder that it is called in nor PYTHONPATH may change what this is.
_LAUNCHER = """\
#!/bin/sh
# Made by reprun; runs the reprun whose run this is a part of.
exec {python} -EP -c {code} "$@"
"""
_CODE = (
    "import sys; sys.path.append({place!r}); sys.argv[0] = 'reprun'; "
    "from runner.cli import main; main()"
)


def give(variables: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """`variables` with the folder of the launcher last in PATH and ours first in PYTHONPATH.

    Raises:
        OSError: the launcher can't be written.
    """
    program = _launcher(settings)
    path = variables.get("PATH") or os.defpath
    python_path = variables.get("PYTHONPATH")
    return {
        **variables,
        "PATH": f"{path}{os.pathsep}{program.parent}",
        "PYTHONPATH": os.pathsep.join([str(SITE), *([python_path] if python_path else [])]),
        PROGRAM: str(program),
    }


def without(variables: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """`variables` without what an outer run added for its own step.

    That is folders in PATH and PYTHONPATH, and where that run's endpoint is, unless the step has
    chosen another store since.
    """
    place, site = str(_folder(settings)), str(SITE)
    kept = dict(variables)
    for name in ("PATH", "PYTHONPATH"):
        folders = kept.get(name, "").split(os.pathsep)
        rest = [one for one in folders if one != site and os.path.dirname(one) != place]  # noqa: PTH120
        if rest != folders:
            kept[name] = os.pathsep.join(rest)
    if logs_to_outer(variables):
        for name in _OF_THE_ENDPOINT:
            kept.pop(name, None)
    return kept


def logs_to_outer(variables: Mapping[str, str]) -> bool:
    """Whether MLflow is told of the endpoint of a run around this process."""
    address = variables.get(TRACKING)
    return address is not None and variables.get("MLFLOW_TRACKING_URI") == address


def _folder(settings: Settings) -> Path:
    return settings.cache / "bin"


def _launcher(settings: Settings) -> Path:
    """The launcher of this reprun, written where it is not there or was changed."""
    code = _CODE.format(place=str(Path(__file__).parents[2]))
    text = _LAUNCHER.format(python=shlex.quote(sys.executable), code=shlex.quote(code)).encode(
        "utf-8", "surrogateescape"
    )
    # Two installations that share a cache do not write over each other's.
    folder = _folder(settings) / hashlib.sha256(text).hexdigest()[:12]
    program = folder / "reprun"
    if not _stands(program, text):
        folder.mkdir(parents=True, exist_ok=True)
        files.atomic_write(program, text, mode=0o755)
    return program


def _stands(program: Path, text: bytes) -> bool:
    try:
        return program.read_bytes() == text and os.access(program, os.X_OK)
    except OSError:
        return False
