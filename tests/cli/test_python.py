"""`runner.run` from Python: typed, quick to import, and the same as `reprun run`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import runner
from runner.errors import ParameterError, RequestError, SourceNotFound
from tests.support import samples
from tests.support.program import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.engine import Engine
    from tests.support.program import Program

SLOW = ("git", "yaml", "click", "virtualenv", "docker", "uv", "requests", "jsonschema", "asyncio")


@pytest.fixture
def project(reprun: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample, in a process that is the person's."""
    for name in ("REPRUN_HOME", "HOME", "PATH"):
        monkeypatch.setenv(name, reprun.variables[name])
    monkeypatch.delenv("REPRUN_CACHE", raising=False)
    monkeypatch.chdir(reprun.directory)
    return samples.lay(reprun.directory)


def test_a_run_is_returned(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = runner.run(project, parameters={"count": 2, "text": "ab"}, env_manager="local")
    assert isinstance(run, runner.Run)
    assert (run.status, run.exit_code) == ("finished", 0)
    assert run.metrics == {"length": 4}
    assert run.directory is not None
    assert (run.directory / "artifacts" / "out.txt").read_text() == "abab"
    assert capfd.readouterr() == ("", "")


def test_the_output_is_shown_where_it_is_asked_for(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runner.run(project, env_manager="local", show=True)
    assert capfd.readouterr() == ("hello\n", "to stderr\n")


def test_a_step_that_fails_is_a_run_too(project: Path) -> None:
    run = runner.run(project, entry_point="exit", parameters={"status": 3}, env_manager="local")
    assert (run.status, run.exit_code) == ("failed", 3)


def test_every_argument_reaches_the_record(project: Path) -> None:
    run = runner.run(
        project,
        env_manager="local",
        run_name="named",
        experiment="tries",
        tags={"a": "b"},
        timeout=50,
        clean_env=True,
        in_place=True,
        relock=True,
        as_of="2024-03-31",
        python="3.11",
        add_packages="six",
        storage_dir="inputs",
        pass_env=["LANG"],
        keep=True,
        exact=True,
        skip_unmapped=True,
        run_id="of-mlflow",
    )
    assert (run.name, run.experiment, run.tags) == ("named", "tries", {"a": "b"})
    asked: dict[str, object] = {"timeout": 50, "clean_env": True, "in_place": True, "relock": True}
    asked |= {
        "keep": True,
        "exact": True,
        "skip_unmapped": True,
        "run_id": "of-mlflow",
        "pass_env": ["LANG"],
    }
    asked |= {"storage_dir": str(project / "inputs")}
    assert asked.items() <= run.request.items()
    assert (run.request["python"], run.request["add_packages"]) == ("3.11", ["six"])
    assert run.request["as_of"] == "2024-04-01T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("cpus=1", ["cpus=1"]),
        (["cpus=1", "t"], ["cpus=1", "t"]),
        ({"cpus": 1.5, "t": True, "i": False, "name": "x"}, ["cpus=1.5", "t", "name=x"]),
    ],
)
def test_what_is_asked_of_a_container_reaches_the_record(
    given: str | list[str] | dict[str, object], asked: list[str], project: Path
) -> None:
    run = runner.run(
        project,
        env_manager="local",
        docker_args=given,
        build_image=True,
    )
    wanted: dict[str, object] = {"docker_args": asked, "build_image": True}
    assert wanted.items() <= run.request.items()
    assert "change nothing" in run.warnings[0], "the step runs on this machine itself"


def test_a_container_from_python(
    project: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    text = (
        "docker_env: {image: 'alpine:3.20'}\nentry_points: {main: {command: ls /sys/class/net}}\n"
    )
    (project / "MLproject").write_text(text)
    run = runner.run(project, docker_args={"cpus": 1}, no_network=True, read_only=True)
    assert (run.status, run.exit_code) == ("finished", 0)
    assert run.directory is not None
    assert (run.directory / "stdout.log").read_text() == "lo\n"
    assert run.container is not None
    assert run.container.network == "none"
    settings = run.container.settings["HostConfig"]
    assert isinstance(settings, dict)
    assert (settings["NanoCpus"], settings["ReadonlyRootfs"]) == (10**9, True)
    with pytest.raises(RequestError, match="gpuz"):
        runner.run(project, docker_args="gpuz=all")


def test_what_people_pass_instead(project: Path) -> None:
    run = runner.run(project, env_manager="local", timeout="15m", pass_env="LANG", tags={"fold": 3})
    assert run.request["timeout"] == 900
    assert run.request["pass_env"] == ["LANG"]
    assert run.tags == {"fold": "3"}


def test_a_wrong_request_raises_and_leaves_nothing(project: Path, reprun: Program) -> None:
    with pytest.raises(ParameterError, match="`count`"):
        runner.run(project, parameters={"count": "many"})
    for timeout in (-5, 0, float("nan"), float("inf"), "soon"):
        with pytest.raises(RequestError, match="is not a duration"):
            runner.run(project, timeout=timeout)
    with pytest.raises(RequestError, match="only one of `experiment` and `experiment_id`"):
        runner.run(project, experiment="tries", experiment_id="7")
    with pytest.raises(SourceNotFound):
        runner.run("nowhere")
    with pytest.raises(runner.RunnerError):
        runner.run(project, version="nowhere")
    assert reprun.records() == []


def test_it_works_in_threads(project: Path) -> None:
    runs: list[runner.Run] = []

    def work(text: str) -> None:
        parameters = {"text": text}
        runs.append(runner.run(project, parameters=parameters, env_manager="local"))

    threads = [threading.Thread(target=work, args=(text,)) for text in ("a", "bb", "ccc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.metrics["length"] for run in runs) == [1, 2, 3]


def test_importing_it_imports_nothing_slow() -> None:
    program = "import json, sys, runner; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {*SLOW, "subprocess", "sqlite3", "tempfile", "logging", "dataclasses"}
    assert {name for name in loaded if name.startswith("runner")} == {"runner"}


def test_what_is_not_there_is_an_attribute_error() -> None:
    name = "nothing"
    with pytest.raises(AttributeError, match="module `runner` has no attribute `nothing`"):
        getattr(runner, name)
