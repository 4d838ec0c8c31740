"""Packs real conda packages into a channel: folders of archives with their index.

The formats are those of conda's documentation, "Package specification" (`.conda` version 2 and
`.tar.bz2`).
"""

from __future__ import annotations

import bz2
import functools
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner.conda.runtime import run
from tests.support import conda_python

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# As long as conda-build's own: a prefix that is longer can't be written into binaries.
PLACEHOLDER = "/opt/reprun_placeholder".ljust(255, "_")


class Package(Struct, frozen=True):
    """What is packed.

    Attributes:
        files: path in the prefix → content; for a `noarch: python` package, modules lie below
            `site-packages/`.
        noarch: `python`, `generic` or None for one of a platform.
        entry_points: of a `noarch: python` package, such as `tool = module:main`.
        replaced: path → `text` or `binary`: files that contain `PLACEHOLDER`.
        links: path in the prefix → target of a symbolic link.
        timestamp: when it was built, seconds since 1970.
    """

    name: str
    version: str
    build: str = "0"
    build_number: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: str | None = None
    subdir: str = "noarch"
    entry_points: tuple[str, ...] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    timestamp: int = 1_600_000_000

    @property
    def stem(self) -> str:
        """`name-version-build`."""
        return f"{self.name}-{self.version}-{self.build}"


def module(
    name: str,
    version: str,
    *,
    depends: tuple[str, ...] = ("python",),
    source: str | None = None,
    entry_points: tuple[str, ...] = (),
    timestamp: int = 1_600_000_000,
) -> Package:
    """A `noarch: python` package with one module, metadata as pip sees it included."""
    info = f"site-packages/{name}-{version}.dist-info"
    text = source if source is not None else f"__version__ = {version!r}\n"
    files = {
        f"site-packages/{name}.py": text.encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/INSTALLER": b"conda\n",
        f"{info}/RECORD": f"{name}.py,,\n{name}-{version}.dist-info/METADATA,,\n".encode(),
    }
    return Package(
        name,
        version,
        "py_0",
        files=files,
        depends=depends,
        noarch="python",
        entry_points=entry_points,
        timestamp=timestamp,
    )


def python_version() -> str:
    """Of the running interpreter, such as `3.11.7`."""
    return ".".join(map(str, sys.version_info[:3]))


@functools.cache
def python(executable: Path | None = None) -> Package:
    """An interpreter as a package (about 25 MB packed): the running one unless told another."""
    laid = conda_python.lay(executable, PLACEHOLDER)
    return Package(
        "python",
        laid.version,
        "0_cpython",
        files=laid.files,
        subdir=platform(),
        replaced=laid.replaced,
        links=laid.links,
    )


def platform() -> str:
    """Conda's word for this machine's platform, such as `linux-64`."""
    return {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[os.uname().machine]


def pack(channel: Path, package: Package, *, extension: str = ".conda") -> Path:
    """Put the archive of `package` into `channel`; `index` must follow."""
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    at = folder / (package.stem + extension)
    if extension == ".tar.bz2":
        at.write_bytes(bz2.compress(_tar({**_info(package), **package.files}, package.links), 1))
        return at
    import zstandard

    compressor = zstandard.ZstdCompressor(level=1)
    content = {
        "metadata.json": json.dumps({"conda_pkg_format_version": 2}).encode(),
        f"pkg-{package.stem}.tar.zst": compressor.compress(_tar(package.files, package.links)),
        f"info-{package.stem}.tar.zst": compressor.compress(_tar(_info(package), {})),
    }
    with zipfile.ZipFile(at, "w", zipfile.ZIP_STORED) as archive:
        for name, part in content.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return at


def index(channel: Path) -> None:
    """Write the channel's index anew, in all its forms; what was built then was uploaded then."""
    from rattler.index import index_fs

    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    run(index_fs(channel, force=True, write_zst=False, write_shards=False))
    for file in channel.glob("*/repodata.json"):
        content = json.loads(file.read_bytes())
        for record in (*content["packages"].values(), *content["packages.conda"].values()):
            record["indexed_timestamp"] = record["timestamp"]
        file.write_text(json.dumps(content))
    run(index_fs(channel))  # what is in the index already stays as it is


def _info(package: Package) -> dict[str, bytes]:
    paths = [_path(package, path, content) for path, content in package.files.items()]
    paths += [
        {"_path": path, "path_type": "softlink", "size_in_bytes": 0} for path in package.links
    ]
    index = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.build_number,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "subdir": package.subdir,
        "timestamp": package.timestamp * 1000,
        **({"noarch": package.noarch} if package.noarch else {}),
    }
    found = {
        "info/index.json": index,
        "info/paths.json": {"paths": paths, "paths_version": 1},
        "info/about.json": {"summary": f"{package.name}, packed by a test"},
    }
    if package.noarch == "python":
        entry_points = {"type": "python", "entry_points": list(package.entry_points)}
        found["info/link.json"] = {"noarch": entry_points, "package_metadata_version": 1}
    return {path: json.dumps(content).encode() for path, content in found.items()}


def _path(package: Package, path: str, content: bytes) -> dict[str, object]:
    found: dict[str, object] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }
    if path in package.replaced:
        found["prefix_placeholder"] = PLACEHOLDER
        found["file_mode"] = package.replaced[path]
    return found


def _tar(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755 if path.startswith("bin/") else 0o644
            archive.addfile(entry, io.BytesIO(content))
        for path, target in links.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return packed.getvalue()
