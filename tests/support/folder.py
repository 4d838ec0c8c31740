"""A project's files read from a real folder, as the source stage would give them."""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import SourceError


class FolderFiles:
    """`ProjectFiles` over a folder.

    Args:
        project: the project's folder.
        root: the source's top; nothing above it is read.
    """

    def __init__(self, project: Path, root: Path | None = None) -> None:
        self._project = project
        self._root = root or project

    def names(self) -> tuple[str, ...]:
        return tuple(os.listdir(self._project))  # noqa: PTH208 - the directory's own order

    def read(self, path: str) -> bytes | None:
        found = Path(os.path.normpath(self._project / path))
        if not found.is_relative_to(self._root):
            raise SourceError(f"`{path}` leaves the source")
        return found.read_bytes() if found.is_file() else None

    def tree_digest(self, path: str) -> str | None:
        raise NotImplementedError(path)


def project(folder: Path, manifest: str | bytes, **files: str) -> FolderFiles:
    """A project of a manifest and files (`conda_yaml` stands for `conda.yaml`)."""
    folder.mkdir(parents=True, exist_ok=True)
    content = manifest.encode() if isinstance(manifest, str) else manifest
    (folder / "MLproject").write_bytes(content)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return FolderFiles(folder)
