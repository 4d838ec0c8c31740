"""What activating a prefix sets: its packages' own scripts are run once, when it is built.

As conda's documentation has it ("Activate scripts" and "Environment variables" of packages). What
py-rattler writes for that quotes neither the prefix nor the variables' values for the shell.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.progress import Progress

FILE: Final = "reprun-activation.json"
_SCRIPTS: Final = "etc/conda/activate.d/*.sh"
_VARIABLES: Final = "etc/conda/env_vars.d/*.json"
_SECONDS: Final = 60
# A shell's own, and those that count activated prefixes of a person's shell.
_NOT_SET: Final = {"PATH", "PWD", "OLDPWD", "SHLVL", "_", "PS1", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER"}  # noqa: E501  # fmt: skip
# What a script says goes where it is shown; the variables go where nobody else writes.
_SOURCING: Final = 'exec 3>&1 1>&2; for reprun_script; do . "$reprun_script"; done; env -0 >&3'


def note(at: Path, *, progress: Progress) -> None:
    """Run what the packages of the prefix `at` have for it, and keep what that sets.

    A script that fails is warned about, as conda goes on, too.
    """
    ours = dict(_of_packages(at, progress))
    path = [str(at / "bin")]
    if scripts := sorted(at.glob(_SCRIPTS)):
        before = _minimal(at)
        after = _activated(at, scripts, {**before, **ours}, progress)
        ours |= {
            name: value
            for name, value in after.items()
            if name not in _NOT_SET and before.get(name) != value
        }
        path = _in_front(after.get("PATH", "")) or path
    found = {"variables": {**ours, **_usual(at)}, "path": path}
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
    path = os.pathsep.join((str(at / "bin"), os.defpath))
    return {"PATH": path, "CONDA_SHLVL": "1", **passed, **_usual(at)}


def _of_packages(at: Path, progress: Progress) -> Iterator[tuple[str, str]]:
    """The variables that packages set without a script."""
    for file in sorted(at.glob(_VARIABLES)):
        try:
            content = json.loads(file.read_bytes())
            pairs = [(name, value) for name, value in content.items() if _can_be_set(name, value)]
        except (OSError, ValueError, AttributeError) as error:
            progress.warning(f"the variables of {file.relative_to(at)} can't be read: {error}")
        else:
            yield from pairs


def _can_be_set(name: str, value: object) -> bool:
    whole = isinstance(value, str) and "\0" not in value
    return whole and name not in {"", *_NOT_SET} and "=" not in name and "\0" not in name


def _activated(
    at: Path, scripts: Sequence[Path], before: Mapping[str, str], progress: Progress
) -> Mapping[str, str]:
    try:
        status, told, said = _run(scripts, at, before)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    except subprocess.TimeoutExpired:
        why = "it does not end"
    else:
        return _heard(status, told, said, progress)
    progress.warning(f"the packages' own activation can't be run: {why}")
    return {}


def _heard(status: int, told: bytes, said: bytes, progress: Progress) -> Mapping[str, str]:
    for line in said.decode("utf-8", "replace").splitlines():
        progress.line(line)
    if status != 0:
        progress.warning(f"the packages' own activation ended with status {status}")
    pairs = (one.partition(b"=") for one in told.split(b"\0") if b"=" in one)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _run(scripts: Sequence[Path], at: Path, before: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """The shell's status, the variables after it as `env -0` has them, and what it said."""
    # Files, as the end of a pipe would be waited for, which a process in the background keeps open.
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", _SOURCING, "bash", *scripts],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=said,
            timeout=_SECONDS,
            check=False,
            env=dict(before),
            cwd=at,
        )
        told.seek(0)
        said.seek(0)
        return done.returncode, told.read(), said.read()


def _in_front(path: str) -> list[str]:
    known = os.defpath.split(os.pathsep)
    return [one for one in path.split(os.pathsep) if one and one not in known]
