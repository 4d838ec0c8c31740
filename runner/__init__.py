"""reprun: run a project from its git URL, locked, typed and recorded.

From Python:

    import runner

    run = runner.run("https://github.com/org/project", parameters={"alpha": 0.5})
    print(run.status, run.metrics, run.directory)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from runner.errors import RunnerError
    from runner.store.records import Run

__all__ = ["Run", "RunnerError", "run"]


def run(
    uri: str | os.PathLike[str],
    *,
    entry_point: str | None = None,
    parameters: Mapping[str, object] | None = None,
    with_runs: str | Iterable[str] = (),
    version: str | None = None,
    env_manager: str | None = None,
    run_name: str | None = None,
    run_id: str | None = None,
    experiment: str | None = None,
    experiment_id: str | None = None,
    tags: Mapping[str, object] | None = None,
    timeout: float | str | None = None,
    as_of: str | None = None,
    python: str | None = None,
    add_packages: str | Iterable[str] = (),
    drop_packages: str | Iterable[str] = (),
    env_file: str | None = None,
    storage_dir: str | os.PathLike[str] | None = None,
    clean_env: bool = False,
    pass_env: str | Iterable[str] = (),
    in_place: bool = False,
    keep: bool = False,
    relock: bool = False,
    exact: bool = False,
    tracking: bool = True,
    log_here: bool = False,
    skip_unmapped: bool = False,
    link_scripts: bool = False,
    docker_args: str | Iterable[str] | Mapping[str, object] = (),
    build_image: bool = False,
    no_network: bool = False,
    read_only: bool = False,
    show: bool = False,
) -> Run:
    """Run a step of the project at `uri` and record it, as `reprun run` does.

    Args:
        uri: git URL, local path or .zip; `#subdirectory` names the project's folder in it.
        entry_point: its name; None for `main`.
        parameters: name → value; the command gets `str(value)`.
        with_runs: `RUN[:GLOB]`, or several: earlier runs whose outputs are laid into the
            checkout, where they were made.
        version: branch, tag, commit or an expression such as `main~2`.
        env_manager: `local`, `venv` or `docker`; None for what the manifest asks for.
        run_name: a name for the run, for people.
        run_id: the MLflow run that the step shall log to, with `MLFLOW_TRACKING_URI` set or
            `tracking=False`; its own run answers to that id otherwise.
        experiment: the experiment that the run belongs to.
        experiment_id: the same, by id.
        tags: name → value, kept in the record as `str(value)`.
        timeout: wall time the step may take, in seconds or as `15m`.
        as_of: `commit` or a date: resolve with the packages of that time, and take the Python of
            that time where the project names none.
        python: another Python than the project's, such as `3.9`.
        add_packages: a package beside the project's, or several, such as `numpy<2`.
        drop_packages: a package, or several, that the project asks for and shall not get.
        env_file: a file of the project in place of the one that names its environment.
        storage_dir: where remote `path` parameters are downloaded to.
        clean_env: pass only a base list of variables to the step.
        pass_env: a variable to pass on all the same, or several, by name.
        in_place: run in the project's own directory.
        keep: keep the checkout, as `checkout` in the run's directory.
        relock: resolve the environment's lock anew.
        exact: refuse another patch release of Python than the one that is asked for.
        tracking: keep what the step logs by MLflow's calls in the record; False lets it log
            wherever it is told to.
        log_here: keep it there although the step names another tracking URI.
        skip_unmapped: leave out conda packages that the Python index has nothing for.
        link_scripts: run what conda packages want run after they are linked.
        docker_args: a flag of `docker run` for the step's container, or several, such as
            `gpus=all`; or name → value, True for a flag without one.
        build_image: put the project's files into an image of its own, on top of the one it names.
        no_network: cut the step's container off from any network.
        read_only: let it write nowhere but into the checkout and /tmp.
        show: let the step's output through to this process's stdout and stderr.

    Returns:
        the recorded run, whatever its `status`: a step that fails does not raise.

    Raises:
        RunnerError: the request is wrong, the step could not be started, or its
            results could not be kept.
    """
    import sys
    from pathlib import Path

    from runner import pipeline, request
    from runner.errors import RequestError
    from runner.settings import read_settings
    from runner.source.address import split_uri

    if experiment is not None and experiment_id is not None:
        raise RequestError("give only one of `experiment` and `experiment_id`")
    address, subdirectory = split_uri(str(uri))
    asked = request.Request(
        uri=address,
        subdirectory=subdirectory,
        caller=request.standing_directory(),
        entry_point=entry_point,
        version=version,
        parameters={name: str(value) for name, value in (parameters or {}).items()},
        env_manager=request.read_environment_manager(env_manager),
        run_name=run_name,
        run_id=run_id,
        experiment=experiment,
        experiment_id=experiment_id,
        tags={name: str(value) for name, value in (tags or {}).items()},
        timeout=None if timeout is None else request.read_duration(str(timeout)),
        as_of=request.read_as_of(as_of),
        with_runs=_several(with_runs),
        python=request.read_python(python),
        drop_packages=_several(drop_packages),
        env_file=env_file,
        add_packages=request.read_packages(_several(add_packages)),
        storage_dir=None if storage_dir is None else Path(storage_dir).absolute(),
        clean_env=clean_env,
        pass_env=_several(pass_env),
        in_place=in_place,
        keep=keep,
        relock=relock,
        exact=exact,
        tracking=tracking,
        log_here=log_here,
        skip_unmapped=skip_unmapped,
        link_scripts=link_scripts,
        docker_args=_flags(docker_args),
        build_image=build_image,
        no_network=no_network,
        read_only=read_only,
    )
    streams = (sys.stdout.buffer, sys.stderr.buffer) if show else None
    return pipeline.run(asked, settings=read_settings(), show=streams)


def _several(given: str | Iterable[str]) -> tuple[str, ...]:
    """A lone text is one of them, not its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _flags(given: str | Iterable[str] | Mapping[str, object]) -> tuple[str, ...]:
    """As `-A` has them; MLflow's own function takes a mapping."""
    from collections.abc import Mapping

    if not isinstance(given, Mapping):
        return _several(given)
    asked = {name: value for name, value in given.items() if value is not False}
    return tuple(name if value is True else f"{name}={value}" for name, value in asked.items())


def __getattr__(name: str) -> type[Run | RunnerError]:
    """Classes are imported when they are first asked for: `reprun --version` needs none of it."""
    if name == "Run":
        from runner.store.records import Run

        return Run
    if name == "RunnerError":
        from runner.errors import RunnerError

        return RunnerError
    raise AttributeError(f"module `runner` has no attribute `{name}`")
