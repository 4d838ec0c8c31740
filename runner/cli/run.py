"""`reprun run`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.completion import complete_entry_point, complete_parameter, complete_run
from runner.cli.options import json_option, quiet_option
from runner.cli.render import Terminal
from runner.cli.streams import mention, plain, say, say_json

if TYPE_CHECKING:
    from runner.request import Request

EPILOG = """\b
Examples:
  reprun run . -P alpha=0.3
  reprun run https://github.com/org/project#train -v v1.2 -e train -P epochs=20
  reprun run git@github.com:org/project.git --dry-run
"""


@click.command(epilog=EPILOG)
@click.argument("uri")
@click.option(
    "-e",
    "--entry-point",
    metavar="NAME",
    shell_complete=complete_entry_point,
    help="Entry point, or a .py, .sh or .R file of the project.  [default: main]",
)
@click.option("-v", "--version", metavar="VERSION", help="Branch, tag, commit, or such as main~2.")
@click.option(
    "-P",
    "--param-list",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_parameter,
    help="A parameter; repeat for more.",
)
@click.option(
    "--env-manager",
    metavar="local|venv|docker",
    help="What the step runs in; virtualenv and uv mean venv.  [default: the manifest's]",
)
@click.option(
    "--with",
    "with_runs",
    multiple=True,
    metavar="RUN[:GLOB]",
    shell_complete=complete_run,
    help="Lay in the outputs of an earlier run, where it made them: latest:train, 01k3:*.json.",
)
@click.option("--experiment-name", metavar="NAME", help="Experiment the run belongs to.")
@click.option("--experiment-id", metavar="ID", help="The same, by id.")
@click.option("--run-name", metavar="NAME", help="A name for the run.")
@click.option("--run-id", metavar="ID", help="MLflow run that the step logs to, elsewhere.")
@click.option(
    "--storage-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where remote path parameters are downloaded to.",
)
@click.option("-b", "--backend", metavar="local", default="local", help="Only `local`.")
@click.option("-c", "--backend-config", metavar="FILE|JSON", help="Settings of the backend.")
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="A tag; repeat for more.")
@click.option("--timeout", metavar="DURATION", help="End the step after 90, 90s, 15m or 2h.")
@click.option("--clean-env", is_flag=True, help="Pass only a base list of variables to the step.")
@click.option(
    "--pass-env", multiple=True, metavar="NAME", help="A variable to pass on all the same."
)
@click.option("--in-place", is_flag=True, help="Run in the project's own directory.")
@click.option("--keep", is_flag=True, help="Keep the checkout after the run.")
@click.option("--relock", is_flag=True, help="Resolve the environment's lock anew.")
@click.option("--as-of", metavar="commit|DATE", help="Resolve with the packages of that day.")
@click.option("--python", metavar="VERSION", help="Another Python than the project's.")
@click.option(
    "--add-package",
    "add_packages",
    multiple=True,
    metavar="REQUIREMENT",
    help="A package beside the project's; repeat for more.",
)
@click.option(
    "--drop-package",
    "drop_packages",
    multiple=True,
    metavar="NAME",
    help="Leave out a package that the project asks for; repeat for more.",
)
@click.option(
    "--env-file",
    metavar="FILE",
    help="A file of the project in place of its environment's; a Dockerfile is built.",
)
@click.option("--exact", is_flag=True, help="Refuse another patch release of Python.")
@click.option(
    "--no-tracking",
    is_flag=True,
    help="Let the step's MLflow log wherever it is told to, not into the record.",
)
@click.option(
    "--log-here",
    is_flag=True,
    help="Keep what it logs in the record although it names another tracking URI.",
)
@click.option(
    "--skip-unmapped", is_flag=True, help="Leave out conda packages that the Python index lacks."
)
@click.option(
    "--link-scripts", is_flag=True, help="Run what conda packages want run after linking."
)
@click.option(
    "-A",
    "--docker-args",
    "docker_args",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A flag of `docker run` for the step's container: gpus=all, shm-size=2g; repeat for more.",
)
@click.option(
    "--build-image",
    is_flag=True,
    help="Build an image that holds the project too, and run in that.",
)
@click.option("--no-network", is_flag=True, help="Cut the step's container off from any network.")
@click.option(
    "--read-only",
    is_flag=True,
    help="Let the step's container write nowhere but into the checkout and /tmp.",
)
@click.option("--dry-run", is_flag=True, help="Check everything; build and start nothing.")
@quiet_option
@json_option
def run(
    uri: str,
    *,
    entry_point: str | None,
    version: str | None,
    parameters: tuple[str, ...],
    env_manager: str | None,
    with_runs: tuple[str, ...],
    experiment_name: str | None,
    experiment_id: str | None,
    run_name: str | None,
    run_id: str | None,
    storage_dir: Path | None,
    backend: str,
    backend_config: str | None,
    tags: tuple[str, ...],
    timeout: str | None,
    clean_env: bool,
    pass_env: tuple[str, ...],
    in_place: bool,
    keep: bool,
    relock: bool,
    as_of: str | None,
    python: str | None,
    add_packages: tuple[str, ...],
    drop_packages: tuple[str, ...],
    env_file: str | None,
    exact: bool,
    no_tracking: bool,
    log_here: bool,
    skip_unmapped: bool,
    link_scripts: bool,
    docker_args: tuple[str, ...],
    build_image: bool,
    no_network: bool,
    read_only: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a step of the project at URI and record it.

    URI is a git URL, a local directory or repository, or a .zip; `#subdirectory` names the
    project's folder in it. The exit status is the step's own; 2: the request is wrong, 124: it
    took too long, 125: it could not be started or kept.
    """
    from runner import request as requests
    from runner.source.address import split_uri

    requests.check_backend(backend, backend_config)
    if experiment_name and experiment_id:
        raise click.UsageError("give only one of --experiment-name and --experiment-id")
    if no_tracking and log_here:
        raise click.UsageError("give only one of --no-tracking and --log-here")
    address, subdirectory = split_uri(uri)
    request = requests.Request(
        uri=address,
        subdirectory=subdirectory,
        caller=requests.standing_directory(),
        entry_point=entry_point,
        version=version,
        parameters=requests.read_pairs(parameters, flag="-P", what="parameter"),
        env_manager=requests.read_environment_manager(env_manager),
        experiment=experiment_name,
        experiment_id=experiment_id,
        run_name=run_name,
        run_id=run_id,
        storage_dir=storage_dir.absolute() if storage_dir else None,
        tags=requests.read_pairs(tags, flag="--tag", what="tag"),
        timeout=None if timeout is None else requests.read_duration(timeout),
        as_of=requests.read_as_of(as_of),
        with_runs=with_runs,
        python=requests.read_python(python),
        add_packages=requests.read_packages(add_packages),
        drop_packages=drop_packages,
        env_file=env_file,
        pass_env=pass_env,
        clean_env=clean_env,
        in_place=in_place,
        keep=keep,
        relock=relock,
        exact=exact,
        tracking=not no_tracking,
        log_here=log_here,
        skip_unmapped=skip_unmapped,
        link_scripts=link_scripts,
        docker_args=docker_args,
        build_image=build_image,
        no_network=no_network,
        read_only=read_only,
    )
    if dry_run:
        return _dry_run(request, as_json=as_json, quiet=quiet)
    return _run(request, as_json=as_json, quiet=quiet)


def _dry_run(request: Request, *, as_json: bool, quiet: bool) -> int:
    from runner import dry_run
    from runner.cli.shown_dry import dry_run_lines
    from runner.settings import read_settings

    with Terminal(quiet=quiet, transient=True) as terminal:
        document = dry_run.describe(request, settings=read_settings(), progress=terminal)
    if as_json:
        say_json(document)
    else:
        say("\n".join(dry_run_lines(document)))
    return 0


def _run(request: Request, *, as_json: bool, quiet: bool) -> int:
    from runner import pipeline
    from runner.cli.shown import ending_lines
    from runner.settings import read_settings
    from runner.store.encoding import to_json

    stdout = sys.stderr.buffer if as_json else sys.stdout.buffer
    with Terminal(quiet=quiet) as terminal:
        recorded = pipeline.run(
            request,
            settings=read_settings(),
            progress=terminal,
            show=(stdout, sys.stderr.buffer),
        )
    if as_json:
        say_json(to_json(recorded))
    else:
        for line in ending_lines(recorded, live=terminal.live):
            mention(plain(line))
    return pipeline.exit_code_of(recorded)
