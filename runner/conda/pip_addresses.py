"""Finds for exact pins the very files that this machine's Python installs, and their addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.conda.model import LockedPackage
from runner.conda.python_packages import packages_at, tags_of
from runner.environments import addresses, build_tools, building, compiling, git_wheels, uv
from runner.environments.diagnosis import failure
from runner.environments.requirements import name_of, normalised
from runner.errors import EnvironmentFailure, HashMismatch
from runner.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from packaging.tags import Tag

    from runner.environments.base import Interpreter, Spec
    from runner.environments.build_tools import BuildTools
    from runner.progress import Progress
    from runner.settings import Settings

_HASH: Final = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})")


class _Known(NamedTuple):
    """What is known beside uv's answer; hashes are SHA-256, by package.

    Attributes:
        tags: of wheels, the best having the lowest rank.
        locked: of the files that the pins allow.
        given: that the project's requirements have.
        built: versions of what was built here.
    """

    tags: Mapping[Tag, int]
    locked: Mapping[str, Sequence[str]]
    given: Mapping[str, Sequence[str]]
    built: Mapping[str, str]


def located(
    entries: Sequence[str],
    spec: Spec,
    interpreter: Interpreter,
    tools: BuildTools,
    folder: Path,
    *,
    settings: Settings,
    progress: Progress,
) -> tuple[LockedPackage, ...]:
    """The files that `entries` stand for, sorted by name; commits of repositories are built.

    Args:
        entries: pins with their hashes, as uv writes them.
        spec: what was asked for, with hashes or without.
        folder: for the files that uv reads.

    Raises:
        HashMismatch: no file has a hash that its requirement gives.
        EnvironmentFailure: an index gives no hash for a file, or does not answer.
    """
    found, pins = [], list[str]()
    for entry in entries:
        asked = git_wheels.parse(entry)
        if asked is None:
            pins.append(entry)
            continue
        wheel = git_wheels.wheel_of(asked, interpreter, tools, settings=settings, progress=progress)
        found.append(_of_git(asked.name, asked.source, wheel))
    if pins:
        options, told = compiling.options(spec), build_tools.arguments(tools, folder)
        files = _files(pins, options, interpreter, told, folder, progress)
        known = _Known(
            tags={tag: rank for rank, tag in enumerate(tags_of(interpreter))},
            locked=_hashes(pins),
            # uv forgets those that the project gives.
            given={name: some for name, some in _hashes(spec.requirements).items() if some},
            built=_versions_built(folder / building.TARGET),
        )
        found += [_package(one, known) for one in files]
    return tuple(sorted(found, key=lambda one: one.name))


def _of_git(name: str, source: str, wheel: Path) -> LockedPackage:
    version = wheel.name.split("-")[1]
    return LockedPackage(
        normalised(name), version, source, manager="pip", sha256=sha256_file(wheel)
    )


def _files(
    pins: Iterable[str],
    options: Iterable[str],
    interpreter: Interpreter,
    told: Sequence[str],
    folder: Path,
    progress: Progress,
) -> list[dict[str, Any]]:
    """The packages of uv's `pylock.toml` (PEP 751), which names addresses."""
    import tomllib

    source = folder / "pins.in"
    source.write_text("\n".join((*options, *pins)) + "\n")
    answer = uv.run(
        ["pip", "compile", str(source), "--format", "pylock.toml", "--no-deps", "--no-header",
         "--python", str(interpreter.path), "--prerelease", "allow", *told],
        progress=progress,
        directory=folder,
    )  # fmt: skip
    if answer.status != 0:
        raise failure(answer.messages)
    found: list[dict[str, Any]] = tomllib.loads(answer.output).get("packages", [])
    return found


def _package(content: Mapping[str, Any], known: _Known) -> LockedPackage:
    name = normalised(content["name"])
    file = _file(content, known)
    address = str(file.get("url") or file.get("path"))
    # An address that someone wrote down need not name a version.
    version = content.get("version") or known.built.get(name) or _version_in(address) or "0"
    sha256 = file.get("hashes", {}).get("sha256")
    if sha256 is None and len(locked := known.locked.get(name, ())) == 1:
        # An index that gives none: uv has fetched the file and digested it.
        sha256 = locked[0]
    if sha256 is None:
        raise EnvironmentFailure(
            f"the index has no SHA-256 of `{name}=={version}`",
            "name an index that has them (PEP 503), or another version of the package",
        )
    return LockedPackage(
        name, str(version), addresses.without_credentials(address), manager="pip", sha256=sha256
    )


def _file(content: Mapping[str, Any], known: _Known) -> Mapping[str, Any]:
    """Of a package's files the one that is installed: the wheel that suits best, else the sdist."""
    wheels = sorted(content.get("wheels", ()), key=lambda one: _rank(one, known.tags))
    files: list[Mapping[str, Any]] = [*wheels]
    files += [content[kind] for kind in ("sdist", "archive") if kind in content]
    given = known.given.get(normalised(content["name"]))
    if given:
        files = [one for one in files if one.get("hashes", {}).get("sha256") in given]
    if not files:
        raise HashMismatch(
            f"no file of `{content['name']}=={content.get('version')}` on the index that suits "
            "this machine has a hash that the project's requirement gives",
            "give the hash of the file that suits this Python and platform, too",
        )
    return files[0]


def _rank(wheel: Mapping[str, Any], tags: Mapping[Tag, int]) -> tuple[int, int, str]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    name = str(wheel.get("name") or str(wheel.get("url") or wheel.get("path")).split("/")[-1])
    try:
        _, _, build, held = parse_wheel_filename(name.replace("%2B", "+"))
    except InvalidWheelFilename:
        return len(tags), 0, ""
    number, text = build or (0, "")
    return min(tags.get(tag, len(tags)) for tag in held), -number, text


def _hashes(lines: Iterable[str]) -> dict[str, list[str]]:
    return {name_of(line) or "": _HASH.findall(line) for line in lines}


def _versions_built(folder: Path) -> dict[str, str]:
    """Versions of what was built when it was resolved: an archive's address need not tell it."""
    if not folder.is_dir():
        return {}
    return {one.name: one.version for one in packages_at(folder)}


def _version_in(address: str) -> str | None:
    """The version in a file's name; None where it has none."""
    from packaging.utils import parse_sdist_filename, parse_wheel_filename

    name = re.split(r"[?#]", address)[0].rsplit("/", 1)[-1].replace("%2B", "+")
    try:
        if name.endswith(".whl"):
            return str(parse_wheel_filename(name)[1])
        return str(parse_sdist_filename(name)[1])
    except ValueError:
        return None
