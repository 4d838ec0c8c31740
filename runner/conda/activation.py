"""What activating a prefix sets: its packages' own scripts are run once, when it is built."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.progress import Progress

FILE: Final = "reprun-activation.json"
_SCRIPTS: Final = "etc/conda/activate.d"
_VARIABLES: Final = "etc/conda/env_vars.d"
_SECONDS: Final = 60
# A shell's own, and those that count activated prefixes of a person's shell.
_NOT_SET: Final = {"PATH", "PWD", "OLDPWD", "SHLVL", "_", "PS1", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER"}  # noqa: E501  # fmt: skip


def note(at: Path, *, progress: Progress) -> None:
    """Run what the packages of the prefix `at` have for it, and keep what that sets.

    A script that fails is warned about, as conda goes on, too.
    """
    found: dict[str, object] = {"variables": _usual(at), "path": [str(at / "bin")]}
    if any((at / folder).is_dir() for folder in (_SCRIPTS, _VARIABLES)):
        before = _minimal(at)
        after = _activated(at, before, progress)
        set_now = {name: value for name, value in after.items() if name not in _NOT_SET}
        ours = {name: value for name, value in set_now.items() if before.get(name) != value}
        found = {
            "variables": {**_usual(at), **ours},
            "path": _in_front(at, after.get("PATH", ""), before["PATH"]),
        }
    (at / FILE).write_text(json.dumps(found))


def kept(at: Path) -> tuple[tuple[Path, ...], Mapping[str, str]]:
    """The folders in front of `PATH` and the variables that `note` kept."""
    try:
        content = json.loads((at / FILE).read_bytes())
        return tuple(map(Path, content["path"])), dict(content["variables"])
    except (OSError, ValueError, KeyError, TypeError):
        return (at / "bin",), _usual(at)


def _usual(at: Path) -> dict[str, str]:
    return {"CONDA_PREFIX": str(at), "CONDA_DEFAULT_ENV": str(at)}


def _minimal(at: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {"PATH": os.defpath, **passed, **_usual(at)}


def _activated(at: Path, before: Mapping[str, str], progress: Progress) -> Mapping[str, str]:
    from rattler.platform import Subdir
    from rattler.shell import ActivationVariables, Shell, activate

    asked = ActivationVariables(None, before["PATH"].split(os.pathsep))
    script = activate(at, asked, Shell.bash, Subdir.current()).script
    try:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", f"exec 3>&1 1>&2\n{script}\nenv -0 >&3"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=dict(before),
            cwd=at,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        progress.warning(f"the packages' own activation can't be run: {error}")
        return {}
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        progress.line(line)
    if done.returncode != 0:
        progress.warning(f"the packages' own activation ended with status {done.returncode}")
    pairs = (one.partition(b"=") for one in done.stdout.split(b"\0") if b"=" in one)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _in_front(at: Path, after: str, before: str) -> list[str]:
    known = before.split(os.pathsep)
    found = [one for one in after.split(os.pathsep) if one and one not in known]
    return found or [str(at / "bin")]
