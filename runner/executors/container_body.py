"""What the engine is told of a step's container, and what it says of its start and its end."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Any, Final

from runner.containers.engine import explanation, refuse_without_room
from runner.containers.options.arguments import merge
from runner.errors import EngineLost, ExecutionError
from runner.executors import container_words

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_PROPAGATIONS: Final = ("shared", "slave", "private")  # and each with an `r` before it
_INIT: Final = ("docker-init", "container-init", "catatonit", "init binary")
# What an engine says that can't start a container → what to do.
_WAYS: Final = {
    "bind source path does not exist": (
        "the engine must see this machine's files: is reprun itself in a container, or "
        "DOCKER_HOST another machine?"
    ),
    "gpu": "GPUs in containers need the NVIDIA Container Toolkit on this machine",
    "unable to find user": "name one of the image's users, or a number: `-A user=1000`",
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


def attach(
    engine: Engine, container: str, *, init: bool, more: Mapping[str, object] | None = None
) -> object:
    """The stream of what it will print; Podman makes the container's processes here already.

    Args:
        more: parameters of the API's call, such as `stdin`.

    Raises:
        NoInit: the engine lacks the first process that it was to have.
        ExecutionError: the engine can't.
    """
    from docker.errors import APIError

    try:
        with engine.asked("the step's output was asked for"):
            try:
                stream: object = engine.api.attach_socket(
                    container, params={"stdout": 1, "stderr": 1, "stream": 1, **(more or {})}
                )
            except APIError as error:
                raise _not_started(explanation(error), init=init) from error
    except EngineLost as error:
        raise ExecutionError(error.message, error.hint) from error
    return stream


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


def signal(engine: Engine, container: str, number: int, *, vessel: Vessel) -> None:
    """Have the step's processes hear a signal; one that has ended is no trouble.

    Raises:
        EngineLost: the engine doesn't answer.
    """
    from docker.errors import APIError

    with engine.asked("the step was ended"), contextlib.suppress(APIError):
        if number == SIGKILL or _init_tells_all(engine, vessel):
            engine.api.kill(container, signal=number)
        else:
            told = engine.api.exec_create(container, ["sh", f"{STEP}/signal.sh", str(number)])
            engine.api.exec_start(told["Id"], detach=True)


def _init_tells_all(engine: Engine, vessel: Vessel) -> bool:
    """Whether a container's first process hands signals on to all of the step.

    Docker's does where it is asked to; Podman's knows its own child alone, a shell that waits.
    """
    settings: Any = merge({"HostConfig": {"Init": vessel.init}}, vessel.body)["HostConfig"]
    return bool(settings["Init"]) and not engine.is_podman()


def refuse_no_directory(vessel: Vessel, execution: Execution) -> None:
    """See that the working directory is there: the engine would make it, and as root.

    Raises:
        ExecutionError: it is in what is mounted, and is not there.
    """
    inside = os.fspath(execution.directory)
    binds = [one for one in vessel.mounts if one.kind == "bind"]
    within = [one for one in binds if f"{inside}/".startswith(f"{one.target}/")]
    if not within:
        return
    mount = max(within, key=lambda one: len(one.target))
    if not Path(mount.source + inside[len(mount.target) :]).is_dir():
        raise ExecutionError(f"no directory {inside} to run the step in")


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
        lines = _lines(folder)
        user, system = (sum(column) for column in zip(*map(_seconds, lines[:2]), strict=True))
        return user, system, _peak(lines[2:])
    except (OSError, ValueError):
        return _of_statistics(statistics)


def ran_out_of_memory(folder: Path) -> bool:
    """Whether the kernel killed one of the step's processes for want of memory."""
    with contextlib.suppress(OSError):
        return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in _lines(folder))
    return False


def _lines(folder: Path) -> list[str]:
    with (folder / _USED).open("rb") as file:
        return file.read(_LONGEST_USED).decode("ascii", "replace").splitlines()


def statistics(engine: Engine, container: str) -> dict[str, Any]:
    """What a running container has used so far, as the engine has it; empty where it has not."""
    from docker.errors import APIError

    with contextlib.suppress(APIError, EngineLost), engine.asked("the step ran"):
        found: dict[str, Any] = engine.api.stats(container, stream=False, one_shot=True)
        return found
    return {}


def _body(vessel: Vessel, execution: Execution) -> dict[str, Any]:
    image = vessel.image
    arguments, given = container_words.hand_over(execution, vessel.folder)
    variables = {**given, **_own_variables(vessel)}
    body: dict[str, Any] = {
        "Image": image.id,
        "Entrypoint": list(image.entrypoint or ()),
        "Cmd": ["sh", f"{STEP}/step.sh", *arguments],
        "Hostname": _HOSTNAME,
        "WorkingDir": os.fspath(execution.directory),
        "Env": [f"{name}={value}" for name, value in variables.items()],
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


def _own_variables(vessel: Vessel) -> dict[str, str]:
    variables = {"TINI_KILL_PROCESS_GROUP": "1"}
    if vessel.relay is not None:
        variables["REPRUN_RELAY"] = f"{vessel.image.python}:{vessel.relay}"
    return variables


def _mount(mount: Mount) -> dict[str, Any]:
    asked = [one for one in mount.options.split(",") if one.endswith(_PROPAGATIONS)]
    return {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
        # The others are SELinux', which is off for the container, or mean nothing on Linux.
        **({"BindOptions": {"Propagation": asked[-1]}} if asked else {}),
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

    code = "execution.no-init"


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
