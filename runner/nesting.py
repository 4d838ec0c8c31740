"""The run that this process is a part of: what its step is told, what a run inside it takes over.

`reprun run`, `runner.run` and MLflow's calls inside a step become children of its run. A child of
the same project runs where its parent's step stands, as MLflow has it, so that steps see each
other's files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from runner.errors import RequestError, RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.manifest.model import Step
    from runner.request import Request
    from runner.settings import Settings
    from runner.store.records import Run

PARENT, DEPTH, CHECKOUT = "REPRUN_PARENT_RUN", "REPRUN_DEPTH", "REPRUN_CHECKOUT"
OWN_ID = "REPRUN_RUN_ID"  # whoever starts a child from another language knows its id beforehand
DEEPEST = 16
ALIKE = 3  # a step that starts itself may do so on purpose, but not for ever


class Outer(Struct, frozen=True):
    """The run whose step this process belongs to.

    Attributes:
        depth: how many runs this process is inside of.
        run: its record; None where its home is another one.
        checkout: the top of the checkout that its step works in; None with `run`.
        child: the id that the child shall have, None for a new one.
    """

    depth: int
    run: Run | None = None
    checkout: Path | None = None
    child: str | None = None


def look(variables: Mapping[str, str], settings: Settings) -> Outer | None:
    """The run that this process is inside of, None for one that a person started.

    Raises:
        RequestError: it is too deep inside.
    """
    if PARENT not in variables:
        return None
    depth = _number(variables.get(DEPTH, ""))
    run = _running(variables[PARENT], settings)
    if depth >= DEEPEST:
        steps = "" if run is None else f": {_chain(run, settings)}"
        raise RequestError(
            f"runs inside runs are {depth} deep, and no deeper may they be{steps}",
            "does a step start itself?",
        )
    checkout = variables.get(CHECKOUT, "")
    place = Path(checkout) if run is not None and _is_of(checkout, run, settings) else None
    return Outer(depth, run, place, variables.get(OWN_ID) or None)


def _is_of(checkout: str, run: Run, settings: Settings) -> bool:
    """Whether the folder may be the one that the run stands in: ours, or the person's own."""
    if not os.path.isdir(checkout):  # noqa: PTH112  pure text
        return False
    place = Path(checkout).resolve()
    if place != settings.work.resolve() and place.is_relative_to(settings.work.resolve()):
        return True
    from runner.source.address import path_of

    own = run.source.in_place and run.source.url.startswith("file:")
    return own and place == path_of(run.source.url).resolve()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1


def _running(run_id: str, settings: Settings) -> Run | None:
    """The record of a run of this home that runs at this moment."""
    from runner.store import layout, runs

    if not layout.is_id(run_id):
        return None
    try:
        run = runs.settled(runs.load_id(run_id, settings), settings)
    except RunnerError:
        return None
    # Of one that has ended, the checkout may be somebody else's by now.
    return run if run.status == "running" else None


def ancestors(run: Run, settings: Settings) -> Iterator[Run]:
    """`run` and the runs around it, the innermost first."""
    seen: Run | None = run
    for _ in range(DEEPEST):
        if seen is None:
            return
        yield seen
        seen = None if seen.parent is None else _running(seen.parent, settings)


def _chain(run: Run, settings: Settings) -> str:
    names = [f"`{one.entry_point}`" for one in ancestors(run, settings)]
    return " in ".join(names[:4]) + (" …" if len(names) > 4 else "")  # noqa: PLR2004  enough to see


def inside(request: Request, outer: Outer | None) -> str | None:
    """The project's POSIX path in the outer run's checkout, "" for its top; None if elsewhere.

    Raises:
        RequestError: the address makes no sense.
    """
    if outer is None or outer.checkout is None:
        return None
    from runner.source.address import classify

    path = request.caller / request.uri.removeprefix("file://")
    if not path.is_dir():
        return None
    address = classify(request.uri, request.caller)
    top = outer.checkout.resolve()
    if address.path is None or not address.path.is_relative_to(top):
        return None
    relative = (address.path / request.subdirectory).relative_to(top).as_posix()
    return "" if relative == "." else relative


def take_over(request: Request, outer: Outer | None, place: str | None) -> Request:
    """`request` with what the outer one decides for every run inside it.

    Args:
        place: as `inside` says.
    """
    if outer is None or outer.run is None:
        return request
    if request.experiment is None and request.experiment_id is None:
        request = replace(
            request, experiment=outer.run.experiment, experiment_id=outer.run.experiment_id
        )
    if place is None:
        return request
    # It is the same project, and whoever started the outer run chose for all of it.
    asked = outer.run.request
    request = replace(
        request,
        env_manager=request.env_manager or _text(asked.get("env_manager")),
        as_of=request.as_of or _text(asked.get("as_of")),
        exact=request.exact or asked.get("exact") is True,
        python=request.python or _text(asked.get("python")),
        env_file=request.env_file or _text(asked.get("env_file")),
        add_packages=request.add_packages or _texts(asked.get("add_packages")),
        drop_packages=request.drop_packages or _texts(asked.get("drop_packages")),
        skip_unmapped=request.skip_unmapped or asked.get("skip_unmapped") is True,
        link_scripts=request.link_scripts or asked.get("link_scripts") is True,
        docker_args=request.docker_args or _texts(asked.get("docker_args")),
        build_image=request.build_image or asked.get("build_image") is True,
        no_network=request.no_network or asked.get("no_network") is True,
        read_only=request.read_only or asked.get("read_only") is True,
        log_here=request.log_here or asked.get("log_here") is True,
        tracking=request.tracking and asked.get("no_tracking") is not True,
    )
    if request.version is None:
        return replace(request, in_place=True)
    # Another version is had where the outer run's came from; its checkout has no branches.
    return replace(request, uri=outer.run.source.url, subdirectory=place)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def refuse_endless(outer: Outer | None, step: Step, settings: Settings) -> None:
    """Refuse a step that has started itself again and again.

    Raises:
        RequestError: the runs around this one are the same step with the same parameters.
    """
    if outer is None or outer.run is None:
        return
    wanted = {parameter.name: parameter.text for parameter in step.parameters}
    alike = [
        run
        for run in ancestors(outer.run, settings)
        if run.entry_point == step.entry_point.name
        and {parameter.name: parameter.text for parameter in run.parameters} == wanted
    ]
    if len(alike) >= ALIKE:
        raise RequestError(
            f"`{step.entry_point.name}` starts itself: {len(alike)} runs around this one are the "
            "same step with the same parameters",
            "start another entry point, or itself with other parameters",
        )


def occupied_environments(outer: Outer | None, settings: Settings) -> frozenset[str]:
    """Hashes of the environments that the runs around this one run in.

    They end after this one: who waited for them would wait for ever.
    """
    if outer is None or outer.run is None:
        return frozenset()
    return frozenset(run.environment.hash for run in ancestors(outer.run, settings))


def told(run_id: str, checkout: Path, outer: Outer | None, settings: Settings) -> dict[str, str]:
    """What a step is told, so that a reprun that it starts knows where it is."""
    return {
        "REPRUN_HOME": os.fspath(settings.data),
        "REPRUN_CACHE": os.fspath(settings.cache),
        PARENT: run_id,
        DEPTH: str(1 if outer is None else outer.depth + 1),
        CHECKOUT: os.fspath(checkout),
    }
