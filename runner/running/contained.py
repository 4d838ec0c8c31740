"""A step in a container: what it mounts, whose it is, how it reaches the run's endpoint."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from runner.containers import leftovers, users, volumes
from runner.containers.engine import Engine
from runner.containers.model import CODE, Mount, Vessel
from runner.containers.options import bodies
from runner.errors import ExecutionError
from runner.executors import container_body, step_tools
from runner.executors.container import Contained
from runner.executors.variables import container_variables
from runner.nesting import PARENT
from runner.running import guest as guests
from runner.running import image_doubts
from runner.store.records import RecordedContainer, RecordedMount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.containers.model import Image
    from runner.executors.base import Execution, Outcome
    from runner.executors.output import Show
    from runner.progress import Progress
    from runner.running.container_settings import Asked
    from runner.running.guest import Guest
    from runner.running.plan import Ready
    from runner.settings import Settings
    from runner.tracking.endpoint import Endpoint

HOME: Final = f"{container_body.RUN}/home"
SITE: Final = f"{container_body.OURS}/site"
_ENDPOINT: Final = "endpoint.sock"
_PORTS: Final = (20000, 32768)  # below those that are given to clients
_HOST: Final = "host"


class Container:
    """Where the step of a Docker project runs; see `places.Place`."""

    def __init__(self, guest: Guest, engine: Engine, folder: Path, progress: Progress) -> None:
        self._guest = guest
        self._asked: Asked = guest.asked
        self._image: Image = _with_entrypoint(guest.image, self._asked.entrypoint)
        self.engine = engine
        self._folder = folder
        self._progress = progress
        self._relay: int | None = None
        chosen = "User" in self._asked.body
        self._user = None if chosen else users.user_of(engine)
        self._root = self._user is None or self._user.startswith("0:")
        self._volumes, warnings = volumes.mounts(
            self._asked.volumes, project=guest.checkout.project, root=guest.checkout.root
        )
        for text in warnings:
            progress.warning(text)

    @property
    def directory(self) -> str:
        """Where the step runs, inside."""
        below = self._guest.source.subdirectory
        return f"{CODE}/{below}" if below else CODE

    @property
    def shell(self) -> str:
        """What the image has; see `places.Place`."""
        return self._image.shell

    @property
    def recorded(self) -> RecordedContainer:
        """What the record says of it; see `places.Place`."""
        return RecordedContainer(
            directory=self.directory,
            user=self._user,
            entrypoint=self._image.entrypoint,
            network=self._asked.network,
            volumes=tuple(
                RecordedMount(self._known(one.source), one.target, one.read_only)
                for one in self._volumes
            ),
            settings=bodies.public(self._asked.body),
        )

    def _known(self, source: str) -> str:
        """A folder of the project relative to it: the checkout's place means nothing later."""
        checkout = self._guest.checkout
        inside = source == str(checkout.root) or source.startswith(f"{checkout.root}{os.sep}")
        return os.path.relpath(source, checkout.project) if inside else source

    def endpoint(self) -> Endpoint | None:
        """Where what the step logs is heard; None where nothing inside could reach it."""
        from runner.tracking.endpoint import LOOPBACK, Endpoint

        if self._asked.network == _HOST and not users.is_rootless(self.engine):
            return Endpoint()
        if self._image.python is not None:
            self._relay = _PORTS[0] + int.from_bytes(os.urandom(2)) % (_PORTS[1] - _PORTS[0])
            return Endpoint(_unix_socket(self._folder), f"{LOOPBACK}:{self._relay}")
        if (gateway := self._gateway()) is not None:
            with contextlib.suppress(OSError):
                listener = socket.create_server((gateway, 0))
                return Endpoint(listener, f"{gateway}:{listener.getsockname()[1]}")
        self._progress.warning(
            "what the step logs through MLflow's calls is not kept: nothing in its container can "
            "reach reprun",
            "have Python in the image, or pass `-A network=host`",
        )
        return None

    def _gateway(self) -> str | None:
        """This machine's address in the engine's usual network."""
        if self._asked.network not in {None, "bridge", "default"}:
            return None
        with self.engine.asked("its network was looked at"):
            found = self.engine.api.networks(names=["bridge"])
        configured = found[0]["IPAM"]["Config"] if found else []
        return next((one["Gateway"] for one in configured if one.get("Gateway")), None)

    @contextlib.contextmanager
    def variables(self, outside: Mapping[str, str] | None) -> Iterator[dict[str, str]]:
        """The step's variables on top of the image's own; see `places.Place`."""
        passed = outside is not None and not self._guest.clean_env
        elsewhere = image_doubts.of_mlflow() if passed else {}
        found = container_variables(
            os.environ,
            image=self._image.variables,
            asked={**self.engine.proxies(), **elsewhere, **self._asked.variables},
            entry_env=self._guest.entry_env,
            pass_env=self._guest.pass_env,
            extra={**self._own(), **(outside or {})},
        )
        if outside is not None:
            image_doubts.tell_of_server(found, self._asked.network, self._progress)
        yield found

    def _own(self) -> dict[str, str]:
        """Who the caller is inside, where the image doesn't say."""
        if self._root or self._user is None:
            return {}
        name = users.name_of(self._image.passwd, self._user)
        return {"HOME": HOME, "USER": name, "LOGNAME": name}

    def equip(self, variables: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
        """All variables, with what is not recorded; see `places.Place`."""
        run = {PARENT: self._guest.run_id}
        if not told:
            return {**variables, **run}
        outer = variables.get("PYTHONPATH") or self._image.variables.get("PYTHONPATH")
        path = ":".join(filter(None, (SITE, outer)))
        return {**variables, **told, **run, "PYTHONPATH": path}

    def execute(self, execution: Execution, show: Show | None) -> Outcome:
        """Run it; see `places.Place`."""
        return Contained(self.vessel(), self.engine).execute(execution, show=show)

    def vessel(self) -> Vessel:
        """The container that is to be made."""
        run_id = self._guest.run_id
        return Vessel(
            image=self._image,
            name=name_of(run_id),
            mounts=(*self._mounts(), *self._volumes),
            user=self._user,
            folder=self._folder,
            body=self._body(),
            labels={"reprun": "step", "reprun.run": run_id},
            relay=self._relay,
            platform=self._asked.platform,
        )

    def _body(self) -> dict[str, object]:
        own = {} if self._root else {"HostConfig": {"GroupAdd": users.groups()}}
        return bodies.merge(own, self._asked.body)

    def _mounts(self) -> Iterator[Mount]:
        checkout = self._guest.checkout
        yield Mount(os.fspath(checkout.root), CODE)
        yield Mount(os.fspath(self._folder), container_body.RUN)
        yield Mount(os.fspath(container_body.SCRIPTS), container_body.STEP, read_only=True)
        yield Mount(os.fspath(step_tools.SITE), SITE, read_only=True)
        if self._user is not None and not self._root:
            (self._folder / "home").mkdir(exist_ok=True)
            files = users.known(self._image, self._user, self._folder, HOME)
            for file, target in zip(files or (), ("/etc/passwd", "/etc/group"), strict=False):
                yield Mount(os.fspath(file), target, read_only=True)
        if self._image.git:
            yield from self._repositories()
        yield from self._inputs()

    def _repositories(self) -> Iterator[Mount]:
        """What the checkout's git borrows its objects from."""
        source = self._guest.source
        if source.commit is None or self._guest.checkout.in_place:
            return
        for store in dict.fromkeys((source.store, *source.submodule_stores.values())):
            objects = os.fspath(store / "objects")
            yield Mount(objects, objects, read_only=True)

    def _inputs(self) -> Iterator[Mount]:
        """Values of `path` parameters that lie outside of the project, by the same names."""
        values = dict.fromkeys(one.argument for one in self._guest.parameters if one.type == "path")
        taken = {one.target for one in self._volumes}
        for value in values:
            if value not in taken and os.path.isabs(value) and os.path.exists(value):  # noqa: PTH110, PTH117
                yield Mount(os.path.realpath(value), value, read_only=True)


def _with_entrypoint(image: Image, asked: tuple[str, ...] | None) -> Image:
    return image if asked is None else replace(image, entrypoint=tuple(filter(None, asked)) or None)


def name_of(run_id: str) -> str:
    """The name of a run's container."""
    return f"reprun-{run_id.lower()}"


@contextlib.contextmanager
def contained(ready: Ready, *, settings: Settings, progress: Progress) -> Iterator[Container]:
    """The container of a step that is about to start; see `container_of`."""
    with container_of(guests.of_step(ready), settings=settings, progress=progress) as container:
        image_doubts.tell(ready, container.engine, progress)
        yield container


@contextlib.contextmanager
def container_of(guest: Guest, *, settings: Settings, progress: Progress) -> Iterator[Container]:
    """The container of a guest that is about to enter; nothing of it is left at the end.

    Raises:
        NoEngine: no engine answers.
        EnvironmentFailure: a volume is not there.
    """
    with Engine() as engine, contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(
                leftovers.noted(
                    guest.run_id,
                    name=name_of(guest.run_id),
                    engine=engine.address,
                    settings=settings,
                )
            )
        except OSError as error:
            raise ExecutionError(
                f"can't write below {settings.containers}: {error.strerror}"
            ) from error
        yield Container(guest, engine, folder, progress)


def _unix_socket(folder: Path) -> socket.socket:
    """A listening socket in `folder`, whose path may be longer than a socket's address."""
    listener = socket.socket(socket.AF_UNIX)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{handle}/{_ENDPOINT}")
        # The step may be run as somebody else; the endpoint asks for the run's token.
        os.chmod(_ENDPOINT, 0o666, dir_fd=handle)  # noqa: S103
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(handle)
    listener.listen(128)
    return listener
