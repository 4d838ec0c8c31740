"""Installs what pip's section was locked to into a conda prefix; every package by its hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.conda import python_removal
from runner.conda.pip_section import python_of
from runner.environments import build_tools, git_wheels, install, uv
from runner.environments.build_tools import BuildTools
from runner.environments.diagnosis import failure
from runner.errors import (
    BuildFailure,
    EnvironmentFailure,
    HashMismatch,
    IndexUnreachable,
    NoRoom,
)
from runner.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.conda.model import LockedPackage
    from runner.progress import Progress
    from runner.settings import Settings

_NOTHING: Final = BuildTools()


def install_packages(
    packages: Sequence[LockedPackage],
    prefix: Path,
    *,
    options: Sequence[str] = (),
    tools: BuildTools = _NOTHING,
    settings: Settings,
    progress: Progress,
) -> None:
    """Install exactly `packages` into `prefix`, beside conda's or in their place.

    The person's own indexes come first, by name; what these lack is fetched from where it was
    when it was locked.

    Args:
        options: index options that the lock has kept.
        tools: what builds among `packages` need.

    Raises:
        EnvironmentFailure: a package can't be had, breaks its hash, or does not build.
    """
    from tempfile import TemporaryDirectory

    if not packages:
        return
    interpreter = python_of(prefix, None, settings)
    lines: dict[str, tuple[str, str]] = {}
    origins: dict[str, dict[str, str]] = {}
    for one in packages:
        origins[one.name] = {"sha256": one.sha256 or ""}
        # Other tools' locks pin a repository's package by its commit alone.
        known = f" --hash=sha256:{one.sha256}" if one.sha256 else ""
        asked = git_wheels.parse(f"{one.name} @ {one.url}{known}")
        if asked is None:
            lines[one.name] = _ways(one)
            continue
        wheel = git_wheels.wheel_of(asked, interpreter, tools, settings=settings, progress=progress)
        digest = sha256_file(wheel)
        origins[one.name] = {"source": asked.source, "sha256": digest}
        lines[one.name] = (asked.installed_from(wheel, digest),) * 2
    with TemporaryDirectory(prefix="reprun-pip-") as temporary:
        folder = Path(temporary)
        told = build_tools.arguments(tools, folder)
        told += ["--python", str(prefix / "bin" / "python")]
        python_removal.take_out(packages, prefix)
        _install(lines, folder, options, told, progress)
    install.write_origins(prefix, origins)


def _ways(one: LockedPackage) -> tuple[str, str]:
    """How uv is asked for a package: by its name, and by its address."""
    digest = f"--hash=sha256:{one.sha256}"
    return f"{one.name}=={one.version} {digest}", f"{one.name} @ {one.url} {digest}"


def _install(
    lines: dict[str, tuple[str, str]],
    folder: Path,
    options: Sequence[str],
    told: Sequence[str],
    progress: Progress,
) -> None:
    progress.update("installing the packages of pip's section")
    by_address: set[str] = set()
    first: EnvironmentFailure | None = None
    while True:
        text = [*options, *(ways[name in by_address] for name, ways in lines.items())]
        answer = _offered(text, folder, told, progress)
        if answer.status == 0:
            return
        error = failure(answer.messages)
        first = first or error
        rest = {name for name, ways in lines.items() if ways[0] != ways[1]} - by_address
        if isinstance(error, BuildFailure | NoRoom) or not rest:
            raise first if isinstance(first, HashMismatch | IndexUnreachable) else error
        lacking = {name for name in rest if _is_about(answer.messages, name)}
        by_address |= lacking if lacking and not isinstance(error, IndexUnreachable) else rest


def _offered(
    lines: Iterable[str], folder: Path, told: Sequence[str], progress: Progress
) -> uv.Answer:
    source = folder / "requirements.txt"
    source.write_text("\n".join(lines) + "\n")
    # What is in the prefix and is not named stays; conda marks some prefixes as its own to manage.
    arguments = ["pip", "install", "--no-deps", "--require-hashes", "--break-system-packages"]
    arguments += [*told, "--requirements", str(source)]
    # What uv has already is what the hashes say: no index need be asked whether it still is.
    answer = uv.run([*arguments, "--offline"], progress=progress, directory=folder)
    if answer.status != 0 and not install.broken_build(answer.messages):
        answer = uv.run(arguments, progress=progress, directory=folder)
    return answer


def _is_about(messages: str, name: str) -> bool:
    """Whether uv's `messages` name the package, however it is written there."""
    written = re.sub(r"[-_.]+", "-", messages).lower()
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", written) is not None
