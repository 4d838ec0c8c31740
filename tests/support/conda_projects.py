"""Projects whose environment is a `conda.yaml` of the tests' own channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.conda_shelf import Channel

MANIFEST = """\
conda_env: conda.yaml
entry_points:
  main: {command: python main.py}
  tool: {command: tool}
  shown: {command: env}
"""
MAIN = """\
import json, sys
from importlib.metadata import distributions
print(json.dumps([sys.prefix, {one.name: one.version for one in distributions()}]))
"""


def yaml(
    channels: Sequence[str], *dependencies: str, pip: Sequence[str] = (), more: str = ""
) -> str:
    """An environment file with these channels and no others."""
    lines = [f"channels: [{', '.join((*channels, 'nodefaults'))}]", "dependencies:"]
    lines += [f"  - {one}" for one in dependencies]
    if pip:
        lines += ["  - pip:", *(f"    - {one}" for one in pip)]
    return "\n".join(lines) + f"\n{more}"


def lay(
    folder: Path, channel: Channel, *dependencies: str, pip: Sequence[str] = (), more: str = ""
) -> Path:
    """A project in `folder` that needs `dependencies` of `channel`; says what it got."""
    text = yaml([channel.url], *dependencies, pip=pip, more=more)
    return samples.lay(folder, MANIFEST, main_py=MAIN, conda_yaml=text)
