"""What source distributions are built with: the day's tools, limits to them, what setups forget.

A lock of ours says so in its first lines, so that every machine builds alike:

    # as of 2019-06-01T00:00:00Z
    # build with setuptools<58
    # build scikit-learn with numpy
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from runner.environments import old_packages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What builds a package without a pyproject.toml; every environment of ours holds them, too.
TOOLS: Final = ("pip", "setuptools", "wheel")
# Building old source distributions needs a setuptools of PEP 517, which is younger than they are.
_OLDEST_TOOLS: Final = "2019-03-01T00:00:00Z"
_AS_OF: Final = re.compile(r"^# as of (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$", re.MULTILINE)
_LIMIT: Final = re.compile(r"^# build with (\S+)$", re.MULTILINE)
_EXTRA: Final = re.compile(r"^# build (\S+) with (\S+)$", re.MULTILINE)


class BuildTools(Struct, frozen=True):
    """What builds see.

    Attributes:
        as_of: RFC 3339 time: nothing uploaded later is seen; None for no such limit.
        limits: constraints on whatever a build asks for (`setuptools<58`).
        extra: package → what its build needs and does not ask for.
    """

    as_of: str | None = None
    limits: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def header(self) -> tuple[str, ...]:
        """The lines of a lock that say so; none where builds see today's tools."""
        return (
            *((f"# as of {self.as_of}",) if self.as_of else ()),
            *(f"# build with {limit}" for limit in self.limits),
            *(f"# build {name} with {one}" for name, need in self.extra.items() for one in need),
        )

    def limited(self, limit: str) -> BuildTools:
        """With one limit more."""
        return replace(self, limits=tuple(sorted({*self.limits, limit})))

    def extended(self, package: str, need: str) -> BuildTools:
        """With one thing more for the build of `package`."""
        needs = tuple(sorted({*self.extra.get(package, ()), need}))
        return replace(self, extra=dict(sorted({**self.extra, package: needs}.items())))


def of_lock(text: str) -> BuildTools:
    """What the first lines of a lock say; a lock that is not ours says nothing."""
    head = re.split(r"(?m)^[^#\n]", text, maxsplit=1)[0]
    as_of = _AS_OF.search(head)
    extra: dict[str, tuple[str, ...]] = {}
    for package, need in _EXTRA.findall(head):
        extra[package] = (*extra.get(package, ()), need)
    return BuildTools(as_of.group(1) if as_of else None, tuple(_LIMIT.findall(head)), extra)


def shared(tools: BuildTools) -> tuple[str, ...]:
    """What a package that is built on its own sees of it: no other package's needs."""
    return replace(tools, extra={}).header()


def arguments(tools: BuildTools, folder: Path, *, settings: str = "") -> list[str]:
    """What uv is told, with the files that it reads for it written into `folder`.

    uv has to be started in `folder`: some of it can only be said in a `uv.toml`, which begins with
    `settings`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "uv.toml").write_text(settings + old_packages.uv_settings() + _needs(tools))
    return [*cut_off(tools.as_of), *_limits(tools, folder)]


def cut_off(as_of: str | None) -> list[str]:
    """The arguments that hide what was uploaded after `as_of`."""
    if as_of is None:
        return []
    given = ["--exclude-newer", as_of]
    if as_of < _OLDEST_TOOLS:
        for name in TOOLS:
            given += ["--exclude-newer-package", f"{name}={_OLDEST_TOOLS}"]
    return given


def _limits(tools: BuildTools, folder: Path) -> list[str]:
    if not tools.limits:
        return []
    (folder / "build-constraints.txt").write_text("\n".join(tools.limits) + "\n")
    return ["--build-constraints", str(folder / "build-constraints.txt")]


def _needs(tools: BuildTools) -> str:
    if not tools.extra:
        return ""
    lines = [f"{json.dumps(name)} = {json.dumps(list(need))}" for name, need in tools.extra.items()]
    return "[extra-build-dependencies]\n" + "\n".join(lines) + "\n"
