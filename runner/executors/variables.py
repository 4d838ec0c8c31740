"""The step's variables: what it inherits, what is kept from it, what the record says of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.errors import ExecutionError
from runner.executors.variable_names import BASE, POISON, POISON_PREFIXES, RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from runner.environments.base import Activation
    from runner.store.records import Variable


def step_variables(
    inherited: Mapping[str, str],
    *,
    activation: Activation,
    entry_env: Mapping[str, str | None],
    clean: bool = False,
    pass_env: tuple[str, ...] = (),
    bytecode_prefix: Path | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All variables of a step; the later ones of this list win.

    What is inherited, less what poisons an environment (`pass_env` brings single names back);
    ours (`PYTHONHASHSEED`, `PYTHONUNBUFFERED` unless set, `PYTHONPYCACHEPREFIX`); the
    environment's; the entry point's `env:` (None copies the caller's value); `extra`. The
    environment's folders come first in `PATH`, whoever set it.

    Raises:
        ExecutionError: `entry_env` asks for variables that the caller has not.
    """
    variables = _inherit(inherited, set(pass_env), clean=clean)
    _leave_outer_environment(variables, inherited, activation)
    for name, value in (("PYTHONHASHSEED", "0"), ("PYTHONUNBUFFERED", "1")):
        variables[name] = variables.get(name) or value
    if bytecode_prefix is not None:
        variables["PYTHONPYCACHEPREFIX"] = str(bytecode_prefix)
        # Usual in images; here it would have every run compile all packages anew.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables |= activation.variables
    variables |= _declared(entry_env, inherited)
    variables |= extra or {}
    if activation.path:
        rest = variables.get("PATH") or os.defpath
        variables["PATH"] = os.pathsep.join((*map(str, activation.path), rest))
    return variables


def container_variables(
    inherited: Mapping[str, str],
    *,
    image: Mapping[str, str],
    asked: Mapping[str, str],
    entry_env: Mapping[str, str | None],
    pass_env: tuple[str, ...],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """What a step in a container gets on top of its image's own variables; later ones win.

    Ours, unless the image sets them; `asked`, the container's own; the entry point's `env:`;
    `extra`. Nothing is inherited but what `pass_env` names.

    Raises:
        ExecutionError: `entry_env` asks for variables that the caller has not.
    """
    ours = {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    variables = {name: value for name, value in ours.items() if not image.get(name)}
    variables |= {name: inherited[name] for name in pass_env if name in inherited}
    return {**variables, **extra, **asked, **_declared(entry_env, inherited)}


def recorded_variables(variables: Mapping[str, str], *, key: bytes) -> dict[str, Variable]:
    """What the record keeps: a digest of each that only means something under `key`.

    Values are kept for `RECORDED` alone. The digest is HMAC-SHA-256 over the name, a NUL and the
    value, in UTF-8 (undecodable bytes as they were).
    """
    import hmac

    from runner.store.records import Variable

    recorded = {}
    for name, value in sorted(variables.items()):
        digest = hmac.digest(key, os.fsencode(name) + b"\0" + os.fsencode(value), "sha256").hex()
        recorded[name] = Variable(digest=digest, value=value if name in RECORDED else None)
    return recorded


def _inherit(inherited: Mapping[str, str], asked: set[str], *, clean: bool) -> dict[str, str]:
    return {
        name: value
        for name, value in inherited.items()
        if name in asked or (name in BASE if clean else not _poisons(name, value))
    }


def _poisons(name: str, value: str) -> bool:
    # A notebook's kernel sets a plotting backend that only exists in its own environment.
    notebook = name == "MPLBACKEND" and value.startswith("module://")
    return name in POISON or name.startswith(POISON_PREFIXES) or notebook


def _leave_outer_environment(
    variables: dict[str, str], inherited: Mapping[str, str], activation: Activation
) -> None:
    """Where an environment is activated, the caller's own one leaves `PATH` (`local` keeps it)."""
    prefixes = (inherited.get("VIRTUAL_ENV"), inherited.get("CONDA_PREFIX"))
    outer = {f"{prefix.rstrip('/')}/bin" for prefix in prefixes if prefix}
    if activation.path and outer and "PATH" in variables:
        folders: Iterable[str] = variables["PATH"].split(os.pathsep)
        kept = [folder for folder in folders if folder.rstrip("/") not in outer]
        variables["PATH"] = os.pathsep.join(kept)


def _declared(entry_env: Mapping[str, str | None], inherited: Mapping[str, str]) -> dict[str, str]:
    missing = [n for n, value in entry_env.items() if value is None and n not in inherited]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        isnt = "isn't" if len(missing) == 1 else "aren't"
        raise ExecutionError(
            f"{names} {isnt} set here, and the entry point's `env:` passes the caller's value on",
            f"set it: `export {missing[0]}=…`",
        )
    return {name: inherited[name] if value is None else value for name, value in entry_env.items()}
