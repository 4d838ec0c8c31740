"""What an entry point's `resources:` asks of the container: memory, processors, GPUs, as a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.containers.options.bodies import Body, merge
from runner.containers.options.values import LARGEST, cpus, size
from runner.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.manifest.model import EntryPoint

# Both spellings, as YAML's and the command line's habits differ.
KEYS = {
    "memory": "memory",
    "cpus": "cpus",
    "gpus": "gpus",
    "shm_size": "shm_size",
    "shm-size": "shm_size",
}
EXAMPLES = {"memory": "2GiB", "cpus": "1.5", "gpus": "all", "shm_size": "512MB"}
LONGEST = 120  # of what is wrong with a value, which a stranger wrote
# What `-A` may say of the same thing: the manifest's limit gives way.
SAME = {
    "Memory": ("Memory", "MemorySwap"),
    "MemorySwap": ("Memory", "MemorySwap"),
    "NanoCpus": ("NanoCpus", "CpuQuota", "CpuPeriod"),
    "DeviceRequests": ("DeviceRequests",),
}


def limits(entry_point: EntryPoint, *, file: str) -> dict[str, object]:
    """The create body that an entry point's `resources` make; empty without any that are known.

    `memory` and `shm_size` are bytes, or a text such as `2GiB`, `512MB`, `2g` (all in powers of
    1024, as Docker reads them); `cpus` a number; `gpus` a number or `all`. Memory is limited with
    its swap. What is null or of another name is left to other executors.

    Args:
        file: the manifest's path inside the project, for messages.

    Raises:
        ManifestError: a value is wrong.
    """
    body: dict[str, object] = {}
    given: dict[str, str] = {}
    for key, value in entry_point.resources.items():
        name = KEYS.get(key)
        if name is None or value is None:
            continue
        where = f"{file}:{entry_point.line}: `{key}` in `resources` of `{entry_point.name}`"
        if name in given:
            raise ManifestError(f"{where} repeats `{given[name]}`", "remove one of them")
        given[name] = key
        body = merge(body, _part(name, value, where))
    return body


def overridden(manifest: Body, arguments: Body) -> dict[str, object]:
    """Both bodies merged; what `-A` says of a resource takes the place of the manifest's."""
    config, said = _config(manifest), _config(arguments)
    kept = {
        name: value
        for name, value in config.items()
        if not any(other in said for other in SAME.get(name, (name,)))
    }
    rest = {name: value for name, value in manifest.items() if name != "HostConfig"}
    return merge({**rest, **({"HostConfig": kept} if kept else {})}, arguments)


def _config(body: Body) -> Mapping[str, object]:
    config = body.get("HostConfig", {})
    assert isinstance(config, dict)
    return config


def _part(name: str, value: object, where: str) -> dict[str, object]:
    try:
        config = READERS[name](_text(value))
    except ValueError as wrong:
        from runner.manifest.document import shorten

        why = shorten(str(wrong), LONGEST)
        hint = f"write it like `{name}: {EXAMPLES[name]}`"
        raise ManifestError(f"{where} {why}", hint) from None
    return {"HostConfig": config} if config else {}


def _text(value: object) -> str:
    """The value as the readers of texts take it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        kind = {bool: "true or false", list: "a list", dict: "a mapping"}.get(type(value), "a time")
        # One kind of error for all that is wrong with a value, as the readers have it.
        raise ValueError(f"must be a number or a text, not {kind}")  # noqa: TRY004
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError("must be a number of 64 bits")
    if isinstance(value, float):
        # No exponent, which a size may not have everywhere; `nan` stays what is wrong.
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()


def _memory(text: str) -> dict[str, object]:
    number = _size(text)
    return {"Memory": number, "MemorySwap": number}


def _shared(text: str) -> dict[str, object]:
    return {"ShmSize": _size(text)}


def _size(text: str) -> int:
    number = size(text)
    if not number:
        raise ValueError(f"must be above zero, not `{text}`")
    return number


def _processors(text: str) -> dict[str, object]:
    number = cpus(text)
    if not number:
        raise ValueError(f"must be above zero, not `{text}`")
    return {"NanoCpus": number}


def _gpus(text: str) -> dict[str, object]:
    from runner.containers.options.fields import gpus

    if text != "all" and not (text.isascii() and text.isdigit()):
        raise ValueError(f"must be a number or `all`, not `{text or 'nothing'}`")
    return {} if not int(text.replace("all", "1")) else {"DeviceRequests": [gpus(text)]}


READERS: dict[str, Callable[[str], dict[str, object]]] = {
    "memory": _memory,
    "cpus": _processors,
    "gpus": _gpus,
    "shm_size": _shared,
}
