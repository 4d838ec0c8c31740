"""Real file systems of their own for a test: another one, a small one, a full one."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def mounted(at: Path, *, size: str = "4m") -> Iterator[Path]:
    """A tmpfs of `size` at the folder `at`; the test is skipped where we may not mount."""
    at.mkdir(parents=True, exist_ok=True)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "reprun-test", str(at)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"may not mount a file system: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(folder: Path) -> Path:
    """Write a file into `folder` until nothing more fits; the file."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file:
        block = 1 << 16
        while block:
            try:
                file.write(b"x" * block)
            except OSError:
                block //= 2
    return path
