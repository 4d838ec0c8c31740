"""A real image registry on loopback (Debian's docker-registry), with or without a login."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.error import URLError

from tests.support.engine import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Engine

PROGRAM: Final = "docker-registry"
USER: Final = "reader"
PASSWORD: Final = "made-up"
# bcrypt of the password at its lowest cost: the only hash that the registry reads.
LOGINS: Final = f"{USER}:$2b$04$RPhgknB7aUqM/0FL4qDvcuMYBhypx0WqXTpoyeyd3JTWS1yzgCPiy\n"
MANIFESTS: Final = (
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json"
)
SECONDS: Final = 20


class Registry:
    """A registry whose images lie in `folder`.

    Attributes:
        address: `127.0.0.1:PORT`, the head of its images' names.
        login: whether it asks for one.
    """

    def __init__(self, folder: Path, *, login: bool = False) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.login = login
        self.address = ""

    def start(self) -> None:
        """Start it; at the address that it had, if it ran before."""
        if shutil.which(PROGRAM) is None:
            unavailable(f"no {PROGRAM}: apt-get install {PROGRAM}")
        for _ in range(5):  # another process may be quicker to take the port
            address = self.address or f"127.0.0.1:{_free_port()}"
            if self._comes_up(address):
                self.address = address
                return
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """End it; its images stay on disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def push(self, engine: Engine, image: str, name: str) -> str:
        """Push `image` as `name:tag`; its digest, `sha256:…`. Here too the image has that name."""
        repository, tag = f"{self.address}/{name}".rsplit(":", 1)
        engine.client.images.get(image).tag(repository, tag)
        auth = {"username": USER, "password": PASSWORD} if self.login else None
        for said in engine.client.api.push(
            repository, tag=tag, auth_config=auth, stream=True, decode=True
        ):
            assert "error" not in said, said
        return self.digest(name)

    def digest(self, name: str) -> str:
        """What `name:tag` is now."""
        repository, tag = name.rsplit(":", 1)
        headers, _ = self._asked("HEAD", f"{repository}/manifests/{tag}")
        return headers["Docker-Content-Digest"]

    def delete(self, name: str, digest: str) -> None:
        """Delete the manifest `digest` of the repository `name`, every tag of it, and its content.

        An engine may remember a manifest that it once pulled; without content that is no use.
        """
        _, text = self._asked("GET", f"{name}/manifests/{digest}")
        manifest = json.loads(text)
        self._asked("DELETE", f"{name}/manifests/{digest}")
        for part in (manifest["config"], *manifest["layers"]):
            self._asked("DELETE", f"{name}/blobs/{part['digest']}")

    def log_in(self, folder: Path) -> Path:
        """Write a Docker client's configuration with the login; `folder` is for `DOCKER_CONFIG`."""
        folder.mkdir(parents=True, exist_ok=True)
        login = {self.address: {"auth": _basic()}}
        (folder / "config.json").write_text(json.dumps({"auths": login}))
        return folder

    def _asked(self, method: str, path: str) -> tuple[dict[str, str], bytes]:
        request = urllib.request.Request(f"http://{self.address}/v2/{path}", method=method)
        request.add_header("Accept", MANIFESTS)
        request.add_header("Authorization", f"Basic {_basic()}")
        with _direct().open(request, timeout=SECONDS) as answer:
            return dict(answer.headers), answer.read()

    def _comes_up(self, address: str) -> bool:
        settings = self._folder / "registry.json"
        settings.write_text(json.dumps(self._settings(address)))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "serve", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(URLError):
                _direct().open(f"http://{address}/", timeout=SECONDS).close()
                # Somebody answers; that it is ours, only its life tells.
                return self._process.poll() is None
            time.sleep(0.02)
        self.stop()
        return False

    def _settings(self, address: str) -> dict[str, object]:
        """The registry's configuration, whose YAML may be JSON."""
        storage = {
            "filesystem": {"rootdirectory": str(self._folder / "images")},
            "delete": {"enabled": True},
        }
        said: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": storage,
            "http": {"addr": address},
        }
        if self.login:
            (self._folder / "logins").write_text(LOGINS)
            path = str(self._folder / "logins")
            said["auth"] = {"htpasswd": {"realm": "the test's", "path": path}}
        return said


@contextlib.contextmanager
def serve(folder: Path, *, login: bool = False) -> Iterator[Registry]:
    """A registry while the body runs, with its files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(folder, login=login)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


def _direct() -> urllib.request.OpenerDirector:
    """A way past the user's proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _basic() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
