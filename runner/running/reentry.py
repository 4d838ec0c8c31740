"""A person in the container of a recorded run's step, made once more."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.executors import terminal
from runner.executors.base import Execution
from runner.executors.shell import argv_for
from runner.manifest.model import EntryPoint
from runner.request import Request
from runner.running import container_settings
from runner.running.contained import container_of
from runner.running.guest import Guest
from runner.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.containers.model import Image
    from runner.manifest.model import Manifest
    from runner.progress import Progress
    from runner.running.contained import Container
    from runner.settings import Settings
    from runner.source.model import Checkout, Source
    from runner.store.records import Run

_LABELS = {"reprun": "shell"}


class Inside(Struct, frozen=True):
    """A step's place in a container; see `reopen.Reopened`."""

    run: Run
    container: Container
    variables: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """The step's, inside of the container."""
        return Path(self.container.directory)

    def start(self, command: str | None) -> int:
        """In a container of its own, which is removed at the end; see `reopen.Reopened`.

        Raises:
            ExecutionError: the engine can't start it.
            EngineLost: it went away meanwhile.
        """
        shell = self.container.shell
        variables = dict(self.variables)
        argv: tuple[str, ...] = argv_for(command or "", shell)
        if command is None:
            argv = (shell, "--norc") if shell == "bash" else (shell,)
            place = "\\w" if shell == "bash" else "$PWD"
            variables.setdefault("PS1", f"(run {self.run.id[:10]}) {place} $ ")
            variables.setdefault("TERM", os.environ.get("TERM") or "xterm")
        vessel = self.container.vessel()
        execution = Execution(
            argv=argv,
            variables=variables,
            directory=self.directory,
            stdout=Path(os.devnull),
            stderr=Path(os.devnull),
        )
        return terminal.attend(
            replace(vessel, labels={**vessel.labels, **_LABELS}),
            self.container.engine,
            execution,
            terminal=command is None and os.isatty(0) and os.isatty(1),
        )


def guest_of(
    run: Run,
    manifest: Manifest,
    image: Image,
    source: Source,
    checkout: Checkout,
    entry_env: Mapping[str, str | None],
    *,
    progress: Progress,
) -> Guest:
    """Who is to be in the container that `run`'s step had, in a checkout of its source.

    Raises:
        EnvironmentFailure: a volume is not there any more.
    """
    recorded = run.environment.image
    if recorded is not None and recorded.id != image.id:
        progress.warning(
            f"this is another image than the run had, {recorded.id[:19]}, which is gone: it was "
            "built again, from the same bases and files",
        )
    request = _request(run)
    found = (one for one in manifest.entry_points if one.name == run.entry_point)
    entry_point = next(found, EntryPoint(run.entry_point, ""))
    return Guest(
        run_id=layout.new_id(),
        image=image,
        source=source,
        checkout=checkout,
        asked=container_settings.read(manifest, entry_point, request, lenient=True),
        parameters=run.parameters,
        entry_env=entry_env,
        pass_env=request.pass_env,
        clean_env=request.clean_env,
    )


@contextlib.contextmanager
def entered(run: Run, guest: Guest, *, settings: Settings, progress: Progress) -> Iterator[Inside]:
    """The place in the container; nothing of it is left at the end.

    Raises:
        NoEngine: no engine answers.
        EnvironmentFailure: a volume is not there any more.
    """
    with (
        container_of(guest, settings=settings, progress=progress) as container,
        container.variables(None) as seen,
    ):
        kept = {name: one.value for name, one in run.variables.items() if one.value is not None}
        yield Inside(run, container, {**seen, **kept})


def _request(run: Run) -> Request:
    """What the run was asked that its container depends on."""
    asked = run.request
    caller = asked.get("caller")
    return Request(
        uri=run.source.url,
        caller=Path(caller) if isinstance(caller, str) else Path("/"),
        docker_args=_texts(asked.get("docker_args")),
        pass_env=_texts(asked.get("pass_env")),
        clean_env=asked.get("clean_env") is True,
        no_network=asked.get("no_network") is True,
        read_only=asked.get("read_only") is True,
    )


def _texts(given: object) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, list | tuple) else ()
