"""Says when a step most likely failed for packages that are newer than the project."""

from __future__ import annotations

import re
import sys
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.environments.popular import IMPORTED_AS
from runner.environments.requirements import name_of, normalised
from runner.errors import BuildFailure, DependencyConflict, NoSuchPackage, RunnerError
from runner.running.missing_files import Explained
from runner.source import moments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.errors import EnvironmentFailure
    from runner.running.plan import Plan, Ready

# Packages change little in such a time; what fails then is the project's own.
_DAYS: Final = 60
_LAST_WITH: Final = {"distutils": "3.11", "imp": "3.11", "asynchat": "3.11", "asyncore": "3.11",
                     "collections": "3.9", "fractions": "3.8", "time": "3.12"}  # fmt: skip
_LOOKED_AT: Final = 500  # files of the project
_UNEXPECTED: Final = r"TypeError: ([\w.]+)\(\) got an unexpected keyword argument '(\w+)'"
_OWNERS: Final = {"DataFrame": "pandas", "Series": "pandas", "ndarray": "numpy",
                  "RunInfo": "mlflow"}  # fmt: skip
_WITHOUT_ALIASES: Final = "2022-12-18"  # numpy 1.24
_TODAY: Final = "9999"
_LONG_AGO: Final = 180  # days
# These come from outside, whatever package meets them first.
_NOT_OF_PACKAGES: Final = (
    r"(?:FileNotFound|Permission|Connection|Memory|Timeout|IsADirectory|NotADirectory|URL|HTTP|OS|"
    r"IO|SSL|EOF)Error$|Interrupt$|Exit$|(?:RestException|MaxRetryError|NoSuchBucket)$"
)


class Cause(NamedTuple):
    """What is to blame, and in which words.

    Attributes:
        package: None for several, or Python itself.
        python: the last version that had what is missing.
        called: the function that was called, where it may be one of the project.
    """

    package: str | None
    said: str
    python: str | None = None
    called: str = ""


def explain(text: str, ready: Ready) -> Explained | None:
    """The reason that `text`, the end of a step's stderr, gives; None for no such one."""
    planned, environment = ready.planned, ready.environment
    if planned.backend.AMENDS and (gone := _alias_of_numpy(text, planned)) is not None:
        return gone
    if not _may_help(planned) or environment.lock.made == "project":
        return None
    versions = {
        normalised(one.name): one.version for one in environment.packages if one.type == "pypi"
    }
    python = environment.interpreter.version if environment.interpreter else ""
    cause = cause_of(text, versions, python) or _of_long_ago(text, versions, planned)
    if cause is None or _pinned(cause.package, planned) or _is_own(cause.called, ready):
        return None
    day = _day(planned)
    if day is None and planned.source.commit is not None:
        return None
    written = f"; the project's commit is of {day}" if day else ""
    if cause.package is not None and day and not _named(cause.package, planned):
        written += f", and names no version of {cause.package}"
    if cause.python is not None and _names_python(planned):
        return Explained(f"{cause.said}{written}", f"pass `--python {cause.python}`")
    return Explained(f"{cause.said}{written}", f"pass `{_flag(day)}` for the packages of that day")


def _alias_of_numpy(text: str, planned: Plan) -> Explained | None:
    """An old package on a numpy of its project's own day, which was too new for it even then."""
    found = re.search(
        r"module 'numpy' has no attribute '(float|int|bool|object|complex|str)'", text
    )
    day = planned.spec.as_of or _day(planned)
    if found is None or planned.spec.lock_text is not None or (day or _TODAY) < _WITHOUT_ALIASES:
        return None
    if _pinned("numpy", planned):
        return None
    message = f"numpy has no `{found[1]}` from 1.24 on, and what the step imports is older"
    return Explained(message, "pass `--add-package 'numpy<1.24'`")


def suggested(error: EnvironmentFailure, planned: Plan) -> None:
    """Let the hint of `error`, before a step, name `--as-of` where that may help."""
    helps = isinstance(error, BuildFailure) or (
        isinstance(error, DependencyConflict | NoSuchPackage)
        and "Python" in (error.hint or "")
        and not _names_python(planned)
    )
    if not helps or "the project's, not the environment's" in (error.hint or ""):
        return
    if not _may_help(planned) or (day := _day(planned)) is None:
        return
    other = f"pass `{_flag(day)}`: the packages of {day}, when the commit was made, may do"
    error.hint = f"{error.hint}; or {other}" if error.hint else other


def _may_help(planned: Plan) -> bool:
    spec = planned.spec
    return spec.as_of is None and spec.lock_text is None and planned.backend.AMENDS


def _flag(day: str | None) -> str:
    return "--as-of commit" if day else "--as-of DATE"


def _day(planned: Plan, days: int = _DAYS) -> str | None:
    """The day of the commit where it is at least `days` old."""
    from datetime import UTC, datetime, timedelta

    if planned.source.commit is None:
        return None
    try:
        moment = moments.of_source(planned.source)
    except RunnerError:
        return None  # a hint is not worth another failure
    age = datetime.now(UTC) - datetime.fromisoformat(moment)
    return moment[:10] if age >= timedelta(days=days) else None


def _names_python(planned: Plan) -> bool:
    from runner.environments import python_of_day

    try:
        return python_of_day.names_one(planned.spec.python)
    except RunnerError:
        return True


def _is_own(called: str, ready: Ready) -> bool:
    """Whether the function or class `called` is one of the project's."""
    name = called.removesuffix(".__init__").rpartition(".")[2]
    pattern = re.compile(rf"^\s*(?:def|class) {re.escape(name)}\b", re.MULTILINE)
    sources = islice(ready.checkout.root.rglob("*.py"), _LOOKED_AT)
    return bool(name) and any(pattern.search(_text(path)) for path in sources)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _pinned(package: str | None, planned: Plan) -> bool:
    lines = planned.spec.requirements
    return package is not None and any(
        name_of(line) == package and re.search(r"===?\s*\d+\.\d", line.split(";")[0])
        for line in lines
    )


