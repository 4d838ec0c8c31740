"""The kinds of environment, and which one a project and a person ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runner.errors import EnvironmentFailure, RequestError

if TYPE_CHECKING:
    from runner.environments.base import Backend
    from runner.manifest.model import EnvironmentReference

KINDS = {
    "venv": "runner.environments.venv",
    "local": "runner.environments.system",
}
ALIASES = {"virtualenv": "venv", "uv": "venv", "system": "local"}
PLANNED = {"conda", "docker"}


def load(name: str) -> Backend:
    """The module of the kind `name`, a key of `KINDS`."""
    from importlib import import_module

    return cast("Backend", import_module(KINDS[name]))


def choose(reference: EnvironmentReference, env_manager: str | None) -> Backend:
    """The kind that `env_manager` names, else the one that suits what the project has.

    Raises:
        RequestError: `env_manager` is no kind of environment.
        EnvironmentFailure: the kind isn't there yet.
    """
    if env_manager is not None:
        return load(_named(env_manager, reference))
    if reference.kind == "docker_env":
        raise EnvironmentFailure(
            "the project asks for a docker environment, which reprun can't build yet",
            "pass `--env-manager local` to run with the Python and packages on your PATH",
        )
    if reference.kind == "conda_env":
        _refuse_conda(reference)
    return load("venv")


def _named(env_manager: str, reference: EnvironmentReference) -> str:
    name = ALIASES.get(env_manager, env_manager)
    if name in PLANNED:
        raise EnvironmentFailure(
            f"environments of kind `{name}` can't be built yet",
            "pass `--env-manager local` to run with the Python and packages on your PATH",
        )
    if name not in KINDS:
        known = ", ".join(sorted({*KINDS, *ALIASES} - {"system"}))
        raise RequestError(f"no environment manager is called `{env_manager}`", f"choose {known}")
    if name == "venv" and reference.kind == "conda_env":
        _refuse_conda(reference)
    if name == "venv" and reference.kind == "docker_env":
        raise EnvironmentFailure(
            "the project's docker image can't be made a venv",
            "pass `--env-manager local` to run with the Python and packages on your PATH",
        )
    return name


def _refuse_conda(reference: EnvironmentReference) -> None:
    where = f"{reference.path}: " if reference.path else ""
    raise EnvironmentFailure(
        f"{where}conda environments can't be built yet, not as `venv` either",
        "pass `--env-manager local` to run with the Python and packages on your PATH",
    )
