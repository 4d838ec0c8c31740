"""Values of `docker run`'s flags that have a form of their own: devices, hosts, limits, modes.

Each reader takes the text and raises ValueError with what is wrong with it, in words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.containers.options.values import address, natural, pair, size
from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)
KERNEL_SETTINGS = (
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
)
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DEVICE_NAME = r"[A-Za-z][\w.-]*/[A-Za-z][\w.-]*=[A-Za-z0-9][\w.:-]*"
WEIGHTS = (10, 1000)
LONGEST_DOMAIN = 255


def mode(*known: str, others: bool = True) -> Callable[[str], str]:
    """A reader of a namespace's mode: one of `known`, or `container:NAME` where others share."""

    def read(text: str) -> str:
        if text in ("", *known) or (others and re.fullmatch(r"container:.+", text)):
            return text
        words = ", ".join(f"`{word}`" for word in (*known, *(["container:NAME"] if others else [])))
        raise ValueError(f"must be {words}, not `{text}`")

    return read


def capability(text: str) -> str:
    """A capability's full name, or `ALL`."""
    name = text.strip().upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def device(text: str) -> dict[str, object]:
    """A body: `/dev/x[:/dev/y][:rwm]`, or a name of the container device interface."""
    if re.fullmatch(DEVICE_NAME, text):
        request = {
            "Driver": "cdi",
            "Count": 0,
            "DeviceIDs": [text],
            "Capabilities": None,
            "Options": None,
        }
        return {"HostConfig": {"DeviceRequests": [request]}}
    source, *rest = text.split(":")
    access = "rwm"
    if rest and re.fullmatch(r"[rwm]{1,3}", rest[-1]):
        access = rest.pop()
    target = rest.pop(0) if rest else source
    if rest:
        raise ValueError(f"must have access of `r`, `w` and `m`, not `{shown(rest[0])}`")
    for path in (source, target):
        if not path.startswith("/"):
            raise ValueError(f"must be an absolute path such as `/dev/fuse`, not `{path}`")
    entry = {"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": access}
    return {"HostConfig": {"Devices": [entry]}}


def shown(text: str) -> str:
    """`text` for a message, never nothing."""
    return text or "nothing"


def device_rule(text: str) -> str:
    """`c 1:3 mr`: type, numbers, access."""
    if not re.fullmatch(r"[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}", text):
        raise ValueError(f"must be a rule such as `c 1:3 mr`, not `{text}`")
    return text


def _of_device(text: str, wanted: str) -> tuple[str, str]:
    path, _, value = text.rpartition(":")
    if not path.startswith("/dev/"):
        raise ValueError(f"must be `/dev/NAME:{wanted}`, not `{text}`")
    return path, value


def device_weight(text: str) -> dict[str, object]:
    """`/dev/sda:300`."""
    path, value = _of_device(text, "WEIGHT")
    number, (low, high) = natural(value), WEIGHTS
    if number and not low <= number <= high:
        raise ValueError(f"must have a weight between {low} and {high}, or 0, not `{value}`")
    return {"Path": path, "Weight": number}


def device_bytes(text: str) -> dict[str, object]:
    """`/dev/sda:1mb`, a second."""
    path, value = _of_device(text, "SIZE")
    return {"Path": path, "Rate": size(value)}


def device_operations(text: str) -> dict[str, object]:
    """`/dev/sda:1000`, a second."""
    path, value = _of_device(text, "NUMBER")
    return {"Path": path, "Rate": natural(value)}


def host(text: str) -> str:
    """`NAME:ADDRESS` or `NAME=ADDRESS`, as the engine wants it; `host-gateway` is an address."""
    name, between, value = text.partition("=" if "=" in text else ":")
    if not name or not between:
        raise ValueError(f"must be `NAME:ADDRESS`, not `{text}`")
    if value != "host-gateway":
        bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
        value = address(bare)
    return f"{name}:{value}"


def domain(text: str) -> str:
    """A domain to search, `.` for none."""
    name = text.strip()
    if name != "." and (
        not re.fullmatch(rf"{LABEL}(?:\.{LABEL})*\.?", name) or len(name) >= LONGEST_DOMAIN
    ):
        raise ValueError(f"must be a domain such as `example.com`, not `{text}`")
    return name


def limit(text: str) -> dict[str, object]:
    """`nofile=1024` or `nofile=1024:2048`: a soft limit and a hard one, -1 for none."""
    name, _, value = text.partition("=")
    if name not in LIMITS:
        near = nearest(name, LIMITS)
        meant = f"; did you mean `{near}`?" if near else f": one of {', '.join(LIMITS)}"
        raise ValueError(f"must be a limit that there is, not `{shown(name)}`{meant}")
    if not re.fullmatch(r"-?\d{1,19}(:-?\d{1,19})?", value):
        raise ValueError(f"must be `{name}=SOFT[:HARD]` in numbers, not `{text}`")
    soft, _, hard = value.partition(":")
    low, high = int(soft), int(hard or soft)
    if high != -1 and (low > high or low == -1):
        raise ValueError(f"must have a soft limit no higher than the hard one, not `{value}`")
    return {"Name": name, "Hard": high, "Soft": low}


def kernel_setting(text: str) -> dict[str, str]:
    """`net.core.somaxconn=1024`: one of the kernel's settings that a container has for itself."""
    name = text.partition("=")[0]
    if "=" not in text:
        raise ValueError(f"must be `NAME=VALUE`, not `{text}`")
    if name not in KERNEL_SETTINGS and not name.startswith(("net.", "fs.mqueue.")):
        raise ValueError(f"must be a setting that a container has for itself, not `{name}`")
    return pair(text)


def link(text: str) -> str:
    """`CONTAINER[:ALIAS]`."""
    name, *rest = text.split(":")
    if not name or len(rest) > 1:
        raise ValueError(f"must be `CONTAINER[:ALIAS]`, not `{text}`")
    return text


def volume(text: str) -> str:
    """`[SOURCE:]TARGET[:OPTIONS]`; what it means is its reader's."""
    if not text or text.count(":") > 2:  # noqa: PLR2004
        raise ValueError(f"must be `[SOURCE:]TARGET[:ro]`, not `{shown(text)}`")
    return text


def temporary(text: str) -> dict[str, str]:
    """`/run:size=64m`: a folder in memory and its options."""
    target, _, options = text.partition(":")
    if not target:
        raise ValueError(f"must be `/FOLDER[:OPTIONS]`, not `{text}`")
    return {target: options}


def check_command(text: str) -> dict[str, object]:
    """A body that has the check of health."""
    return {"Healthcheck": {"Test": ["CMD-SHELL", text]}} if text else {}


def platform(text: str) -> str:
    """`linux/arm64`, `linux/arm/v7`, `arm64`."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+){0,2}", text):
        raise ValueError(f"must be a platform such as `linux/arm64`, not `{text}`")
    return text


def pull(text: str) -> str:
    """When the image is pulled."""
    if text not in ("always", "missing", "never"):
        raise ValueError(f"must be `always`, `missing` or `never`, not `{text}`")
    return text


def variable(text: str) -> tuple[str, str | None]:
    """`NAME=VALUE`, or `NAME` to copy the host's, as (name, value) with None for a copy."""
    name, assigned, value = text.partition("=")
    if not name:
        raise ValueError("must be `NAME` or `NAME=VALUE`")
    return (name, value if assigned else None)
