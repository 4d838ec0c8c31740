"""A Docker engine of a test's own, that it may stop, kill or starve; the others notice nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.engine import Engine, unavailable
from tests.support.processes import children_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS: Final = 30
SEARCHED: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class OwnEngine:
    """A `dockerd` without networks: containers in it run with `network_mode="none"`.

    Attributes:
        engine: how to talk to it.
        folder: where its socket and its logs lie.
    """

    def __init__(self, engine: Engine, folder: Path, argv: list[str]) -> None:
        self.engine = engine
        self.folder = folder
        self._argv = argv
        self._process = _start(argv, folder)

    def restart(self) -> None:
        """Start it again after its end, in the same place; return once it answers."""
        # A killed engine's containerd is killed with it, and may be waiting for its parent.
        (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)
        (self.folder / "pid").unlink(missing_ok=True)
        self._process = _start(self._argv, self.folder)
        _wait(self._process, self.folder)

    def end(self) -> None:
        """End it if it runs, as well as it goes."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=SECONDS)

    def wait(self) -> None:
        """Return once it answers."""
        _wait(self._process, self.folder)

    def stop(self) -> None:
        """End it as a service manager does: its containers are stopped first."""
        self._process.terminate()
        self._process.wait(timeout=SECONDS)

    def kill(self) -> None:
        """End it in the middle of whatever it does; its containers and its socket stay."""
        self._process.kill()
        self._process.wait(timeout=SECONDS)


@contextlib.contextmanager
def own_engine(
    beside: Engine, *, data: Path | None = None, options: Sequence[str] = ()
) -> Iterator[OwnEngine]:
    """An engine while the body runs; it pulls from where the engine `beside` it pulls.

    Args:
        data: where its images lie, an empty folder such as a small disk's.
        options: further ones of `dockerd`.
    """
    from docker import DockerClient

    program = shutil.which("dockerd", path=SEARCHED)
    if program is None or os.geteuid() != 0:
        unavailable("an engine of the test's own needs root and dockerd: apt-get install docker.io")
    # Sockets lie below it, whose paths may have 108 bytes: a test's own folder is too deep.
    folder = Path(tempfile.mkdtemp(prefix="reprun-"))
    address = f"unix://{folder}/docker.sock"
    data = data or folder / "data"
    client = DockerClient(base_url=address, timeout=60, version=beside.client.api.api_version)
    argv = [*_argv(program, folder, data, beside), *options]
    own = OwnEngine(Engine(address, client), folder, argv)
    try:
        own.wait()
        yield own
    finally:
        client.close()
        own.end()
        _clear(folder, data)


def _argv(program: str, folder: Path, data: Path, beside: Engine) -> list[str]:
    mirrors = beside.client.info()["RegistryConfig"]["Mirrors"] or []
    argv = [program, "--host", f"unix://{folder}/docker.sock", "--pidfile", f"{folder}/pid"]
    argv += ["--data-root", str(data), "--exec-root", f"{folder}/exec"]
    argv += ["--bridge", "none", "--iptables=false", "--ip6tables=false"]
    return argv + [word for mirror in mirrors for word in ("--registry-mirror", mirror)]


def _start(argv: list[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            argv,
            env={**os.environ, "PATH": SEARCHED},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until it listens: dockerd opens its socket early and answers late."""
    end = time.monotonic() + SECONDS
    while b"API listen on" not in (log := (folder / "log").read_bytes()):
        assert process.poll() is None, log.decode()
        assert time.monotonic() < end, log.decode()
        time.sleep(0.02)


def _clear(folder: Path, data: Path) -> None:
    """End what a killed engine leaves: containers, its containerd, mounts."""
    marked = [pid for pid in map(int, _numbers()) if f"{folder}/exec" in _command_line(pid)]
    # A container is its shim's child, and names no folder itself.
    for pid in [child for shim in marked for child in children_of(shim)] + marked:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if mount.startswith((f"{folder}/", f"{data}/")):
            subprocess.run(["umount", "--lazy", mount], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _numbers() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""
