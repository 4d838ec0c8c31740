"""What a run would do, found out without building or starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import pipeline
from runner.environments import ensure, locks
from runner.executors.variables import step_variables
from runner.manifest.command import render
from runner.progress import Noting

if TYPE_CHECKING:
    from runner.environments.base import Lock, Spec
    from runner.progress import Progress
    from runner.request import Request
    from runner.running.plan import Plan
    from runner.settings import Settings
    from runner.source.model import Source

NOT_KNOWN = "not known before it is resolved"


def describe(request: Request, *, settings: Settings, progress: Progress) -> dict[str, object]:
    """Check everything that a run would, and say what it would use.

    Returns:
        `command`, `entry_point`, `parameters`, `source`, `environment`, `inputs`, `warnings`; what
        can't be known without building is said to be so, as null with a `note`.

    Raises:
        RunnerError: what a run would have raised up to here.
    """
    heard = Noting(progress)
    with pipeline.plan(request, settings=settings, progress=heard, only_look=True) as planned:
        _check_variables(planned)
        step = planned.prepared.step
        locks.warn(planned.spec, relock=request.relock, progress=heard)
        return {
            "command": render(step, hiding=True),
            "entry_point": step.entry_point.name,
            "parameters": {
                p.name: {"secret": True} if p.secret else {"text": p.text, "origin": p.origin}
                for p in step.parameters
            },
            "source": _source(planned.known_as),
            "environment": _environment(planned, settings),
            "inputs": _handed(planned)
            + [r.glob for r in planned.prepared.readings]
            + [file.path for file in planned.prepared.digested]
            + list(planned.prepared.downloads),
            "warnings": [*heard.warnings, *planned.prepared.warnings],
        }


def _handed(planned: Plan) -> list[str]:
    """What earlier runs bring, and which."""
    placements = planned.prepared.placements
    return [f"{p.target} of {p.origin}" for p in placements if p.replaces]


def _check_variables(planned: Plan) -> None:
    import os

    from runner.environments.base import Activation

    step_variables(
        os.environ,
        activation=Activation(),
        entry_env=planned.prepared.step.entry_point.env,
        clean=planned.request.clean_env,
        pass_env=planned.request.pass_env,
    )


def _source(source: Source) -> dict[str, object]:
    changes = source.changes
    return {
        "kind": source.kind,
        "url": source.url,
        "commit": source.commit,
        "tree": source.tree,
        "subdirectory": source.subdirectory,
        "version": source.version,
        "branch": source.branch,
        "changes": None
        if changes is None
        else {
            "added": list(changes.added),
            "modified": list(changes.modified),
            "deleted": list(changes.deleted),
        },
    }


def _python(spec: Spec) -> str | None:
    from runner.environments import python_of_day

    if spec.as_of is None or python_of_day.names_one(spec.python):
        return spec.python
    return python_of_day.described(spec.python, spec.as_of)


def _environment(planned: Plan, settings: Settings) -> dict[str, object]:
    backend, spec = planned.backend, planned.spec
    resolves = planned.request.relock and spec.lock_text is None
    known = None if resolves else locks.peek(backend, spec, settings)
    described: dict[str, object] = {
        "kind": spec.kind,
        "origin": spec.origin,
        "python": _python(spec) if known is None else known.python,
        "requirements": list(spec.requirements),
        "local_packages": [package.path for package in spec.local_packages],
        "as_of": spec.as_of,
    }
    described |= _contained(planned, known)
    if known is None:
        return described | {
            "lock": None,
            "hash": None,
            "ready": False,
            "note": f"the lock and the environment's hash are {NOT_KNOWN}",
        }
    digest, stands = ensure.peek(backend, known, settings=settings, exact=planned.request.exact)
    return described | {
        "lock": {
            "sha256": known.sha256,
            "format": known.format,
            "made": known.made,
            "locked": known.locked,
        },
        "hash": digest,
        "ready": stands,
        "note": None,
    }


def _contained(planned: Plan, known: Lock | None) -> dict[str, object]:
    """The image and the container of a Docker project; null for others."""
    if planned.container is None:
        return {"image": None, "container": None}
    from runner.containers import described

    return {
        "image": described.image(planned.spec, known, planned.files),
        "container": described.container(planned.container),
    }
