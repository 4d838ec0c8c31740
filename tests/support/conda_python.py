"""A Python of this machine as a conda package's files, which run from wherever they are laid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter",
            "turtledemo", "lib2to3", "pydoc_data"}  # fmt: skip


class Laid(Struct, frozen=True):
    """What is packed of a Python.

    Attributes:
        version: such as `3.11.7`.
        files: path in the prefix → content.
        replaced: those files that name the prefix, as text.
        links: path in the prefix → target of a symbolic link.
    """

    version: str
    files: dict[str, bytes]
    replaced: dict[str, str]
    links: dict[str, str]


def lay(executable: Path | None, placeholder: str) -> Laid:
    """The Python behind `executable`, the running one as a rule, without its tests."""
    code = "import sys; print(sys.base_prefix, '.'.join(map(str, sys.version_info[:3])), sep='|')"
    argv = [executable or sys.executable, "-I", "-c", code]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    folder, version = said.strip().split("|")
    base, short = Path(folder), ".".join(version.split(".")[:2])
    files = {str(path.relative_to(base)): path.read_bytes() for path in _library(base, short)}
    # Where a noarch package's modules go; conda's own Python has such a file too.
    files[f"lib/python{short}/site-packages/README.txt"] = b"Here are conda's packages.\n"
    files[f"bin/python{short}"] = _relocatable((base / "bin" / f"python{short}").resolve(), base)
    links = {"bin/python": f"python{short}", "bin/python3": f"python{short}"}
    for library in (base / "lib").glob(f"libpython{short}*.so*"):
        if library.is_symlink():
            links[f"lib/{library.name}"] = library.resolve().name
        else:
            files[f"lib/{library.name}"] = library.read_bytes()
    replaced = {}
    for path, content in files.items():
        if "_sysconfigdata" in path and str(base).encode() in content:
            files[path] = content.replace(str(base).encode(), placeholder.encode())
            replaced[path] = "text"
    return Laid(version, files, replaced, links)


def _library(base: Path, short: str) -> Iterator[Path]:
    for folder, folders, names in os.walk(base / "lib" / f"python{short}"):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in names:
            if not name.startswith("_test") and not name.endswith(".a") and "config-" not in folder:
                yield Path(folder) / name


def _relocatable(executable: Path, base: Path) -> bytes:
    """The executable, its own library looked for beside it as conda's Python does."""
    content = executable.read_bytes()
    run_path, own = bytes(base / "lib") + b"\0", b"$ORIGIN/../lib\0"
    if len(run_path) < len(own):
        return content
    return content.replace(b"\0" + run_path, b"\0" + own.ljust(len(run_path), b"\0"))
