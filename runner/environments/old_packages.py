"""What is known to be wrong with old packages, and what makes them work all the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.environments.requirements import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.progress import Progress

# Their metadata asks for `pytz >=2011k`, which is no version (PEP 440), and uv passes them over;
# what they need is what their own metadata says otherwise.
_OLD_PANDAS: Final = {
    "1.9.0": (
        "0.20.0", "0.20.1", "0.20.2", "0.20.3", "0.21.0", "0.21.1", "0.22.0",
        "0.23.0", "0.23.1", "0.23.2", "0.23.3", "0.23.4",
    ),
    "1.12.0": ("0.24.0", "0.24.1", "0.24.2"),
}  # fmt: skip
# What wheels forgot to ask for: scikit-learn says it from 0.20 on.
_NEEDED_BY: Final = {"scikit-learn": ("numpy", "scipy")}
# `sklearn` on the index only ever stood for scikit-learn, and now refuses to be installed.
_SKLEARN: Final = re.compile(
    r"^sklearn\s*(?P<extras>\[[^\]]*\])?\s*(?P<version>[^;]*?)\s*(?P<rest>;.*)?$"
)
_EMPTY_RELEASE: Final = re.compile(r"^[=~>]=+\s*0(\.0)?(\.post\d+)?$")
# What `pip freeze` lists on one system and no other has.
_OF_A_SYSTEM: Final = {
    **dict.fromkeys(("pywin32", "pypiwin32", "pywinpty", "windows-curses", "wmi"), "win32"),
    **dict.fromkeys(("appnope", "pyobjc", "pyobjc-core", "pyobjc-framework-cocoa"), "darwin"),
}
# The same for a package that depends on it.
VARIABLES: Final = {"SKLEARN_ALLOW_DEPRECATED_SKLEARN_PACKAGE_INSTALL": "True"}


def uv_settings() -> str:
    """A `uv.toml` with the metadata of releases whose own can't be read."""
    return "".join(
        f'[[dependency-metadata]]\nname = "pandas"\nversion = "{version}"\nrequires-dist = '
        f'["numpy>={numpy}", "python-dateutil>=2.5.0", "pytz>=2011.11"]\n'
        for numpy, versions in _OLD_PANDAS.items()
        for version in versions
    )


def mended(lines: Iterable[str], progress: Progress) -> tuple[str, ...]:
    """Requirement lines that say what they mean, and what is needed with them."""
    found = tuple(_of_its_system(_renamed(line, progress)) for line in lines)
    return (*found, *_forgotten(found))


def _renamed(line: str, progress: Progress) -> str:
    match = _SKLEARN.match(line)
    if match is None or name_of(line) != "sklearn":
        return line
    version = "" if _EMPTY_RELEASE.match(match["version"]) else match["version"]
    meant = f"scikit-learn{match['extras'] or ''}{version}{match['rest'] or ''}"
    progress.warning(
        f"`{line}` is only an old name of scikit-learn: `{meant}` is installed",
        f"write `{meant}`",
    )
    return meant


def _of_its_system(line: str) -> str:
    """The line with a marker, where only one system has such a package and the line has none."""
    system = _OF_A_SYSTEM.get(name_of(line) or "")
    return line if system is None or ";" in line else f"{line} ; sys_platform == '{system}'"


def _forgotten(lines: tuple[str, ...]) -> Iterator[str]:
    asked = {name_of(line) for line in lines}
    for name, needed in _NEEDED_BY.items():
        if name in asked:
            yield from (one for one in needed if one not in asked)
