"""Prints a pip.conf with which a container reaches the package index that this machine reaches."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path

FILES = (
    Path("/etc/xdg/pip/pip.conf"),
    Path("/etc/pip.conf"),
    Path.home() / ".pip" / "pip.conf",
    Path.home() / ".config" / "pip" / "pip.conf",
)
NAMES = ("index-url", "extra-index-url", "trusted-host", "proxy")


def settings() -> dict[str, str]:
    """What pip is told here, the environment last; folders of this machine are left out."""
    read = configparser.RawConfigParser()
    own = os.environ.get("PIP_CONFIG_FILE")
    read.read([*FILES, *([own] if own else [])])
    said = dict(read["global"]) if read.has_section("global") else {}
    for name in NAMES:
        given = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        said.update({name: given} if given else {})
    kept = {name: _reachable(said[name]) for name in NAMES if name in said}
    return {name: value for name, value in kept.items() if value}


def _reachable(value: str) -> str:
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/", ".")))


if __name__ == "__main__":
    # The image has this machine's certificates there.
    lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt", "root-user-action = ignore"]
    lines += [f"{name} = {value}" for name, value in settings().items()]
    sys.stdout.write("\n".join(lines) + "\n")
