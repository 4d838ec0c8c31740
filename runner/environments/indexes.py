"""Which package indexes uv uses: its own configuration, or what the person told pip."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OWN = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE")
_FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv must be told of pip's configuration; empty where uv has an index of its own.

    People who come from MLflow have configured pip, whose settings uv does not read.
    """
    if any(environ.get(name) for name in _OWN) or _uv_has_indexes(environ):
        return {}
    pip = _pip_settings(environ)
    result: dict[str, str] = {}
    for name, target in _FROM_PIP.items():
        words = pip.get(name, "").split()
        if words and target not in environ:
            result[target] = ("," if name == "find-links" else " ").join(words)
    if "UV_INDEX" in result:
        # pip takes the best version of all its indexes; uv would stop at the first that answers.
        result["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return result


def _uv_has_indexes(environ: Mapping[str, str]) -> bool:
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    for path in (Path(base, "uv", "uv.toml"), Path("/etc/uv/uv.toml")):
        try:
            text = path.read_text()
        except OSError:
            continue
        if "index" in text or "find-links" in text:
            return True
    return False


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """In the order that pip has: its files, the later over the earlier, then `PIP_…` variables."""
    result: dict[str, str] = {}
    for path in _pip_files(environ):
        result.update(_section(path))
    for name in _FROM_PIP:
        given = environ.get("PIP_" + name.upper().replace("-", "_"))
        if given:
            result[name] = given
    return result


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    given = environ.get("PIP_CONFIG_FILE")
    if given == os.devnull:
        return
    config = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    yield Path("/etc/pip.conf")
    yield Path.home() / ".pip" / "pip.conf"
    yield Path(config, "pip", "pip.conf")
    yield Path(sys.prefix, "pip.conf")
    if given:
        yield Path(given)


def _section(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    return found
