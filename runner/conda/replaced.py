"""Which of conda's packages pip's take the place of: because they were asked for, or must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.environments.requirements import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from runner.conda.model import LockedPackage
    from runner.conda.python_packages import Held
    from runner.environments.base import Interpreter, Spec
    from runner.progress import Progress


def refused(spec: Spec, held: Mapping[str, Held], interpreter: Interpreter) -> dict[str, str]:
    """Name → the line, for packages of conda's that the section itself asks otherwise for."""
    lines = (*spec.requirements, *spec.extra.get("constraints", "").splitlines())
    found: dict[str, str] = {}
    for line, asked in _read(lines, interpreter):
        name = normalised(asked.name)
        if name in held and not _suits(asked, held[name].version):
            found.setdefault(name, line)
    return found


def _read(lines: Iterable[str], interpreter: Interpreter) -> Iterator[tuple[str, Requirement]]:
    """The lines that count for `interpreter`; what is no requirement is for uv to refuse."""
    from packaging.requirements import InvalidRequirement, Requirement

    about = {
        "python_version": ".".join(interpreter.version.split(".")[:2]),
        "python_full_version": interpreter.version,
        "extra": "",
    }
    for line in lines:
        try:
            asked = Requirement(line.split(" --", 1)[0].rstrip(" \\"))
        except InvalidRequirement:
            continue
        if asked.marker is None or asked.marker.evaluate(about):
            yield line, asked


def _suits(asked: Requirement, version: str) -> bool:
    return asked.url is None and asked.specifier.contains(version, prereleases=True)


def warn(
    packages: Iterable[LockedPackage],
    held: Mapping[str, Held],
    spec: Spec,
    interpreter: Interpreter,
    progress: Progress,
) -> None:
    """Say what of conda's `packages` take the place of, and which others may not like it."""
    instead = {one.name: one for one in packages if one.name in held}
    asked = refused(spec, held, interpreter)
    broken = _broken(instead, held, interpreter)
    where = f"{spec.origin}: " if spec.origin else ""
    for name, one in instead.items():
        old = spec.origins.get(name, f"{where}the conda package `{name}`")
        why = f"`{asked[name]}` asks for" if name in asked else "the `pip:` section needs"
        others = " and ".join(f"`{other}`" for other in broken.get(name, ()))
        progress.warning(
            f"{old}, solved as {held[name].version}, is replaced by pip's {one.version}, which "
            f"{why}{f'; conda has made {others} for another version' if others else ''}",
            "ask for one version of it, in conda's section or below `pip:`"
            if name in asked
            else f"pin it in conda's section (`{name}={one.version}`), or loosen what needs it",
        )


def _broken(
    instead: Mapping[str, LockedPackage], held: Mapping[str, Held], interpreter: Interpreter
) -> dict[str, tuple[str, ...]]:
    """Name → conda's packages that stay and do not go with the version that replaces it."""
    found: dict[str, tuple[str, ...]] = {}
    for one in held.values():
        for _, asked in _read(one.requires if one.name not in instead else (), interpreter):
            name = normalised(asked.name)
            if name in instead and not _suits(asked, instead[name].version):
                found[name] = (*found.get(name, ()), one.name)
    return found
