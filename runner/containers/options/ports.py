"""Ports of a container: `--publish` and `--expose`.

Each reader raises ValueError with what is wrong with its text, in words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from runner.containers.options.fields import fields, key_among
from runner.containers.options.values import address

PROTOCOLS = ("tcp", "udp", "sctp")
LAST = 65535
RANGE = r"(\d+)(?:-(\d+))?"
PUBLISHED = ("target", "published", "protocol", "mode")
MODES = ("", "ingress", "host")


class Range(NamedTuple):
    """Ports from `first` to `last`, both among them."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def ports(self) -> list[int]:
        """All of them."""
        return list(range(self.first, self.last + 1))


def _range(text: str) -> Range:
    match = re.fullmatch(RANGE, text)
    if not match:
        raise ValueError(f"must be a port or a range of them, not `{text or 'nothing'}`")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last or last > LAST:
        raise ValueError(f"must be ports between 0 and {LAST}, the lower first, not `{text}`")
    return Range(first, last)


def expose(text: str) -> dict[str, object]:
    """`80`, `80-90/udp`: what the container listens on."""
    ports, _, protocol = text.partition("/")
    return {f"{port}/{protocol or 'tcp'}": {} for port in _range(ports).ports}


def publish(text: str) -> dict[str, object]:
    """A body: `[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, or `target=80,published=8080`."""
    if "=" in text:
        text = _long(text)
    mapping, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise ValueError(f"must be of {', '.join(PROTOCOLS)}, not `{protocol}`")
    outside, _, inside = mapping.rpartition(":")
    host, _, given = outside.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    ports = _range(inside)
    bindings = {
        f"{port}/{protocol}": [{"HostIp": address(host) if host else "", "HostPort": there}]
        for port, there in zip(ports.ports, _there(given, ports), strict=True)
    }
    exposed: dict[str, object] = {port: {} for port in bindings}
    return {"ExposedPorts": exposed, "HostConfig": {"PortBindings": bindings}}


def _there(text: str, ports: Range) -> list[str]:
    """The host's port for each of the container's."""
    if not text:
        return [""] * len(ports.ports)
    there = _range(text)
    if len(ports.ports) == 1:
        return [str(there)]  # one of them, whichever is free
    if len(there.ports) != len(ports.ports):
        raise ValueError(f"must be as many ports here as there, not `{there}` and `{ports}`")
    return [str(port) for port in there.ports]


def _long(text: str) -> str:
    given = {key_among(key.lower(), PUBLISHED): value or "" for key, value in fields(text)}
    if not given.get("target"):
        raise ValueError("must have a `target=PORT`")
    if given.get("mode", "") not in MODES:
        raise ValueError(f"must have a mode of `ingress` or `host`, not `{given['mode']}`")
    for name in ("target", "published"):
        if given.get(name) and not re.fullmatch(RANGE, given[name]):
            raise ValueError(f"must have a port for `{name}`, not `{given[name]}`")
    published = f"{given['published']}:" if given.get("published") else ""
    return f"{published}{given['target']}/{given.get('protocol') or 'tcp'}"
