"""The container executor over a test's folder, which has the same path inside as outside."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from runner.containers import users
from runner.containers.engine import Engine
from runner.containers.images import require
from runner.containers.model import Image, Mount, Vessel
from runner.executors import container_body
from runner.executors.container import Contained
from runner.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.executors.base import Execution, Outcome
    from runner.executors.output import Show

IMAGE: Final = "python:3.11-slim"
LABEL: Final = "reprun.tests"
# Of the engines and of the image: what a container sees beside what the step is given.
OWN_VARIABLES: Final = frozenset({
    *(b"HOSTNAME", b"HOME", b"LANG", b"PYTHON_VERSION"),
    *(b"container", b"TERM"),  # Podman's
})  # fmt: skip


class Containers:
    """An executor whose steps each have a container of their own.

    Args:
        address: the engine's.
        folder: of the test, mounted by its own path.
        image: what the containers are made from.
        body: further parts of the engine's API call.
        init: whether the engine's own first process is asked for.
        entrypoint: in place of the image's.
        own: where what reprun itself has of a container lies; in `folder` unasked.
    """

    def __init__(
        self,
        address: str,
        folder: Path,
        *,
        image: str = IMAGE,
        body: dict[str, object] | None = None,
        init: bool = True,
        entrypoint: Sequence[str] | None = None,
        own: Path | None = None,
    ) -> None:
        self.address = address
        self._folder = folder
        self._image = image
        self._body = body or {}
        self._init = init
        self._entrypoint = entrypoint
        self._own = own or folder

    def execute(self, execution: Execution, *, show: Show | None) -> Outcome:
        """Run it; see `Executor.execute`."""
        own = self._own / f"run-{uuid.uuid4().hex[:8]}"
        own.mkdir()
        with Engine(self.address) as engine:
            return Contained(self._vessel(engine, own), engine).execute(execution, show=show)

    def _vessel(self, engine: Engine, own: Path) -> Vessel:
        found = require(
            engine, self._image, platform="linux/amd64", origin=self._image, progress=Silent()
        )
        image = Image(
            id=found["Id"],
            reference=None,
            platform="linux/amd64",
            entrypoint=tuple(self._entrypoint or found["Config"].get("Entrypoint") or ()) or None,
            python="/usr/bin/python3",
        )
        return Vessel(
            image=image,
            name=f"reprun-tests-{uuid.uuid4().hex[:12]}",
            mounts=(
                Mount(str(self._folder), str(self._folder)),
                Mount(str(own), container_body.RUN),
                Mount(str(container_body.SCRIPTS), container_body.STEP, read_only=True),
            ),
            user=users.user_of(engine),
            folder=own,
            body=self._body,
            labels={LABEL: str(self._folder)},
            init=self._init,
        )


def left_in(address: str, folder: Path) -> list[str]:
    """The names of the containers that a test's executor has left in the engine."""
    filters = {"label": f"{LABEL}={folder}"}
    with Engine(address) as engine:
        found = engine.api.containers(all=True, filters=filters)
    return [one["Names"][0] for one in found]
