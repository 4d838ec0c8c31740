"""Reads a run's metrics from the JSON files that it wrote."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner import patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.manifest.model import Output
    from runner.store.artifacts import Captured

_LARGEST = 64 << 20


class Metrics(Struct, frozen=True):
    """The numbers of a run, and what was wrong with the files that should have had more."""

    values: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read(globs: tuple[Output, ...], captured: Captured, *, project: Path) -> Metrics:
    """The numbers in the JSON files that `globs` name and that the step wrote.

    Keys of nested objects are joined with `.`; texts, true and false, null and lists are no
    metrics; a file that is a lone number is called by its name. A key that several files have is
    told apart by its file: `fold1/metrics.json` has `fold1/metrics.accuracy`.

    Args:
        globs: relative to the project.
        captured: what the step wrote.
        project: the checkout's project folder, where the files still lie.
    """
    found: dict[str, dict[str, float]] = {}
    warnings: list[str] = []
    for glob in globs:
        paths = [file.path for file in captured.outputs if patterns.matches(glob.glob, file.path)]
        if not paths:
            warnings.append(f"metrics `{glob.glob}` name no file that the step wrote")
        for path in paths:
            if path not in found:
                found[path] = _numbers(project, path, warnings)
    return Metrics(_joined(found), tuple(warnings))


def _joined(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    times = Counter(key for numbers in found.values() for key in numbers)
    return {
        (key if times[key] == 1 else f"{posixpath.splitext(path)[0]}.{key}"): value
        for path, numbers in sorted(found.items())
        for key, value in numbers.items()
    }


def _numbers(project: Path, path: str, warnings: list[str]) -> dict[str, float]:
    file = project / path
    try:
        if file.is_symlink() or file.stat().st_size > _LARGEST:
            warnings.append(f"{path}: a link, or more than 64 MiB, is not read for metrics")
            return {}
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        warnings.append(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg.lower()}")
        return {}
    except (OSError, ValueError, RecursionError) as error:
        warnings.append(f"{path}: can't be read for metrics: {error}")
        return {}
    lone = posixpath.basename(posixpath.splitext(path)[0])
    numbers: dict[str, float] = {}
    for key, value in _flat(data, ""):
        try:
            numbers[key or lone] = float(value)
        except OverflowError:
            warnings.append(f"{path}: `{key or lone}` is too large for a metric")
    if not numbers:
        warnings.append(f"{path}: holds no numbers")
    return numbers


def _flat(data: object, prefix: str) -> Iterator[tuple[str, int | float]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield prefix, data
