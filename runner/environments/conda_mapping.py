"""Makes requirements of the Python index out of conda's packages, and says what that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct, field

from runner.environments import conda_libraries, conda_names, match_spec
from runner.environments.popular import STANDARD
from runner.environments.requirements import name_of, normalised
from runner.errors import EnvironmentFailure, UnmappedPackages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from runner.environments.conda_file import Asked, CondaFile
    from runner.environments.match_spec import MatchSpec

SKIP: Final = "`--skip-unmapped` runs without"


class Mapped(Struct, frozen=True):
    """What a venv gets in the place of conda's packages.

    Attributes:
        requirements: requirement lines for the Python index, each name once.
        tools: pip, a pinned setuptools.
        origins: name on the index → the conda package that it stands for, with its place.
        warnings: what was renamed, added and left out.
    """

    python: str | None = None
    requirements: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class _One(NamedTuple):
    """A package of conda's section, and what it is on the index."""

    asked: Asked
    spec: MatchSpec
    target: str  # its name on the index, extras included

    @property
    def name(self) -> str:
        return name_of(self.target) or self.target


class _Sorted(NamedTuple):
    """Conda's section: its Python, what a venv has no use for, what it can't have, the rest."""

    python: str | None
    libraries: list[_One]
    unmapped: list[tuple[_One, str]]
    asked: list[_One]


def mapped(content: CondaFile, path: str, *, by_pip: Collection[str], skip: bool) -> Mapped:
    """Map conda's section of the file at `path`.

    Args:
        by_pip: requirement lines of the `pip:` section, which win.
        skip: leave out what is for conda only.

    Raises:
        UnmappedPackages: packages that are for conda only, all of them named.
        EnvironmentFailure: a specification that can't be understood.
    """
    every = [_One(asked, *_named(asked, path)) for asked in content.packages]
    pip = {name: line for line in by_pip if (name := name_of(line))}
    found = _sorted(every, {one.name for one in every} | set(pip))
    if found.unmapped and not skip:
        _refuse(found.unmapped, path)
    asked, overruled = _overruled(found.asked, pip, path)
    kept = _single([one for one in asked if one.name != "setuptools"])
    lines = {one.name: _line(one) for one in kept}
    added = dict(_companions(kept, {*lines, *pip}))
    return Mapped(
        python=found.python,
        requirements=(*lines.values(), *added),
        tools=tuple(_tools(asked, found.libraries)),
        origins={
            one.name: f"{path}:{one.asked.line}: the conda package `{one.asked.text}`"
            for one in kept
        },
        warnings=(
            *content.warnings,
            *(f"{path}: {text}" for text in _remarks(content, kept, found.libraries, added)),
            *overruled,
            *_skipped(found.unmapped, path),
        ),
    )


def _sorted(every: list[_One], names: set[str]) -> _Sorted:
    found = _Sorted(next(_pythons(every), None), [], [], [])
    for one in every:
        if one.spec.name == "python":
            continue
        if one.spec.name in conda_names.TOOLS or _serves(one.spec, names):
            found.libraries.append(one)
        elif (why := _conda_only(one.spec)) is not None:
            found.unmapped.append((one, why))
        else:
            found.asked.append(one)
    return found


def _pythons(every: list[_One]) -> Iterator[str | None]:
    return (match_spec.python_of(one.spec) for one in every if one.spec.name == "python")


def _tools(asked: list[_One], libraries: list[_One]) -> Iterator[str]:
    """A pip where there shall be one, of whatever version; a setuptools that is pinned."""
    if any(one.spec.name == "pip" for one in libraries):
        yield "pip"
    yield from (_line(one) for one in asked if one.name == "setuptools" and one.spec.version)


def _named(asked: Asked, path: str) -> tuple[MatchSpec, str]:
    where = f"{path}:{asked.line}:{asked.column}"
    text = asked.text
    if text.startswith(("-", ".")) or "+" in text.split("://")[0].split("=")[0]:
        raise EnvironmentFailure(
            f"{where}: `{text}` is no conda package",
            "put it below `- pip:`, which takes what pip takes",
        )
    if "://" in text and "::" not in text:
        # An archive of conda's own, by its address: `…/linux-64/numpy-1.16.4-py37_0.tar.bz2`.
        name = text.rsplit("/", 1)[-1].rsplit("-", 2)[0]
        return match_spec.MatchSpec(name=name.lower(), channel=text), name
    try:
        spec = match_spec.parse(text)
    except ValueError as error:
        raise EnvironmentFailure(
            f"{where}: `{text}` can't be understood: {error}",
            "write it as `numpy=1.16`, or `numpy>=1.16,<2`",
        ) from None
    index = conda_names.index_name(spec.name)
    extras = f"[{','.join(spec.extras)}]" if spec.extras and "[" not in index else ""
    return spec, index + extras


def _serves(spec: MatchSpec, names: set[str]) -> bool:
    """Whether a venv has the package anyway, or is better off without."""
    if spec.name in STANDARD:
        return True
    if conda_names.CUDA.fullmatch(spec.name):
        return not conda_names.BRINGS_CUDA.isdisjoint(names)
    if spec.build and not names.isdisjoint(conda_names.EXPORTED_WITH.get(spec.name, ())):
        return True
    return conda_libraries.is_library(spec.name) and conda_names.reason_to_refuse(spec.name) is None


