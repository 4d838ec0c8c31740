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
    from collections.abc import Mapping

    from runner.store.records import Run

__all__ = ["Run", "run"]


def run(
    uri: str | os.PathLike[str],
    *,
    entry_point: str | None = None,
    parameters: Mapping[str, object] | None = None,
    version: str | None = None,
    env_manager: str | None = None,
    run_name: str | None = None,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
    timeout: float | None = None,
    as_of: str | None = None,
    clean_env: bool = False,
    in_place: bool = False,
    relock: bool = False,
    show: bool = False,
) -> Run:
    """Run a step of the project at `uri` and record it, as `reprun run` does.

    Args:
        uri: git URL, local path or .zip; `#subdirectory` names the project's folder in it.
        entry_point: its name; None for `main`.
        parameters: name → value; the command gets `str(value)`.
        version: branch, tag, commit or an expression such as `main~2`.
        env_manager: `local` or `venv`; None for what the manifest asks for.
        run_name: a name for the run, for people.
        experiment: the experiment that the run belongs to.
        tags: name → value, kept in the record.
        timeout: seconds of wall time the step may take.
        as_of: `commit` or a date: resolve with the packages of that time.
        clean_env: pass only a base list of variables to the step.
        in_place: run in the project's own directory.
        relock: resolve the environment's lock anew.
        show: let the step's output through to this process's stdout and stderr.

    Returns:
        the recorded run, whatever its `status`: a step that fails does not raise.

    Raises:
        runner.errors.RunnerError: the request is wrong, the step could not be started, or its
            results could not be kept.
    """
    import sys

    from runner import pipeline, request
    from runner.settings import read_settings
    from runner.source.address import split_uri

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
        experiment=experiment,
        tags=dict(tags or {}),
        timeout=timeout,
        as_of=request.read_as_of(as_of),
        clean_env=clean_env,
        in_place=in_place,
        relock=relock,
    )
    streams = (sys.stdout.buffer, sys.stderr.buffer) if show else None
    return pipeline.run(asked, settings=read_settings(), show=streams)


def __getattr__(name: str) -> type[Run]:
    """`runner.Run` is imported when it is first asked for: `reprun --version` needs none of it."""
    if name == "Run":
        from runner.store.records import Run

        return Run
    raise AttributeError(f"module `runner` has no attribute `{name}`")
