"""The networks of a container, and what it is called there: nine of `docker run`'s flags at once.

Like the command line does, the flags without a network's name speak of the first network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.containers.options.fields import fields, key_among
from runner.containers.options.forms import link
from runner.containers.options.values import address, hardware_address, pair, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYS = ("name", "alias", "driver-opt", "ip", "ip6", "mac-address", "link-local-ip", "gw-priority")
FLAGS = ("network", "network-alias", "ip", "ip6", "link", "link-local-ip", "mac-address")
# The flag of the first network, and the key of `--network name=…` that says the same.
SAME = {
    "network-alias": "alias",
    "ip": "ip",
    "ip6": "ip6",
    "link-local-ip": "link-local-ip",
    "mac-address": "mac-address",
}
READY_MADE = ("default", "bridge", "host", "none")


class Clash(ValueError):
    """Two flags contradict each other, or one has nothing to speak of; not one value's fault."""


def network(text: str) -> dict[str, list[str]]:
    """`NAME`, or `name=NAME,alias=ALIAS,…`: the values of each key."""
    if not re.search(r"\w=\w", text):
        if not text:
            raise ValueError("must name a network")
        return {"name": [text]}
    found: dict[str, list[str]] = {}
    for key, value in fields(text):
        found.setdefault(key_among(key.strip().lower(), KEYS), []).append((value or "").strip())
    if not any(found.get("name", ())):
        raise ValueError("must name a network: `name=NETWORK,…`")
    _endpoint(found)  # a wrong value is this text's fault
    return found


def body(given: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """The create body that the network flags (`FLAGS`, by long name) make; empty without any.

    Raises:
        Clash: the flags don't go together.
        ValueError: a value is wrong; `network` has been read before.
    """
    named = [network(text) for text in given.get("network", ())]
    first = named[0] if named else {"name": ["default"]}
    mode = first["name"][-1]
    own = mode not in READY_MADE and not mode.startswith("container:")
    if "network-alias" in given and not own:
        raise Clash("an alias needs a network of its own: `-A network=NAME`")
    _add(first, given)
    links = [link(text) for text in given.get("link", ())]
    config: dict[str, object] = {"NetworkMode": mode} if named else {}
    found: dict[str, object] = {}
    if links:
        config["Links"] = links
    if config:
        found["HostConfig"] = config
    endpoints = {one["name"][-1]: _endpoint(one) for one in named or [first]}
    if links and own:
        endpoints[mode]["Links"] = links
    if len(endpoints) > 1 or any(endpoints.values()):
        found["NetworkingConfig"] = {"EndpointsConfig": endpoints}
    if address_there := endpoints[mode].get("MacAddress"):
        found["MacAddress"] = address_there  # where engines before 25 look for it
    return found


def _add(first: dict[str, list[str]], given: Mapping[str, Sequence[str]]) -> None:
    for flag, key in SAME.items():
        if flag in given:
            if key in first:
                raise Clash(f"`{flag}` is given twice: beside the network, and as its `{key}`")
            first[key] = list(given[flag])


def _endpoint(one: Mapping[str, Sequence[str]]) -> dict[str, object]:
    addresses: dict[str, object] = {}
    if "ip" in one:
        addresses["IPv4Address"] = address(one["ip"][-1], version=4)
    if "ip6" in one:
        addresses["IPv6Address"] = address(one["ip6"][-1], version=6)
    if "link-local-ip" in one:
        addresses["LinkLocalIPs"] = [address(text) for text in one["link-local-ip"]]
    found: dict[str, object] = {"IPAMConfig": addresses} if addresses else {}
    if "alias" in one:
        found["Aliases"] = list(one["alias"])
    if "driver-opt" in one:
        found["DriverOpts"] = {k: v for text in one["driver-opt"] for k, v in pair(text).items()}
    if "mac-address" in one:
        found["MacAddress"] = hardware_address(one["mac-address"][-1])
    if "gw-priority" in one:
        found["GwPriority"] = whole(one["gw-priority"][-1])
    return found
