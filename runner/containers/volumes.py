"""`volumes` of a manifest and `-A volume=…`: what of this machine a container gets to see."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from runner.containers.model import CODE, Mount
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# MLflow has a shell read them, so that these work in public projects.
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)|\((pwd)\))|`(pwd)`|%(?:cd|CD)%")
_OURS: Final = "/reprun/"
_OPTIONS: Final = frozenset({
    *("ro", "rw", "z", "Z", "U", "nocopy", "consistent", "cached", "delegated"),
    *("shared", "slave", "private", "rshared", "rslave", "rprivate"),
})  # fmt: skip


class Volume(Struct, frozen=True):
    """One of them, read.

    Attributes:
        text: as written.
        source: of this machine, as written and with variables in their places; "" for none.
        target: inside.
        options: behind the second colon.
    """

    text: str
    source: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the source is a volume of the engine's, or none."""
        return not self.source or _NAME.fullmatch(self.source) is not None


def read(text: str, variables: Mapping[str, str], project: str) -> Volume:
    """Read `SOURCE:TARGET[:OPTIONS]`; `$PWD` and `$(pwd)` mean the project.

    Raises:
        EnvironmentFailure: it is something else, or names a variable that is not set.
    """
    plain = _expanded(text.strip(), variables, project)
    parts = plain.split(":")
    if len(parts) == 1:
        parts = ["", *parts]
    source, target, *rest = parts
    options = tuple(rest[0].split(",")) if rest else ()
    unknown = [one for one in options if one not in _OPTIONS]
    if len(rest) > 1 or unknown or not target.startswith("/"):
        why = (
            f"`{unknown[0]}` is no option of one"
            if unknown
            else "its place inside must be an absolute path"
        )
        raise EnvironmentFailure(
            f"volume `{text}`: {why}", "write `/on/this/machine:/inside`, or add `:ro`"
        )
    return Volume(text, os.path.expanduser(source), target, options)  # noqa: PTH111  pure text


def check(volume: Volume, project: Path | None = None) -> None:
    """See early that what it names of this machine, outside of the project, is there.

    Raises:
        EnvironmentFailure: it isn't.
    """
    source = volume.source
    if not volume.named and os.path.isabs(source) and not os.path.exists(source):  # noqa: PTH110, PTH117
        if project is not None and _is_inside(source, project):
            return
        raise EnvironmentFailure(
            f"volume `{volume.text}`: there is no `{source}` on this machine",
            "make it, or correct the volume",
        )


def refuse_clashes(volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
    """Those that are to be mounted: what means the project at its own place is there already.

    Raises:
        EnvironmentFailure: two have one place inside, or one has the place of something else.
    """
    kept: dict[str, Volume] = {}
    for volume in volumes:
        place = posixpath.normpath(volume.target)
        if place == CODE and os.path.normpath(volume.source) == ".":
            continue
        if place in {"/", CODE} or f"{place}/".startswith(_OURS):
            what = (
                "the image itself" if place == "/" else "the project" if place == CODE else "reprun"
            )
            raise EnvironmentFailure(
                f"volume `{volume.text}`: `{place}` inside is the place of {what}",
                "choose another place for it",
            )
        if place in kept:
            raise EnvironmentFailure(
                f"volume `{volume.text}` has the place inside that `{kept[place].text}` has",
                "choose another place for one of them",
            )
        kept[place] = volume
    return tuple(kept.values())


def mounts(
    volumes: tuple[Volume, ...], *, project: Path, root: Path
) -> tuple[tuple[Mount, ...], tuple[str, ...]]:
    """What to mount, and what to warn about.

    Args:
        project: in the checkout; relative sources start from it.
        root: of the checkout.

    Raises:
        EnvironmentFailure: a source is not there.
        OSError: a folder can't be made in the checkout.
    """
    found, warnings = [], []
    for volume in volumes:
        options = tuple(one for one in volume.options if one not in {"ro", "rw"})
        read_only = "ro" in volume.options
        if volume.named:
            if volume.source:
                warnings.append(_of_engine(volume, project))
            found.append(
                Mount(volume.source, volume.target, read_only, "volume", ",".join(options))
            )
            continue
        source = project / volume.source
        check(volume, root)
        if not os.path.isabs(volume.source) and not _is_below(source, root):  # noqa: PTH117
            raise EnvironmentFailure(
                f"volume `{volume.text}` leads out of the project, whose checkout is elsewhere",
                "write the absolute path of what it means",
            )
        if _is_inside(os.fspath(source), root):
            if not source.exists():
                source.mkdir(parents=True)
                warnings.append(
                    f"volume `{volume.text}`: the version of the project that runs has no such "
                    "folder: an empty one is mounted; what git ignores comes along where `inputs:` "
                    "names it"
                )
        else:
            warnings.append(
                f"volume `{volume.text}` is of this machine, not of the project: what it holds is "
                "not recorded"
            )
        found.append(Mount(os.fspath(source), volume.target, read_only, "bind", ",".join(options)))
    return tuple(found), tuple(warnings)


def _of_engine(volume: Volume, project: Path) -> str:
    """A warning that a name is not a folder."""
    text = f"volume `{volume.text}` is one of the engine's own: what it holds is not recorded"
    if (project / volume.source).exists():
        text += f"; for the project's folder, write `./{volume.source}:{volume.target}`"
    return text


def _expanded(text: str, variables: Mapping[str, str], project: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None or name == "PWD":
            return project
        if name not in variables:
            raise EnvironmentFailure(
                f"volume `{text}`: there is no variable `{name}` here", f"set it: `export {name}=…`"
            )
        return variables[name]

    return _VARIABLE.sub(value, text)


def _is_below(path: Path, top: Path) -> bool:
    """Whether it is by its name; where its links lead is another question."""
    return f"{os.path.normpath(path)}{os.sep}".startswith(f"{os.path.normpath(top)}{os.sep}")


def _is_inside(path: str, top: Path) -> bool:
    real, root = os.path.realpath(path), os.path.realpath(top)
    return real == root or real.startswith(f"{root}{os.sep}")