def _conda_only(spec: MatchSpec) -> str | None:
    if conda_names.CUDA.fullmatch(spec.name):
        return "CUDA"
    if "://" in spec.channel and spec.channel.endswith((".conda", ".bz2")):
        return "an archive of conda's"
    return conda_names.reason_to_refuse(spec.name)


def _refuse(unmapped: list[tuple[_One, str]], path: str) -> None:
    if len(unmapped) == 1:
        one, why = unmapped[0]
        raise UnmappedPackages(
            f"{path}:{one.asked.line}:{one.asked.column}: `{one.asked.text}` is for conda only "
            f"({why}): the Python index has nothing in its place",
            f"{SKIP} it",
        )
    raise UnmappedPackages(
        f"{path}: {len(unmapped)} packages are for conda only: "
        "the Python index has nothing in their place",
        f"{SKIP} them",
        details=tuple(
            f"{path}:{one.asked.line}:{one.asked.column}: `{one.asked.text}` ({why})"
            for one, why in unmapped
        ),
    )


def _single(kept: list[_One]) -> list[_One]:
    """Of several that are one package on the index, the one that says most, in the order asked."""
    best: dict[str, _One] = {}
    for one in kept:
        there = best.setdefault(one.name, one)
        if _says(one) > _says(there):
            best[one.name] = one
    return list(best.values())


def _says(one: _One) -> tuple[bool, ...]:
    name = one.spec.name
    return bool(one.spec.version), normalised(name) == one.name, name not in conda_names.NAMES


def _overruled(
    kept: list[_One], pip: Mapping[str, str], path: str
) -> tuple[list[_One], tuple[str, ...]]:
    """Without what the `pip:` section names too, as pip would install it over conda's."""
    warnings = tuple(
        f"{path}:{one.asked.line}: `{one.asked.text}` gives way to `{pip[one.name]}`, "
        "which `pip:` asks for"
        for one in kept
        if one.name in pip and one.spec.version and _line(one) != pip[one.name]
    )
    return [one for one in kept if one.name not in pip], warnings


def _line(one: _One) -> str:
    longer = one.name in conda_names.LONGER_VERSIONS
    found = match_spec.specifier(one.spec, longer=longer) or ""
    marker = conda_names.MARKERS.get(one.name)
    return f"{one.target}{found}" + (f"; {marker}" if marker else "")


def _companions(kept: list[_One], there: set[str]) -> Iterator[tuple[str, str]]:
    """Requirements that conda's packages bring along, each with the package that does."""
    for one in kept:
        for name, below, brought in conda_names.COMPANIONS:
            if one.name != name or (below is not None and not _is_below(one.spec, below)):
                continue
            for line in brought:
                new = name_of(line) or line
                if there.isdisjoint({new, *conda_names.INSTEAD.get(new, ())}):
                    there.add(new)
                    yield line, one.spec.name


def _is_below(spec: MatchSpec, version: str) -> bool:
    pinned = match_spec.pinned(spec)
    return pinned is not None and match_spec.numbers(pinned) < match_spec.numbers(version)


def _remarks(
    content: CondaFile, kept: list[_One], libraries: list[_One], added: Mapping[str, str]
) -> Iterator[str]:
    renamed = [
        f"{one.spec.name} is {one.target}"
        for one in kept
        if normalised(one.spec.name) != normalised(one.target)
    ]
    if renamed:
        yield f"on the Python index {', '.join(dict.fromkeys(renamed))}"
    if added:
        brought = ", ".join(f"{line} (for {name})" for line, name in added.items())
        yield f"added, as conda's packages bring it along: {brought}"
    doubtful = [one.asked.text for one in kept if match_spec.has_alternatives(one.spec)]
    if doubtful:
        yield f"of the versions of {', '.join(doubtful)} the newest is taken"
    foreign = [one.asked.text for one in kept if match_spec.specifier(one.spec) is None]
    if foreign:
        yield f"any version is taken, as theirs can't be one of the index: {', '.join(foreign)}"
    left = list(_left_out(content, kept, libraries))
    # Nearly every file names the usual channels: alone they are not worth a word on every run.
    only_channels = len(left) == bool(content.channels)
    if left and not (only_channels and conda_names.USUAL_CHANNELS.issuperset(content.channels)):
        yield f"left out, as a venv has no use for them: {'; '.join(left)}"


def _left_out(content: CondaFile, kept: list[_One], libraries: list[_One]) -> Iterator[str]:
    if content.channels:
        yield f"the channels {', '.join(content.channels)}"
    if builds := [f"{one.spec.name}={one.spec.build}" for one in kept if one.spec.build]:
        yield f"the build strings {', '.join(builds)}"
    # Every file has a bare `pip`.
    if named := [one.asked.text for one in libraries if one.asked.text != "pip"]:
        yield ", ".join(named)


def _skipped(unmapped: list[tuple[_One, str]], path: str) -> Iterator[str]:
    if unmapped:
        named = ", ".join(f"`{one.asked.text}` ({why})" for one, why in unmapped)
        yield f"{path}: left out by `--skip-unmapped`, as it is for conda only: {named}"
