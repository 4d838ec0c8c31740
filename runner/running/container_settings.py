"""What a manifest and a request ask of a step's container; all that is wrong is found early."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from runner.containers import early
from runner.environments import docker
from runner.errors import ExecutionError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.containers.volumes import Volume
    from runner.environments.base import Backend
    from runner.manifest.model import EntryPoint, Manifest, Step
    from runner.progress import Progress
    from runner.request import Request


class Asked(Struct, frozen=True):
    """What is asked for.

    Attributes:
        body: parts of the engine's API call that makes the container.
        volumes: the manifest's, then the request's.
        variables: name → value, the host's where it was to be copied.
        platform: `linux/arm64`, None for this machine's.
        network: by name, None for the engine's usual one.
        entrypoint: in place of the image's, `("",)` for none; None to leave it.
        warnings: of what has no effect.
    """

    body: dict[str, object] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    network: str | None = None
    entrypoint: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def with_code(manifest: Manifest, request: Request) -> Manifest:
    """`manifest`, its image to hold the project where `--build-image` asks for that."""
    environment = manifest.environment
    if not request.build_image or environment.docker is None:
        return manifest
    # MLflow's name for it, as far as an image can have that.
    words = re.findall(r"[a-z0-9]+", (manifest.name or "").lower())
    image = replace(environment.docker, with_code="-".join(words) or "docker-project")
    return replace(manifest, environment=replace(environment, docker=image))


def asked(
    backend: Backend, manifest: Manifest, step: Step, request: Request, progress: Progress
) -> Asked | None:
    """What is asked of the step's container; None for a kind of environment without one.

    Raises:
        RequestError: a wall around the step is asked for, and there is no container.
        RunnerError: as `read` does.
    """
    if backend.NAME == docker.NAME:
        early.prepare()
        found = read(manifest, step.entry_point, request)
        for text in found.warnings:
            progress.warning(text)
        return found
    for flag, given in (("--no-network", request.no_network), ("--read-only", request.read_only)):
        if given:
            # Who asks for a wall must not run without one.
            raise RequestError(
                f"`{flag}` needs a container, and this project's step runs on the machine itself",
                "leave it out, or give the project a `docker_env`",
            )
    flags = request.of_containers()
    if flags:
        verb = "changes" if len(flags) == 1 else "change"
        progress.warning(
            f"{' and '.join(flags)} {verb} nothing: the step runs on this machine itself",
            "they are for projects with a `docker_env`",
        )
    return None


def read(
    manifest: Manifest, entry_point: EntryPoint, request: Request, *, lenient: bool = False
) -> Asked:
    """Everything that is asked for, checked.

    Args:
        lenient: leave out the variables that are to be copied and are not set here.

    Raises:
        RequestError: a `--docker-args` that `docker run` doesn't know, or a wrong value of one.
        ManifestError: a resource that is none.
        ExecutionError: a variable that is to be copied and is not set here.
        EnvironmentFailure: a volume that is none, or is not there.
    """
    from runner.containers import volumes
    from runner.containers.options import arguments, bodies, resources

    given = arguments.read(request.docker_args, caller=request.caller)
    docker = manifest.environment.docker
    limits = resources.limits(entry_point, file=manifest.path or "MLproject")
    body = resources.overridden(limits, given.body)
    network = "none" if request.no_network else given.network
    if request.no_network:
        _refuse_network(given.network)
        body = bodies.merge(body, {"HostConfig": {"NetworkMode": "none"}})
    if request.read_only:
        own = {"ReadonlyRootfs": True, "Tmpfs": {"/tmp": ""}}  # noqa: S108  inside the container
        body = bodies.merge(body, {"HostConfig": own})
    texts = (*(docker.volumes if docker else ()), *given.volumes)
    # The checkout is made later; what is relative starts from the project in it.
    found = tuple(volumes.read(text, os.environ, project=".") for text in texts)
    for volume in found:
        volumes.check(volume)
    found = volumes.refuse_clashes(found)
    pairs = (*(docker.variables if docker else ()), *given.variables)
    return Asked(
        body=body,
        volumes=found,
        variables=_variables(pairs, lenient=lenient),
        platform=given.platform,
        network=network,
        entrypoint=given.entrypoint,
        warnings=(*given.warnings, *_of_pull(given.pull), *_of_user(given.body.get("User"))),
    )


def _refuse_network(name: str | None) -> None:
    """See that nobody asks for a network and for none at once.

    Raises:
        RequestError: somebody does.
    """
    if name not in {None, "none"}:
        raise RequestError(
            f"`--no-network` and `-A network={name}` contradict each other", "leave out one of them"
        )


def _of_pull(pull: str | None) -> tuple[str, ...]:
    if pull in {None, "missing"}:
        return ()
    return (
        f"`-A pull={pull}` has no effect: the image is pinned, and `--relock` asks the registry",
    )


def _of_user(user: object) -> tuple[str, ...]:
    """What one gets who lets somebody else do the work: the checkout is the caller's alone."""
    if user is None or str(user).partition(":")[0] in {str(os.getuid()), "0", "root"}:
        return ()
    text = "is somebody else than you: the step may not be able to read or change what is yours"
    return (f"`-A user={user}` {text}, the project's files and what it logs among it",)


def _variables(pairs: Iterable[tuple[str, str | None]], *, lenient: bool = False) -> dict[str, str]:
    found: dict[str, str] = {}
    missing = []
    for name, value in pairs:
        if value is not None:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
        else:
            missing.append(name)
    if missing and not lenient:
        names = ", ".join(f"`{name}`" for name in missing)
        isnt = "isn't" if len(missing) == 1 else "aren't"
        raise ExecutionError(
            f"{names} {isnt} set here, and the container is to get it from this machine "
            "(`docker_env: environment:`)",
            f"set it: `export {missing[0]}=…`",
        )
    return found
