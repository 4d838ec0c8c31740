"""Projects whose steps run in containers, and what an engine still holds of a person's runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.support.processes import wait_until
from tests.support.program import Program, nothing_left

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.engine import Engine

ALPINE = "alpine:3.20"
PYTHON = "python:3.11-slim"


def manifest(command: str, image: str | None = ALPINE, **extra: object) -> str:
    """An MLproject, whose step `main` runs `command`; JSON is YAML.

    Args:
        image: None leaves it away, for a Dockerfile.
        extra: of `docker_env`; `entry`, a mapping, is of the entry point.
    """
    entry = {"command": command, **_mapping(extra.pop("entry", {}))}
    named = {} if image is None else {"image": image}
    return json.dumps({"docker_env": {**named, **extra}, "entry_points": {"main": entry}})


def lay(folder: Path, text: str, **files: str) -> Path:
    """A plain directory with a manifest; `a_py` stands for `a.py`, `Dockerfile` for itself."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLproject").write_text(text)
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / (f"{stem}.{suffix}" if stem else name)).write_text(content)
    return folder


def using(reprun: Program, engine: Engine) -> Program:
    """`reprun` as somebody who has no login and uses that engine."""
    reprun.variables["DOCKER_HOST"] = engine.address
    reprun.variables["DOCKER_CONFIG"] = str(reprun.home.parent / "docker")
    return reprun


def containers(client: DockerClient, reprun: Program) -> list[dict[str, Any]]:
    """What the engine has of this person's containers, running or not."""
    found: list[dict[str, Any]] = client.api.containers(all=True)
    return [one for one in found if _mounts_from(one, reprun.home)]


def nothing_is_left(client: DockerClient, reprun: Program) -> None:
    """Wait until no container, no note of one, no checkout and no `running` run is left.

    Raises:
        AssertionError: something is.
    """
    nothing_left(reprun)
    no_container_is_left(client, reprun)


def no_container_is_left(client: DockerClient, reprun: Program) -> None:
    """Wait until no container and no note of one is left; a checkout of a killed reprun may be.

    Raises:
        AssertionError: something is.
    """
    wait_until(lambda: not containers(client, reprun))
    assert not [one.name for one in reprun.home.glob("cache/containers/*.lock")]


def started(reprun: Program, name: str = "started") -> Path:
    """Wait for a file that the step makes in its checkout."""
    end = time.monotonic() + 40
    while not (found := list(reprun.home.glob(f"cache/work/*/*/{name}"))):
        assert time.monotonic() < end, "the step did not start in time"
        time.sleep(0.02)
    return found[0]


def last(reprun: Program) -> dict[str, Any]:
    """The record of the last run."""
    return reprun.records()[-1]


def _mounts_from(container: dict[str, Any], home: Path) -> bool:
    return any(str(one.get("Source", "")).startswith(str(home)) for one in container["Mounts"])


def _mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
