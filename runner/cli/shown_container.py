"""A run's image and its container in words, and those of a dry run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runner.cli.render import label, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.store.records import Run

SHORT_DIGEST = 12
_DIGEST = re.compile(rf"(sha256:[0-9a-f]{{{SHORT_DIGEST}}})[0-9a-f]+")
_HERE = "only on this machine"
_NS = 1e9


def run_lines(run: Run) -> Iterator[str]:
    """The image that a step ran in, and what else its container had."""
    image, container = run.environment.image, run.container
    if image is not None:
        pin = short(image.reference or image.id)
        if run.environment.lock.format == "dockerfile":
            code = ", with the project in it" if run.request.get("build_image") else ""
            yield f"{label('image')}{pin}, built from {image.name or 'a Dockerfile'}{code}"
            if not run.environment.lock.locked:
                yield f"{label('')}what its own steps installed is not locked"
        else:
            named = f"{image.name}, " if image.name and image.name != image.reference else ""
            here = f", {_HERE}" if image.only_here else ""
            yield f"{label('image')}{named}{pin}{here}"
    if container is not None:
        yield from _container(container.network, container.settings)
        for volume in container.volumes:
            read_only = ", read-only" if volume.read_only else ""
            yield f"{label('volume')}{volume.source or 'a new one'} at {volume.target}{read_only}"


def dry_lines(image: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    """The same of what `runner.containers.described` has."""
    if image["bases"] or image["dockerfile"]:
        if image["holds_project"]:
            yield f"{label('image')}built with the project in it"
        for name, pin in image["bases"].items():
            yield f"{label('base')}{name}, {_pin(pin)}"
        for text in image["unlocked"]:
            yield f"{label('not locked')}{text}"
    else:
        yield f"{label('image')}{_pin(image['pin'])}"
    yield from _container(container["network"], container["settings"])
    for text in container["volumes"]:
        yield f"{label('volume')}{text}"


def short(pin: str) -> str:
    """`python@sha256:0123456789ab…`: enough of a digest to tell it from others."""
    return _DIGEST.sub(r"\1…", pin)


def _pin(pin: str | None) -> str:
    if pin is None:
        return "not pinned yet"
    return f"{short(pin)}, {_HERE}" if pin.startswith("sha256:") else short(pin)


def _container(network: str | None, settings: Mapping[str, Any]) -> Iterator[str]:
    words = [f"network {network}"] if network else []
    words += _limits(settings.get("HostConfig") or {})
    if words:
        yield f"{label('container')}{', '.join(words)}"


def _limits(host: Mapping[str, Any]) -> Iterator[str]:
    if host.get("ReadonlyRootfs"):
        yield "read-only"
    if memory := host.get("Memory"):
        yield f"{size(memory)} of memory"
    if processors := host.get("NanoCpus"):
        yield f"{processors / _NS:g} CPU{'' if processors == _NS else 's'}"
    if shared := host.get("ShmSize"):
        yield f"{size(shared)} of shared memory"
    if asked := host.get("DeviceRequests"):
        yield "GPUs: " + ", ".join(_devices(one) for one in asked)


def _devices(asked: Mapping[str, Any]) -> str:
    if asked.get("DeviceIDs"):
        return " ".join(asked["DeviceIDs"])
    count = asked.get("Count", 0)
    return "all" if count < 0 else str(count)
