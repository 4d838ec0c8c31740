"""Installs a lock into an empty virtual environment; every package by its hash."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runner.environments import build_tools, contents, git_wheels, uv
from runner.environments.diagnosis import failure
from runner.environments.requirements import logical_lines, name_of
from runner.errors import BuildFailure
from runner.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.environments.base import Interpreter, Lock
    from runner.progress import Progress
    from runner.settings import Settings

_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})")
_NAMED_GROUP = "[dependency-groups]\ndev = []\n"


def install(
    lock: Lock,
    at: Path,
    interpreter: Interpreter,
    carried: tuple[Path, ...] = (),
    *,
    settings: Settings,
    progress: Progress,
) -> None:
    """Install exactly what `lock` names into the virtual environment at `at`.

    Args:
        carried: further wheels, of this machine, of what the lock does not name.

    Raises:
        EnvironmentFailure: a package can't be had, breaks its hash, or does not build.
    """
    with TemporaryDirectory(prefix="reprun-install-") as temporary:
        folder = Path(temporary)
        origins: dict[str, dict[str, str]] = {}
        if lock.format == "pylock.toml":
            source = folder / "pylock.toml"
            source.write_text(lock.text)
        else:
            source = folder / "requirements.txt"
            text = _from_uv_lock(lock, folder, progress) if lock.format == "uv.lock" else lock.text
            text = _with_wheels(text, origins, interpreter, settings, progress)
            text += _with_carried(carried, text, origins)
            source.write_text(text)
            if not _asks_for_anything(text):
                return
        tools = build_tools.of_lock(lock.text)
        _sync(source, at, build_tools.arguments(tools, folder), progress)
        write_origins(at, origins)


def takes_seeds(lock: Lock) -> bool:
    """Whether further wheels can be installed in one go with what the lock names."""
    return lock.format != "pylock.toml"


def _with_carried(carried: tuple[Path, ...], text: str, origins: dict[str, dict[str, str]]) -> str:
    named = {name_of(line) for _, line in logical_lines(text)}
    lines = []
    for wheel in carried:
        name = wheel.name.split("-")[0]
        if name not in named:
            origins[name] = {"source": "virtualenv", "sha256": sha256_file(wheel)}
            lines.append(f"{name} @ {wheel.as_uri()} --hash=sha256:{origins[name]['sha256']}\n")
    return "".join(lines)


def has_seeds(lock: Lock) -> bool:
    """Whether the lock brings pip and setuptools itself."""
    if lock.format != "requirements":
        return bool(re.search(r'^name = "setuptools"$', lock.text, re.MULTILINE))
    return {"pip", "setuptools"} <= {name_of(line) for _, line in logical_lines(lock.text)}


def _asks_for_anything(text: str) -> bool:
    return any(not line.startswith("-") for _, line in logical_lines(text))


def _sync(source: Path, at: Path, told: list[str], progress: Progress) -> None:
    progress.update("installing packages")
    arguments = ["pip", "sync", "--require-hashes", "--python", str(at / "bin" / "python"), *told]
    # What uv has already is what the hashes say: no index need be asked whether it still is.
    answer = uv.run(
        [*arguments, "--offline", str(source)], progress=progress, directory=source.parent
    )
    if answer.status != 0 and not broken_build(answer.messages):
        answer = uv.run([*arguments, str(source)], progress=progress, directory=source.parent)
    if answer.status != 0:
        raise failure(answer.messages)


def broken_build(messages: str) -> bool:
    """Whether a build failed that the network would not mend: it may have taken an hour."""
    return isinstance(failure(messages), BuildFailure) and "network" not in messages


def _with_wheels(
    text: str,
    origins: dict[str, dict[str, str]],
    interpreter: Interpreter,
    settings: Settings,
    progress: Progress,
) -> str:
    """`text` with git requirements replaced by their wheels; notes where things come from."""
    lines: list[str] = []
    tools = build_tools.of_lock(text)
    for _, line in logical_lines(text):
        asked = git_wheels.parse(line)
        name = name_of(line)
        if asked is not None:
            wheel = git_wheels.wheel_of(
                asked, interpreter, tools, settings=settings, progress=progress
            )
            digest = sha256_file(wheel)
            origins[name or ""] = {"source": asked.source, "sha256": digest}
            lines.append(asked.installed_from(wheel, digest))
            continue
        lines.append(line)
        if name is not None and len(hashes := _HASH.findall(line)) == 1:
            origins[name] = {"sha256": hashes[0]}
    return "\n".join(lines) + "\n"


def write_origins(at: Path, origins: Mapping[str, Mapping[str, str]]) -> None:
    """Note in the environment at `at` where its packages come from; see `contents.origins_of`."""
    if origins:
        (at / contents.ORIGINS).write_text(json.dumps(origins))


def _from_uv_lock(lock: Lock, folder: Path, progress: Progress) -> str:
    """The lock as hashed requirements, its registries beside the default one named again."""
    import tomllib

    content = tomllib.loads(lock.text)
    (folder / "uv.lock").write_text(lock.text)
    (folder / "pyproject.toml").write_text(_stand_in(content))
    answer = uv.run(
        ["export", "--frozen", "--no-emit-workspace", "--no-emit-local", "--no-header",
         "--no-annotate", "--project", str(folder), "--quiet"],
        progress=progress,
    )  # fmt: skip
    if answer.status != 0:
        raise failure(answer.messages, origin="uv.lock")
    return "".join(f"--extra-index-url {one}\n" for one in _registries(content)) + answer.output


def _stand_in(content: dict[str, Any]) -> str:
    """A `pyproject.toml` that lets uv read the lock by itself: the lock has all that counts."""
    root = next(
        (
            package["name"]
            for package in content.get("package", ())
            if set(package.get("source", {})) & {"virtual", "editable"}
            and next(iter(package["source"].values())) == "."
        ),
        "project",
    )
    python = json.dumps(content.get("requires-python", ">=3"))
    return f'[project]\nname = "{root}"\nversion = "0"\nrequires-python = {python}\n{_NAMED_GROUP}'


def _registries(content: dict[str, Any]) -> list[str]:
    """Every registry but the most used one, which the person's own configuration stands for."""
    used = Counter(
        package["source"]["registry"]
        for package in content.get("package", ())
        if "registry" in package.get("source", {})
    )
    return [address for address, _ in used.most_common()[1:]]
