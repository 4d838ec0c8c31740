"""The kinds of environment, and which one a project and a person ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from runner.environments.base import Backend
    from runner.manifest.model import EnvironmentReference

KINDS = {
    "conda": "runner.environments.conda",
    "docker": "runner.environments.docker",
    "venv": "runner.environments.venv",
    "local": "runner.environments.system",
}


def load(name: str) -> Backend:
    """The module of the kind `name`, which a person or a record names.

    Raises:
        EnvironmentFailure: the kind isn't there yet.
    """
    from importlib import import_module

    if name not in KINDS:
        raise EnvironmentFailure(
            f"environments of kind `{name}` can't be built yet",
            "pass `--env-manager local` to run with the Python and packages on your PATH",
        )
    return cast("Backend", import_module(KINDS[name]))


def choose(reference: EnvironmentReference, env_manager: str | None) -> Backend:
    """The kind that `env_manager` names, else the one that suits what the project has.

    Args:
        reference: what the project says of its environment.
        env_manager: a kind, as `request.read_environment_manager` understands what was typed.

    Raises:
        EnvironmentFailure: the kind isn't there yet, or can't be made of what the project has.
    """
    if env_manager is not None:
        _refuse(env_manager, reference)
        return load(env_manager)
    if reference.kind == "docker_env":
        return load("docker")
    return load("conda" if reference.kind == "conda_env" else "venv")


def _refuse(name: str, reference: EnvironmentReference) -> None:
    if name == "conda" and reference.kind != "conda_env":
        raise EnvironmentFailure(
            "the project has no conda file to make a conda environment of",
            "leave `--env-manager conda` away, or name a file: `--env-file conda.yaml`",
        )
    if name == "venv" and reference.kind == "docker_env":
        raise EnvironmentFailure(
            "the project's docker image can't be made a venv",
            "pass `--env-manager local` to run with the Python and packages on your PATH",
        )
