"""Values of `docker run`'s flags that are made of comma-separated fields: `--gpus`, `--mount`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.containers.options.values import boolean, size
from runner.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GPU_KEYS = ("count", "device", "driver", "capabilities", "options")
MOUNT_TYPES = ("bind", "volume", "tmpfs", "image")
MOUNT_KEYS = {
    "type": "type",
    "source": "source",
    "src": "source",
    "target": "target",
    "dst": "target",
    "destination": "target",
    "readonly": "readonly",
    "ro": "readonly",
    "consistency": "consistency",
    "bind-propagation": "bind-propagation",
    "bind-nonrecursive": "bind-nonrecursive",
    "bind-recursive": "bind-recursive",
    "volume-driver": "volume-driver",
    "volume-label": "volume-label",
    "volume-nocopy": "volume-nocopy",
    "volume-opt": "volume-opt",
    "volume-subpath": "volume-subpath",
    "tmpfs-size": "tmpfs-size",
    "tmpfs-mode": "tmpfs-mode",
    "image-subpath": "image-subpath",
}
SWITCHES = ("readonly", "bind-nonrecursive", "volume-nocopy")
RECURSION = {
    "enabled": None,
    "disabled": "NonRecursive",
    "writable": "ReadOnlyNonRecursive",
    "readonly": "ReadOnlyForceRecursive",
}
ONLY_READ = ("writable", "readonly")


def fields(text: str) -> list[tuple[str, str | None]]:
    """The comma-separated fields as (key, value), value None where there is no `=`."""
    import csv

    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        raise ValueError(f"has quotes that don't match: `{text}`") from None
    if not rows or not rows[0]:
        raise ValueError("must not be empty")
    parts = [field.partition("=") for field in rows[0]]
    return [(key, value if assigned else None) for key, assigned, value in parts]


def key_among(key: str, known: Iterable[str]) -> str:
    """`key`, which must be known.

    Raises:
        ValueError: it is not.
    """
    if key not in known:
        near = nearest(key, known)
        raise ValueError(f"has no key `{key}`" + (f"; did you mean `{near}`?" if near else ""))
    return key


def gpus(text: str) -> dict[str, object]:
    """The request for devices that `all`, `2`, `"device=0,1"`, `all,capabilities=utility` make."""
    given: dict[str, str] = {}
    counts = []
    for key, value in fields(text):
        if value is None:
            counts.append(key)
        elif key_among(key, GPU_KEYS) in given:
            raise ValueError(f"has `{key}` more than once")
        else:
            given[key] = value
    counts += [given["count"]] if "count" in given else []
    if counts and "device" in given:
        listing = ",".join([given["device"], *counts])
        raise ValueError(
            f"has devices and a count; a list is quoted: `'gpus=\"device={listing}\"'`"
        )
    if len(counts) > 1:
        raise ValueError(f"has more than one count: `{text}`")
    names = given.get("capabilities")
    options = [option.partition("=") for option in given.get("options", "").split(",") if option]
    return {
        "Driver": given.get("driver", ""),
        "Count": 0 if "device" in given else _count(counts[0] if counts else "1"),
        "DeviceIDs": given["device"].split(",") if "device" in given else None,
        "Capabilities": [[*(names.split(",") if names else ()), "gpu"]],
        "Options": {name: value for name, _, value in options},
    }


def _count(text: str) -> int:
    if text == "all":
        return -1
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise ValueError(f"must be `all`, a number, or `device=…`, not `{text}`")
    return int(text)


def mount(text: str, caller: Path) -> dict[str, object]:
    """The mount that `type=bind,source=/a,target=/b,readonly` describes.

    A source that begins with a dot is relative to `caller`.
    """
    one: dict[str, str] = {}
    many: dict[str, dict[str, str]] = {"volume-label": {}, "volume-opt": {}}
    for key, value in fields(text):
        name = MOUNT_KEYS[key_among(key.lower(), MOUNT_KEYS)]
        if value is None and name not in SWITCHES:
            raise ValueError(f"needs `{key}=VALUE`, not `{key}` alone")
        if name in many:
            inner, _, content = (value or "").partition("=")
            many[name][inner] = content
        else:
            one[name] = "true" if value is None else value
    _sound(one, many)
    kind = one.get("type", "volume").lower()
    source = one.get("source", "")
    if kind == "bind" and re.match(r"\.\.?(/|$)", source):
        source = str((caller / source).resolve())
    found: dict[str, object] = {
        "Type": kind,
        "Source": source,
        "Target": one["target"],
        "ReadOnly": _on(one, "readonly"),
        "Consistency": one.get("consistency", ""),
        **_options(kind, one, many),
    }
    return {name: value for name, value in found.items() if value}


def _sound(one: dict[str, str], many: dict[str, dict[str, str]]) -> None:
    kind = one.get("type", "volume").lower()
    if kind not in MOUNT_TYPES:
        raise ValueError(f"must be of type {', '.join(MOUNT_TYPES)}, not `{kind}`")
    if not one.get("target"):
        raise ValueError("must have a `target=/FOLDER`")
    if kind == "bind" and not one.get("source"):
        raise ValueError("must have a `source=/PATH`")
    for name in (*one, *(name for name, values in many.items() if values)):
        prefix = name.partition("-")[0]
        if prefix in MOUNT_TYPES and prefix != kind:
            raise ValueError(f"is of type `{kind}`, which can't have `{name}`")
    recursion = one.get("bind-recursive", "enabled")
    if recursion not in RECURSION:
        raise ValueError(f"must be `bind-recursive={'|'.join(RECURSION)}`, not `{recursion}`")
    if recursion in ONLY_READ and not _on(one, "readonly"):
        raise ValueError(f"needs `readonly` beside `bind-recursive={recursion}`")


def _on(one: dict[str, str], name: str) -> bool:
    try:
        return boolean(one.get(name, "false"))
    except ValueError as wrong:
        raise ValueError(f"{wrong} for `{name}`") from None


def _options(
    kind: str, one: dict[str, str], many: dict[str, dict[str, str]]
) -> dict[str, dict[str, object]]:
    def filled(**given: object) -> dict[str, object]:
        return {name: value for name, value in given.items() if value}

    if kind == "bind":
        found = filled(
            Propagation=one.get("bind-propagation"), NonRecursive=_on(one, "bind-nonrecursive")
        )
        recursion = RECURSION[one.get("bind-recursive", "enabled")]
        return {"BindOptions": {**found, **({recursion: True} if recursion else {})}}
    if kind == "volume":
        driver = filled(Name=one.get("volume-driver"), Options=many["volume-opt"])
        found = filled(
            NoCopy=_on(one, "volume-nocopy"),
            Labels=many["volume-label"],
            Subpath=one.get("volume-subpath"),
            DriverConfig=driver,
        )
        return {"VolumeOptions": found}
    if kind == "tmpfs":
        room = size(one["tmpfs-size"]) if "tmpfs-size" in one else 0
        return {"TmpfsOptions": filled(SizeBytes=room, Mode=_mode(one))}
    return {"ImageOptions": filled(Subpath=one.get("image-subpath"))}


def _mode(one: dict[str, str]) -> int:
    text = one.get("tmpfs-mode", "0")
    if not re.fullmatch(r"[0-7]{1,6}", text):
        raise ValueError(f"must have an octal `tmpfs-mode`, not `{text}`")
    return int(text, 8)
