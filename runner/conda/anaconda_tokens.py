"""Tokens that `anaconda login` left on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.conda.logins import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDING: Final = ".token"


def read(environ: Mapping[str, str], home: Path) -> tuple[Login, ...]:
    """One login for each file of anaconda-client's, as conda has them too.

    Each is named by the address of an API (`https%3A%2F%2Fapi.anaconda.org.token`), and its token
    is good for the packages of `conda.anaconda.org` as well. What anaconda-auth keeps in a keyring
    is not read.
    """
    folder = _folder(environ, home)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  half the time that Path takes
    except OSError:
        return ()
    return tuple(
        login
        for name in names
        if name.endswith(_ENDING)
        for login in _logins(folder / name, name.removesuffix(_ENDING))
    )


def _folder(environ: Mapping[str, str], home: Path) -> Path:
    if given := environ.get("BINSTAR_CONFIG_DIR"):
        return Path(given, "data")
    base = environ.get("XDG_CONFIG_HOME", "")
    return Path(base if base.startswith("/") else home / ".config", "binstar")


def _logins(file: Path, name: str) -> Iterator[Login]:
    import re
    from urllib.parse import unquote_plus, urlsplit

    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return
    address = unquote_plus(name).rstrip("/")
    packages = re.sub(r"([./])api([./]|$)", r"\1conda\2", address, count=1)
    for one in dict.fromkeys((address, packages)):
        if token and "/" not in token and urlsplit(one).scheme in {"http", "https"}:
            yield Login(f"{one}/", actual=f"{one}/t/{token}/")
