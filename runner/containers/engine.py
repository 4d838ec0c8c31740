"""Reaches the engine: where it listens, one connection, and its failures in words."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runner.errors import EngineLost, NoEngine, NoRoom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from docker import APIClient
    from docker.errors import APIError
    from docker.tls import TLSConfig

DEFAULT = "/var/run/docker.sock"
_PATIENCE_AT_DOOR = 10  # seconds to be let in
_PATIENCE = 120.0
DOCTOR = "`reprun doctor` shows what answers"
_OF_SYSTEM = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")
_NO_ROOM = ("no space left on device", "disk quota exceeded")
MAKE_ROOM: Final = (
    "free some: `docker system df` shows what it holds, `docker image prune` removes images that "
    "nothing names"
)
_versions: dict[str, str] = {}


class Engine:
    """A connection to the engine; a context manager that closes it.

    Args:
        place: where it listens, None for the one that a person uses.
        patience: seconds for one answer; streams have their own.

    Attributes:
        api: the SDK's client.
        address: where it listens, `unix:///…` or `tcp://…`.

    Raises:
        NoEngine: none answers, or it doesn't let us in.
    """

    def __init__(self, place: str | None = None, *, patience: float = _PATIENCE) -> None:
        self.address = place or address()
        self._podman: bool | None = None
        _knock(self.address)
        import docker
        from docker.errors import DockerException

        try:
            version = _versions.get(self.address, "auto")
            self.api: APIClient = docker.APIClient(
                base_url=self.address,
                version=version,
                timeout=patience,  # type: ignore[arg-type]  # the stubs know whole seconds only
                tls=_tls(self.address),
            )
        except DockerException as error:
            raise _no_answer(self.address, str(error)) from error
        _versions[self.address] = self.api.api_version

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.api.close()

    def proxies(self) -> dict[str, str]:
        """The proxies that docker's configuration has containers use, as variables."""
        from docker.utils.config import load_general_config
        from docker.utils.proxy import ProxyConfig

        configured: dict[str, Any] = load_general_config().get("proxies") or {}
        found: Any = configured.get(self.address) or configured.get("default")
        if not found:
            return {}
        return {str(k): str(v) for k, v in ProxyConfig.from_dict(found).get_environment().items()}

    def is_podman(self) -> bool:
        """Whether it is Podman's service, which answers to Docker's API.

        Raises:
            EngineLost: it doesn't answer.
        """
        if self._podman is None:
            with self.asked("it was asked what it is"):
                parts: Any = self.api.version().get("Components") or ()
            self._podman = any("podman" in str(part.get("Name")).lower() for part in parts)
        return self._podman

    @contextlib.contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Around calls: an engine that goes away, a full disk, a refusal that nobody foresaw.

        Args:
            what: what is being done, for the message: `the image is pulled`.

        Raises:
            EngineLost: the engine stopped answering, or refused.
            NoRoom: its disk is full.
        """
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except APIError as error:
            said = explanation(error)
            refuse_without_room(said)
            raise EngineLost(f"the engine at {self.address} refuses ({what}): {said}") from error
        except (DockerException, RequestException, HTTPError, ConnectionError) as error:
            raise self.lost(what) from error

    def lost(self, what: str) -> EngineLost:
        """The engine has stopped answering while `what` was done."""
        return EngineLost(
            f"the engine at {self.address} stopped answering while {what}",
            "see that it runs (`systemctl status docker`), and run this again",
        )


def address() -> str:
    """Where the engine listens: `DOCKER_HOST`, docker's current context, or a usual socket."""
    if given := os.environ.get("DOCKER_HOST"):
        return given
    if (chosen := _of_context()) is not None:
        return chosen
    own = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    usual = (DEFAULT, f"{own}/docker.sock", f"{own}/podman/podman.sock", "/run/podman/podman.sock")
    found = next((place for place in usual if os.path.exists(place)), DEFAULT)  # noqa: PTH110
    return f"unix://{found}"


def is_here(place: str) -> bool:
    """Whether the engine at `place` shares this machine's files, as far as the address tells."""
    parts = urlsplit(place)
    return parts.scheme in {"unix", "http+unix"} or parts.hostname in {"127.0.0.1", "localhost"}


def explanation(error: APIError) -> str:
    """What the engine said, in one line."""
    return " ".join(str(error.explanation or error).split())


def refuse_without_room(said: str) -> None:
    """Tell a full disk from other failures, by what the engine said.

    Raises:
        NoRoom: it is one.
    """
    if tells_of_no_room(said):
        raise NoRoom(f"the engine's disk is full: {said}", MAKE_ROOM)


def tells_of_no_room(said: str) -> bool:
    """Whether it is a full disk that somebody complains of."""
    return any(sign in said.lower() for sign in _NO_ROOM)


def _of_context() -> str | None:
    """The address of docker's current context; None where it is the default one."""
    name = os.environ.get("DOCKER_CONTEXT")
    if name is None:
        name = _configured_context()
    if name in {None, "", "default"}:
        return None
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(name)
    except DockerException:
        return None
    # The stubs don't know that a context of that name may not be there.
    return getattr(context, "Host", None) or None


def _configured_context() -> str | None:
    import json

    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111
    try:
        content = json.loads(Path(folder, "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    name = content.get("currentContext") if isinstance(content, dict) else None
    return name if isinstance(name, str) else None


def _knock(place: str) -> None:
    """See whether somebody listens at a socket, before the SDK is imported.

    Raises:
        NoEngine: nobody does, or not for us.
    """
    parts = urlsplit(place)
    try:
        if parts.scheme in {"unix", "http+unix"}:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(parts.path)
        elif parts.scheme == "tcp" and parts.hostname and parts.port:
            # A machine that is away would keep the SDK waiting for as long as an answer may take.
            socket.create_connection((parts.hostname, parts.port), _PATIENCE_AT_DOOR).close()
    except (OSError, ValueError) as error:
        raise _not_let_in(place, error) from error


def _not_let_in(place: str, error: OSError | ValueError) -> NoEngine:
    if not isinstance(error, OSError):
        return _no_answer(place, str(error).lower())
    if error.errno in {errno.EACCES, errno.EPERM}:
        return NoEngine(
            f"no permission to use the Docker engine at {place}",
            "have yourself added to its group, `sudo usermod -aG docker $USER`, and log in again; "
            "or use a rootless engine",
        )
    reason = (error.strerror or str(error)).lower()
    return _no_answer(place, reason)


def _no_answer(place: str, reason: str) -> NoEngine:
    if "bind address format" in reason:
        return NoEngine(
            f"`{place}` is no address of a Docker engine",
            f"write it like `DOCKER_HOST=unix://{DEFAULT}`",
        )
    # The SDK wraps what the system said, in three layers.
    if (said := _OF_SYSTEM.search(reason)) is not None:
        reason = said[1].lower()
    return NoEngine(
        f"no Docker engine answers at {place}: {' '.join(reason.split())}",
        f"start one (`sudo systemctl start docker`), or set DOCKER_HOST; {DOCTOR}",
    )


def _tls(place: str) -> bool | TLSConfig:
    if not os.environ.get("DOCKER_TLS_VERIFY") or not place.startswith(("tcp://", "https://")):
        return False
    from docker.tls import TLSConfig

    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")  # noqa: PTH111
    certificate = (os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))  # noqa: PTH118
    return TLSConfig(
        client_cert=certificate,
        ca_cert=os.path.join(folder, "ca.pem"),  # noqa: PTH118
        verify=True,
    )
