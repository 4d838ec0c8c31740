"""A checkout in which a test plays the step, and what is captured from it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from runner.manifest.model import Output
from runner.progress import Silent
from runner.source.model import Checkout
from runner.store import artifacts, layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.settings import Settings
    from runner.store.artifacts import Captured


class Work:
    """A checkout, and what is captured from it."""

    def __init__(self, root: Path, settings: Settings, *, subdirectory: str = "") -> None:
        self.root = root
        self.settings = settings
        self.project = root / subdirectory
        self.project.mkdir(parents=True, exist_ok=True)
        self.write("kept.txt", "kept")
        self.write("changed.txt", "before")
        self.write("gone.txt", "gone")
        self.write(".git/HEAD", "ref")
        self.write("sub/.git/HEAD", "ref")
        self.write("sub/file", "s")
        self.before = artifacts.baseline(root)
        self.run_directory = settings.runs / "run"
        layout.prepare(settings)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write below the checkout's top."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def capture(
        self,
        *declared: str,
        metrics: str | None = None,
        in_place: bool = False,
        stays: bool = False,
        original: Callable[[str], bytes | None] | None = None,
        rescues: tuple[Path, ...] = (),
    ) -> Captured:
        """Capture what was made since the baseline."""
        return artifacts.capture(
            Checkout(self.root, self.project, in_place=in_place),
            self.before,
            run_directory=self.run_directory,
            settings=self.settings,
            progress=Silent(),
            declared=tuple(Output(glob) for glob in declared),
            metrics=(Output(metrics),) if metrics else (),
            original=original,
            stays=stays,
            rescues=rescues,
        )

    def artifact(self, path: str) -> Path:
        """Where an output is shown."""
        return self.run_directory / "artifacts" / path


def paths(captured: Captured) -> list[str]:
    return [file.path for file in captured.outputs]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
