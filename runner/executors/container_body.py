"""What the engine is told of a step's container, and what it says of its start and its end."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.containers.engine import explanation, refuse_without_room
from runner.containers.options.arguments import merge
from runner.errors import EngineLost, ExecutionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.containers.engine import Engine
    from runner.containers.model import Mount, Vessel
    from runner.executors.base import Execution

OURS: Final = "/reprun"  # what reprun needs inside
STEP: Final = f"{OURS}/step"
RUN: Final = f"{OURS}/run"
SCRIPTS: Final = Path(__file__).parents[1] / "containers" / "step"
_HOSTNAME: Final = "reprun"  # the engine's own would be another one each time
_USED: Final = "used"
_LONGEST_USED: Final = 1000  # bytes
_NS: Final = 1e9
_INIT: Final = ("docker-init", "container-init", "catatonit", "init binary")
# What an engine says that can't start a container → what to do.
_WAYS: Final = {
    "bind source path does not exist": (
        "the engine must see this machine's files: is reprun itself in a container, or "
        "DOCKER_HOST another machine?"
    ),
    "gpu": "GPUs in containers need the NVIDIA Container Toolkit on this machine",
    "exec format error": "the image is for another platform than this machine",
    "port is already allocated": "pass another `-A publish=…`",
    "network": "`docker network ls` shows which networks there are",
}


def make(engine: Engine, vessel: Vessel, execution: Execution) -> str:
    """Make the container, not started yet; its id.

    Raises:
        ExecutionError: the engine refuses.
    """
    from docker.errors import APIError

    body = _body(vessel, execution)
    try:
        with engine.asked("the step's container was made"):
            try:
                made = engine.api.create_container_from_config(
                    body, name=vessel.name, platform=vessel.platform
                )
            except APIError as error:
                raise _not_started(explanation(error), init=vessel.init) from error
    except EngineLost as error:
        raise ExecutionError(error.message, error.hint) from error
    return str(made["Id"])


@contextlib.contextmanager
def attached(engine: Engine, container: str, asked: Mapping[str, object]) -> Iterator[Any]:
    """The streams of a container as a file-like socket, before it starts, so that all is heard.

    Raises:
        EngineLost: the engine refuses.
    """
    with engine.asked("the step was started"):
        stream: Any = engine.api.attach_socket(container, params={**asked, "stream": 1})
    try:
        yield stream
    finally:
        # The SDK keeps the connection to itself, and leaves the closing of it to chance.
        if (response := getattr(stream, "_response", None)) is not None:
            response.close()
        stream.close()


def start(engine: Engine, container: str, *, init: bool) -> None:
    """Start it; the engine has brought it to life when this returns.

    Raises:
        NoInit: the engine lacks the first process that it was to have.
        ExecutionError: the engine can't.
    """
    from docker.errors import APIError

    with engine.asked("the step was started"):
        try:
            engine.api.start(container)
        except APIError as error:
            raise _not_started(explanation(error), init=init) from error


def remove(engine: Engine, name: str) -> None:
    """Remove the container, whatever it does; one that is not there is no trouble."""
    from docker.errors import APIError

    with (
        contextlib.suppress(EngineLost),
        engine.asked("the step's container was removed"),
        contextlib.suppress(APIError),
    ):
        engine.api.remove_container(name, force=True, v=True)


def used(folder: Path, statistics: Mapping[str, Any]) -> tuple[float, float, int]:
    """CPU seconds of user and system, and the peak of memory in bytes, of all of the step.

    Args:
        folder: where the step's own shell has written them at its end.
        statistics: the engine's, of a moment before a step was killed.
    """
    try:
        with (folder / _USED).open("rb") as file:
            lines = file.read(_LONGEST_USED).decode("ascii", "replace").splitlines()
        user, system = (sum(column) for column in zip(*map(_seconds, lines[:2]), strict=True))
        return user, system, _peak(lines[2:])
    except (OSError, ValueError):
        return _of_statistics(statistics)


def statistics(engine: Engine, container: str) -> dict[str, Any]:
    """What a running container has used so far, as the engine has it; empty where it has not."""
    from docker.errors import APIError

    with contextlib.suppress(APIError, EngineLost), engine.asked("the step ran"):
        found: dict[str, Any] = engine.api.stats(container, stream=False, one_shot=True)
        return found
    return {}


def _body(vessel: Vessel, execution: Execution) -> dict[str, Any]:
    image = vessel.image
    body: dict[str, Any] = {
        "Image": image.id,
        "Entrypoint": list(image.entrypoint or ()),
        "Cmd": ["sh", f"{STEP}/step.sh", *execution.argv],
        "Hostname": _HOSTNAME,
        "WorkingDir": os.fspath(execution.directory),
        "Env": [f"{name}={value}" for name, value in _variables(vessel, execution).items()],
        "AttachStdout": True,
        "AttachStderr": True,
        "Labels": dict(vessel.labels),
        "HostConfig": {
            "Init": vessel.init,
            "LogConfig": {"Type": "none"},
            "Mounts": [_mount(one) for one in vessel.mounts if one.kind == "bind"],
            "Binds": [_bind(one) for one in vessel.mounts if one.kind != "bind"],
        },
    }
    if vessel.user is not None:
        body["User"] = vessel.user
    if os.path.isdir("/sys/fs/selinux"):  # noqa: PTH112  hot
        body["HostConfig"]["SecurityOpt"] = ["label=disable"]
    return merge(body, vessel.body)


def _variables(vessel: Vessel, execution: Execution) -> dict[str, str]:
    variables = {**execution.variables, "TINI_KILL_PROCESS_GROUP": "1"}
    if vessel.relay is not None:
        variables["REPRUN_RELAY"] = f"{vessel.image.python}:{vessel.relay}"
    return variables


def _mount(mount: Mount) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }


def _bind(mount: Mount) -> str:
    options = ",".join(filter(None, ("ro" if mount.read_only else "", mount.options)))
    return ":".join(filter(None, (mount.source, mount.target, options)))


def _seconds(line: str) -> tuple[float, float]:
    """User and system of a line of the shell's `times`: `0m1.250s 0m0.030s`."""
    user, system = (
        float(minutes) * 60 + float(seconds.rstrip("s"))
        for minutes, _, seconds in (word.partition("m") for word in line.split())
    )
    return user, system


def _peak(lines: list[str]) -> int:
    for line in lines:
        name, _, value = line.partition(" ")
        if name == "peak" and value.isdigit():
            return int(value)
    return 0


def _of_statistics(found: Mapping[str, Any]) -> tuple[float, float, int]:
    usage = (found.get("cpu_stats") or {}).get("cpu_usage") or {}
    memory = found.get("memory_stats") or {}
    return (
        usage.get("usage_in_usermode", 0) / _NS,
        usage.get("usage_in_kernelmode", 0) / _NS,
        int(memory.get("max_usage") or memory.get("usage") or 0),
    )


class NoInit(ExecutionError):
    """The engine has no program of its own for a container's first process."""


def _not_started(said: str, *, init: bool) -> ExecutionError:
    """Why the engine would not start the step, with a way out where one is known.

    Raises:
        NoRoom: its disk is full.
    """
    refuse_without_room(said)
    lower = said.lower()
    if init and any(sign in lower for sign in _INIT):
        return NoInit(f"the engine can't start the step's container: {said}")
    hint = next((way for sign, way in _WAYS.items() if sign in lower), None)
    return ExecutionError(f"the engine can't start the step's container: {said}", hint)
