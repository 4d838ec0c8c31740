"""The chain's values in a few words, for progress and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.environments.base import CONDA_LOCK
from runner.environments.platforms import conda_subdir
from runner.source.address import public_url

if TYPE_CHECKING:
    from runner.environments.base import Environment, Lock
    from runner.request import Request
    from runner.source.model import Source


def of_request(request: Request) -> str:
    """The address as a person may see it: without credentials."""
    return _place(public_url(request.uri), request.subdirectory)


def of_source(source: Source, request: Request) -> str:
    """`../project at 4f2c1a9 (main) and 3 changes`."""
    text = of_request(request)
    if source.commit is not None:
        text += f" at {source.commit[:7]}"
    if source.branch is not None:
        text += f" ({source.branch})"
    if source.commit is not None and source.changes is not None:
        changes = source.changes
        count = len(changes.added) + len(changes.modified) + len(changes.deleted)
        text += f" and {count} change{'' if count == 1 else 's'}"
    return text


def of_lock(lock: Lock, origin: str | None) -> str:
    """`python_env.yaml: 20 packages, resolved`."""
    if lock.kind == "docker":
        return _of_image(lock, origin)
    if not lock.locked:
        return "nothing: this kind of environment is not locked"
    where = f"{origin}: " if origin else ""
    count = packages_of(lock)
    said = {"resolved": "resolved now", "reused": "as before", "project": "the project's own lock"}
    packages = f"{count} package{'' if count == 1 else 's'}, " if count else ""
    return f"{where}{packages}{said[lock.made]}" if lock.text else f"{where}no packages"


def packages_of(lock: Lock) -> int:
    """How many packages `lock` pins, 0 where its format doesn't show that at a glance."""
    if lock.format == CONDA_LOCK:
        return lock.text.count(f"\n  platform: {conda_subdir()}\n")
    return lock.text.count("==") if lock.format == "requirements" else 0


def _of_image(lock: Lock, origin: str | None) -> str:
    """`python:3.11-slim: sha256:1f2e3d4c5b6a, as before`."""
    import json

    said = {"resolved": "pinned now", "reused": "as before", "project": "the project's own pin"}
    content = json.loads(lock.text)
    if "image" in content:
        digest = str(content["image"]).rpartition("@")[2][:19]
        return f"{origin}: {digest}, {said[lock.made]}"
    bases = len(content["bases"])
    what = f"{bases} base image{'' if bases == 1 else 's'}, {said[lock.made]}"
    return f"{origin}: {what}" + ("" if lock.locked else "; what it installs is not locked")


def of_kind(lock: Lock) -> str:
    """`venv, Python 3.11.7`."""
    return f"{lock.kind}, Python {lock.python}" if lock.python else lock.kind


def of_environment(environment: Environment) -> str:
    """`venv, Python 3.11.7, 20 packages, built in 2.3 s`."""
    text = environment.kind
    if environment.interpreter is not None:
        text += f", Python {environment.interpreter.version}"
    if environment.packages:
        text += f", {len(environment.packages)} packages"
    if environment.path is None:
        return f"{text}, as it is"
    if environment.reused:
        return f"{text}, reused"
    # An image that is named was made by somebody else.
    looked_up = environment.lock.format in {"image", "image-id"}
    return f"{text}, {'ready' if looked_up else 'built'} in {environment.built_s:.1f} s"


def _place(address: str, subdirectory: str) -> str:
    return f"{address}#{subdirectory}" if subdirectory else address
