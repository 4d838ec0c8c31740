"""The Python packages that conda put into a prefix, and how uv is told that they are there."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from runner.environments import contents
from runner.environments.requirements import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from packaging.tags import Tag

    from runner.environments.base import Interpreter

_METADATA: Final = ("METADATA", "PKG-INFO", "")  # the last: an `.egg-info` that is a file itself
_EXTRA: Final = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_WITH_M: Final = 8  # until Python 3.8 the name of its binary interface ended in `m`


class Held(Struct, frozen=True):
    """A Python package that is in a prefix.

    Attributes:
        name: normalised (PEP 503).
        version: as PEP 440 writes it.
        info: its `.dist-info` or `.egg-info`.
        requires: what it asks for by its own words, as far as these are about Python packages
            that are in the prefix and suit, or about extras. Conda's word counts for the rest: a
            package that conda needs nothing else for needs nothing else.
    """

    name: str
    version: str
    info: Path
    requires: tuple[str, ...] = ()


def held_in(prefix: Path) -> dict[str, Held]:
    """The Python packages in `prefix` by name; without those whose version is none (PEP 440)."""
    found = {one.name: one for one in packages_at(contents.site_packages(prefix))}
    versions = {name: one.version for name, one in found.items()}
    return {
        name: Held(name, one.version, one.info, tuple(_suiting(one.requires, versions)))
        for name, one in found.items()
    }


def packages_at(site: Path) -> Iterator[Held]:
    """The packages in the folder `site`, with all that they ask for."""
    from email.parser import BytesHeaderParser

    from packaging.version import InvalidVersion, Version

    for info in sorted((*site.glob("*.dist-info"), *site.glob("*.egg-info"))):
        file = next((at for name in _METADATA if (at := info / name).is_file()), None)
        if file is None:
            continue
        head = BytesHeaderParser().parsebytes(file.read_bytes())
        try:
            version = str(Version(str(head["Version"])))
        except InvalidVersion:
            continue
        requires = tuple(map(str, head.get_all("Requires-Dist") or ()))
        yield Held(normalised(str(head["Name"])), version, info, requires)


def _suiting(requires: Iterable[str], versions: Mapping[str, str]) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in requires:
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue
        version = versions.get(normalised(asked.name))
        of_an_extra = asked.marker is not None and "extra" in str(asked.marker)
        if of_an_extra or (version and asked.specifier.contains(version, prereleases=True)):
            yield line


def metadata(held: Iterable[Held]) -> str:
    """What a `uv.toml` says of `held`: what they need, whatever the index says of that version."""
    lines = []
    for one in held:
        extras = sorted({name for line in one.requires for name in _EXTRA.findall(line)})
        lines += ["[[dependency-metadata]]", f"name = {json.dumps(one.name)}"]
        lines += [f"version = {json.dumps(one.version)}"]
        lines += [f"requires-dist = {json.dumps(one.requires)}"]
        lines += [f"provides-extra = {json.dumps(extras)}"]
    return "".join(f"{line}\n" for line in lines)


def lay_out(held: Iterable[Held], folder: Path) -> None:
    """Write a wheel for each of `held` into `folder`, with nothing in it: no index may have it."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "Wheel-Version: 1.0\nGenerator: reprun\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for one in held:
        stem = f"{one.name.replace('-', '_')}-{one.version}"
        head = f"Metadata-Version: 2.1\nName: {one.name}\nVersion: {one.version}\n"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{stem}.dist-info/METADATA", head)
            archive.writestr(f"{stem}.dist-info/WHEEL", kind)
            archive.writestr(f"{stem}.dist-info/RECORD", "")


def tags_of(interpreter: Interpreter) -> list[Tag]:
    """The tags of wheels that suit `interpreter` on this machine, the best first (PEP 425)."""
    from packaging import tags

    if interpreter.implementation != "cpython":
        return []
    major, minor = (int(part) for part in interpreter.version.split(".")[:2])
    suffix = "m" if minor < _WITH_M else "t" if "free-threading" in interpreter.build else ""
    name = f"cp{major}{minor}"
    platforms = list(tags.platform_tags())
    found = [*tags.cpython_tags((major, minor), [f"{name}{suffix}"], platforms)]
    return [*found, *tags.compatible_tags((major, minor), name, platforms)]
