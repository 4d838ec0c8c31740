"""A local git project as a person has it, and the view of it that the source stage gives."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from runner import files
from runner.source.model import Checkout, Source
from tests.support.folder import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.source.model import ProjectEntry


class LocalProject:
    """A repository with one commit; satisfies `ProjectFiles` with what git does not ignore.

    Attributes:
        absent: files that the version which runs does not have.
    """

    def __init__(self, root: Path, *, subdirectory: str = "", ignore: str = "") -> None:
        self.root = root
        self.subdirectory = subdirectory
        self.project = root / subdirectory
        self.project.mkdir(parents=True)
        self.absent: set[str] = set()
        self._git("init", "--quiet")
        (root / ".gitignore").write_text(ignore)

    def write(self, path: str, content: str = "x") -> Path:
        """Write a file, its path relative to the project."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def commit(self) -> None:
        """Commit everything that is not ignored."""
        self._git("add", "--all")
        self._git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "c")

    def source(self) -> Source:
        """As the source stage describes it."""
        url = self.root.as_uri()
        return Source("git", url, None, "0" * 40, self.subdirectory, self.root, "key")

    def elsewhere(self, settings_cache: Path) -> Source:
        """The same project, had from a mirror."""
        url = "https://example.org/p.git"
        mirror = settings_cache / "mirrors" / "p"
        return Source("git", url, None, "0" * 40, self.subdirectory, mirror, "key")

    def check_out(self, at: Path) -> Checkout:
        """What is not ignored, laid out as the source stage would."""
        for path in self._files():
            target = at / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if (self.root / path).is_symlink():
                target.symlink_to((self.root / path).readlink())
            else:
                files.atomic_write(target, (self.root / path).read_bytes())
        (at / self.subdirectory).mkdir(parents=True, exist_ok=True)
        return Checkout(at, at / self.subdirectory)

    def names(self) -> tuple[str, ...]:
        """The project's entries."""
        return tuple(sorted({self._relative(path).split("/")[0] for path in self._files()}))

    def read(self, path: str) -> bytes | None:
        """The content of a file that is not ignored."""
        inside = os.path.normpath(os.path.join(self.subdirectory, path))  # noqa: PTH118
        return (self.root / inside).read_bytes() if inside in self._files() else None

    def tree_digest(self, path: str) -> str | None:
        """Something that says that the path is there."""
        inside = os.path.normpath(os.path.join(self.subdirectory, path))  # noqa: PTH118
        there = any(name == inside or name.startswith(f"{inside}/") for name in self._files())
        return "there" if there else None

    def entries(self, path: str) -> Iterator[ProjectEntry]:
        """What is not ignored below a folder."""
        place = os.path.normpath(os.path.join(self.subdirectory, path))  # noqa: PTH118
        prefix = "" if place == "." else f"{place}/"
        for entry in entries_of(self.root / place):
            if entry.kind == "folder" or prefix + entry.path in self._files():
                yield entry

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.subdirectory) if self.subdirectory else path

    def _files(self) -> list[str]:
        listed = self._git("ls-files", "--cached", "--others", "--exclude-standard", "-z")
        found = [os.fsdecode(path) for path in listed.split(b"\0") if path]
        return [path for path in found if path not in self.absent]

    def _git(self, *arguments: str) -> bytes:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, stdout=subprocess.PIPE, check=True
        ).stdout
