"""Installs what pip's section was locked to into a conda prefix; every package by its hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.conda import python_removal
from runner.conda.pip_section import python_of
from runner.environments import build_tools, git_wheels, uv
from runner.environments.build_tools import BuildTools
from runner.environments.diagnosis import failure
from runner.environments.install import broken_build, write_origins
from runner.environments.requirements import normalised
from runner.errors import (
    BuildFailure,
    EnvironmentFailure,
    HashMismatch,
    IndexUnreachable,
    NoRoom,
)
from runner.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.conda.model import LockedPackage
    from runner.environments.base import Interpreter
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
    known = [(normalised(one.name), one) for one in packages]
    found = {
        name: _wheel(one, interpreter, tools, settings, progress) or _asked(one)
        for name, one in known
    }
    with TemporaryDirectory(prefix="reprun-pip-") as temporary:
        folder = Path(temporary)
        told = build_tools.arguments(tools, folder)
        told += ["--python", str(prefix / "bin" / "python")]
        python_removal.take_out(found, prefix)
        _until_had(found, folder, options, told, progress)
    write_origins(prefix, {name: one.origin for name, one in found.items()})


class _Asked(NamedTuple):
    """How uv is asked for a package: by its name, else by its address; and where it is from."""

    by_name: str
    by_address: str
    origin: Mapping[str, str]


def _asked(one: LockedPackage) -> _Asked:
    digest = f"sha256:{one.sha256}"
    if one.sha256 is None:
        raise HashMismatch(
            f"the lock has no SHA-256 of `{one.name}=={one.version}`",
            "make the lock again: every package of it needs one",
        )
    return _Asked(
        f"{one.name}=={one.version} --hash={digest}",
        f"{one.name} @ {one.url} --hash={digest}",
        {"sha256": one.sha256},
    )


def _wheel(
    one: LockedPackage,
    interpreter: Interpreter,
    tools: BuildTools,
    settings: Settings,
    progress: Progress,
) -> _Asked | None:
    """The wheel of a commit, built now or before; None where it is no commit."""
    digest = f" --hash=sha256:{one.sha256}" if one.sha256 else ""
    asked = git_wheels.parse(f"{one.name} @ {one.url}{digest}")
    if asked is None:
        return None
    wheel = git_wheels.wheel_of(asked, interpreter, tools, settings=settings, progress=progress)
    sha256 = sha256_file(wheel)
    line = asked.installed_from(wheel, sha256)
    return _Asked(line, line, {"source": asked.source, "sha256": sha256})


def _until_had(
    packages: Mapping[str, _Asked],
    folder: Path,
    options: Sequence[str],
    told: Sequence[str],
    progress: Progress,
) -> None:
    progress.update("installing the packages of pip's section")
    by_address: set[str] = set()
    first: EnvironmentFailure | None = None
    while True:
        text = [*options]
        for name, one in packages.items():
            text.append(one.by_address if name in by_address else one.by_name)
        answer = _offered(text, folder, told, progress)
        if answer.status == 0:
            return
        error = failure(answer.messages)
        first = first or error
        rest = {name for name, one in packages.items() if one.by_name != one.by_address}
        rest -= by_address
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
    if answer.status != 0 and not broken_build(answer.messages):
        answer = uv.run(arguments, progress=progress, directory=folder)
    return answer


def _is_about(messages: str, name: str) -> bool:
    """Whether uv's `messages` name the package, however it is written there."""
    written = re.sub(r"[-_.]+", "-", messages).lower()
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", written) is not None