def _named(package: str, planned: Plan) -> bool:
    return any(
        name_of(line) == package and re.search(r"[<=~]", line) for line in planned.spec.requirements
    )


def cause_of(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    """What is to blame for the failure in `text`, None where newer packages do not explain it.

    Args:
        versions: of the packages that are there, by their normalised names.
        python: the version of Python.
    """
    for rule in (_known, _no_attribute, _no_name, _no_module, _no_method, _inside):
        if (found := rule(text, versions, python)) is not None:
            return found
    return None


def _with_version(package: str, versions: Mapping[str, str]) -> str:
    return f"{package} {versions[package]}" if package in versions else package


def _owner(module: str, versions: Mapping[str, str]) -> str | None:
    top = module.split(".", maxsplit=1)[0]
    package = normalised(IMPORTED_AS.get(top.lower(), top))
    return package if package in versions else None


def _known(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    """Failures that name no module."""
    del python
    if re.search(r"Descriptors cannot (?:not )?be created directly", text):
        said = f"{_with_version('protobuf', versions)} does not load what older packages generated"
        return Cause("protobuf", said)
    signs = (r"numpy\.dtype size changed", r"compiled using NumPy 1\.x", r"_ARRAY_API not found",
             r"numpy\.core\.multiarray failed to import")  # fmt: skip
    if any(re.search(sign, text) for sign in signs):
        said = f"a package was compiled for an older numpy than {versions.get('numpy', 'this one')}"
        return Cause("numpy", said)
    if match := re.search(r"`np\.(\w+)` was (?:removed|deprecated)", text):
        said = f"{_with_version('numpy', versions)} has no `{match[1]}`"
        return Cause("numpy", said)
    if match := re.search(r"pkg_resources\.\w*VersionConflict: \(([\w.-]+) ([\d.]+)", text):
        return Cause(None, f"{match[1]} {match[2]} is another version than a package asks for")
    return None


def _missing(module: str, what: str, versions: Mapping[str, str], python: str) -> Cause | None:
    top = module.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names or top in _LAST_WITH:
        minor = ".".join(python.split(".")[:2])
        return Cause(None, f"Python {minor} has no {what}", _LAST_WITH.get(top))
    package = _owner(module, versions)
    if package is None:
        return None
    return Cause(package, f"{_with_version(package, versions)} has no {what}")


def _no_attribute(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    found = re.findall(r"(?m)^AttributeError: module '([\w.]+)' has no attribute '(\w+)'", text)
    if not found:
        return None
    module, name = found[-1]
    below = module.partition(".")[2]
    return _missing(module, f"`{f'{below}.' if below else ''}{name}`", versions, python)


def _no_name(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    found = re.findall(r"(?m)^ImportError: cannot import name '(\w+)' from '([\w.]+)'", text)
    if not found:
        return None
    name, module = found[-1]
    return _missing(module, f"`{name}` in `{module}`", versions, python)


def _no_module(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    found = re.findall(r"(?m)^ModuleNotFoundError: No module named '([\w.]+)'", text)
    if not found:
        return None
    module = found[-1]
    if module == "pkg_resources":
        setuptools = _with_version("setuptools", versions)
        return Cause("setuptools", f"{setuptools} has no module `pkg_resources`")
    if module in _LAST_WITH or "." in module:
        return _missing(module, f"module `{module}`", versions, python)
    return None


def _no_method(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    del python
    found = re.findall(r"(?m)^AttributeError: '(\w+)' object has no attribute '(\w+)'", text)
    kind, name = found[-1] if found else ("", "")
    package = _OWNERS.get(kind)
    if package is None or package not in versions:
        return None
    return Cause(package, f"{_with_version(package, versions)} has no `{kind}.{name}`")


def _of_long_ago(text: str, versions: Mapping[str, str], planned: Plan) -> Cause | None:
    """Any error inside of a package, of a project that is far older than its packages."""
    if _day(planned, _LONG_AGO) is None:
        return None
    error = re.findall(r"(?m)^([A-Za-z_][\w.]*)(?:: [^\n]*)?$", text)
    frames = re.findall(r'(?m)^  File "([^"]+)", line \d+, in ', text)
    place = re.search(r"/site-packages/([\w-]+)", frames[-1]) if frames else None
    if place is None or not error or re.search(_NOT_OF_PACKAGES, error[-1]):
        return None
    package = _owner(place[1], versions)
    if package is None:
        return None
    return Cause(package, f"{_with_version(package, versions)} does not take what the step does")


def _inside(text: str, versions: Mapping[str, str], python: str) -> Cause | None:
    """An error of a kind that packages make that do not fit each other, raised inside of one."""
    del python
    error = re.findall(
        r"(?m)^(?:[\w.]*ImportError|AttributeError: '\w+' object has no attribute|"
        r"TypeError: [\w.]+\(\) (?:got an unexpected keyword|missing \d|takes ))[^\n]*",
        text,
    )
    frames = re.findall(r'(?m)^  File "([^"]+)", line \d+, in ', text)
    if not error or not frames:
        return None
    place = re.search(r"/site-packages/([\w-]+)", frames[-1])
    if place is not None and (package := _owner(place[1], versions)) is not None:
        shown = _with_version(package, versions)
        return Cause(None, f"{shown} and a package that it meets do not fit each other")
    unexpected = re.match(_UNEXPECTED, error[-1])
    if place is not None or unexpected is None:
        return None
    called, keyword = unexpected.groups()
    return Cause(None, f"`{called}` takes no `{keyword}` any more", called=called)
