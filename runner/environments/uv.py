"""Runs uv: where it is found, what it is told of its surroundings, what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner import locking
from runner.environments import addresses, indexes, old_packages
from runner.errors import ToolMissing
from runner.process.relay import deferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.progress import Progress

# Everything else that starts with UV_ would change what is resolved or where it is installed.
_KEPT: Final = (
    "UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
    "UV_KEYRING", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_INSECURE_HOST", "UV_OFFLINE",
    "UV_CACHE_DIR", "UV_NO_CACHE", "UV_HTTP_", "UV_REQUEST_TIMEOUT", "UV_CONCURRENT_",
    "UV_PYTHON_", "UV_PYPY_", "UV_CONFIG_FILE", "UV_LINK_MODE", "UV_CREDENTIALS_DIR",
    "UV_GIT_", "UV_TORCH_BACKEND", "UV_STRIP_",
)  # fmt: skip
_REFUSED: Final = ("VIRTUAL_ENV", "PYTHON", "CONDA_", "GIT_DIR", "GIT_INDEX", "GIT_WORK_TREE")
_SECONDS_FOR_PYTHON: Final = 600


class Answer(NamedTuple):
    """What uv said: its exit status, standard output, and messages with credentials removed."""

    status: int
    output: str
    messages: str


def binary() -> Path:
    """The uv that came with reprun, else the one on PATH.

    Raises:
        ToolMissing: there is neither.
    """
    for folder in (Path(sys.executable).parent, Path(sys.prefix) / "bin"):
        if os.access(folder / "uv", os.X_OK):
            return folder / "uv"
    for text in (_packaged(), _on_path()):
        if text:
            return Path(text)
    raise ToolMissing(
        "uv isn't on this machine, and environments are locked and installed by it",
        "install it (`pip install uv`), or pass `--env-manager local`",
    )


def run(
    arguments: Sequence[str],
    *,
    progress: Progress,
    directory: Path = Path("/"),
    extra: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Run uv with `arguments`; its messages go to `progress` line by line as they come.

    uv obeys the configuration of the project it is started in, so it is started outside of any.

    Raises:
        ToolMissing: there is no uv, or it can't be started.
    """
    command = [str(binary()), *arguments]
    process: subprocess.Popen[str] | None = None
    try:
        with deferred():
            process = _started(command, directory, {**surroundings(os.environ), **(extra or {})})
        return _talk(process, progress, timeout)
    except BaseException:
        if process is not None:
            with process:
                _kill(process)
        raise


def _started(
    command: Sequence[str], directory: Path, variables: dict[str, str]
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=directory,
            env=variables,
            process_group=0,
            pass_fds=locking.handles(),
        )
    except OSError as error:
        raise ToolMissing(f"uv can't be started: {error}", "check `uv --version`") from error


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables uv gets: the person's indexes and caches, nothing that steers a resolution."""
    result = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_REFUSED)
        and (not name.startswith("UV_") or name.startswith(_KEPT))
        and name not in {"UV_PYTHON", "UV_PYTHON_PREFERENCE"}
    }
    result.update(indexes.variables(environ))
    result.update(NO_COLOR="1", UV_NO_PROGRESS="1", GIT_TERMINAL_PROMPT="0")
    # uv breaks its messages to this width, and nobody could read them line by line any more.
    result["COLUMNS"] = "10000"
    # A build backend that lies in the checkout would leave its bytecode there.
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    result.update(old_packages.VARIABLES)
    return result


def install_python(version: str, *, progress: Progress) -> bool:
    """Have uv fetch a Python into its own folder; False where it can't (offline, unknown, off)."""
    if os.environ.get("UV_OFFLINE") or os.environ.get("UV_PYTHON_DOWNLOADS") == "never":
        return False
    progress.update(f"fetching Python {version}")
    answer = run(
        ["python", "install", "--no-bin", version],
        progress=progress,
        timeout=_SECONDS_FOR_PYTHON,
    )
    return answer.status == 0


def _talk(process: subprocess.Popen[str], progress: Progress, timeout: float | None) -> Answer:
    import threading

    assert process.stdout is not None
    assert process.stderr is not None
    output: list[str] = []
    reader = threading.Thread(target=lambda: output.append(process.stdout.read()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    timer = threading.Timer(timeout, _kill, (process,)) if timeout else None
    if timer:
        timer.start()
    messages: list[str] = []
    try:
        for line in process.stderr:
            clean = addresses.without_credentials(line.rstrip("\n"))
            messages.append(clean)
            progress.line(clean)
        reader.join()
        status = process.wait()
    except BaseException:
        _kill(process)  # before its pipes are closed, which a thread may be reading
        raise
    finally:
        if timer:
            timer.cancel()
        process.stderr.close()
        process.stdout.close()
    return Answer(status, "".join(output), "\n".join(messages))


def _kill(process: subprocess.Popen[str]) -> None:
    """End uv and what it started: the build of a package would go on for hours without it."""
    import signal

    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _packaged() -> str | None:
    try:
        import uv as package
    except ImportError:
        return None
    try:
        return str(package.find_uv_bin())
    except (FileNotFoundError, AttributeError):
        return None


def _on_path() -> str | None:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "uv")  # noqa: PTH118  hot
        if folder and os.access(path, os.X_OK):
            return path
    return None
