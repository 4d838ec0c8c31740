"""The manifest that tutorials show, run as they show it: with conda's packages, and in a venv."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.examples.conftest import PROJECTS
from tests.support import conda_wheels

if TYPE_CHECKING:
    from tests.examples.conftest import Reader
    from tests.support.conda_shelf import Channel

CLICKS = "ctr-prediction"
AS_WRITTEN = "-e train -P learning_rate=5e-5 -P batch_size=128 --experiment-name lr_sweep_oct"
TRAINED = {"train_log_loss": 0.3890751512, "train_base_log_loss": 0.4339399206}
EVALUATED = {
    "log_loss": 0.3802917365,
    "base_log_loss": 0.4212390127,
    "auc": 0.7408765902,
    "rate": 0.1490288011,
}
VENV = ("--env-manager", "venv")


class Way(NamedTuple):
    """A reader, and the flags that make the environment be of a kind."""

    reader: Reader
    kind: str
    flags: tuple[str, ...]

    def runs(self, *arguments: str) -> dict[str, Any]:
        """The record of a run of the project, which succeeds."""
        return self.reader.runs(CLICKS, *arguments, *self.flags)


@pytest.fixture
def configured(reader: Reader, channel: Channel, numpy_wheel: Path) -> Reader:
    """A reader whose own conda configuration says where channels are."""
    person = reader.home.parent / "person"
    person.mkdir()
    (person / ".condarc").write_text(conda_wheels.forge(channel, numpy_wheel))
    # Conda's configuration alone is the reader's own: the index's packages need not be new.
    cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    return replace(reader, variables={"HOME": str(person), "UV_CACHE_DIR": cache})


@pytest.fixture(params=["venv", "conda"])
def way(request: pytest.FixtureRequest) -> Way:
    """Both kinds, with the same manifest."""
    if request.param == "venv":
        return Way(request.getfixturevalue("reader"), "venv", VENV)
    return Way(request.getfixturevalue("configured"), "conda", ())


def _digests(record: dict[str, Any]) -> dict[str, str]:
    return {output["path"]: output["sha256"] for output in record["outputs"]}


def test_the_command_as_written_and_an_evaluation_of_its_run(way: Way) -> None:
    trained = way.runs(*shlex.split(AS_WRITTEN))
    assert trained["experiment"] == "lr_sweep_oct"
    assert {name: one["text"] for name, one in trained["parameters"].items()} == {
        "learning_rate": "5e-5",
        "batch_size": "128",
        "max_epochs": "100",
        "experiment_name": "default",
    }
    assert trained["metrics"] == pytest.approx(TRAINED, rel=1e-8)
    assert trained["logged"]["metrics"]["train_log_loss"]["count"] == 100
    assert trained["environment"]["kind"] == way.kind
    again = way.runs(*shlex.split(AS_WRITTEN))
    assert _digests(again) == _digests(trained) != {}
    assert again["environment"]["hash"] == trained["environment"]["hash"]
    evaluated = way.runs("-e", "evaluate", "-P", f"run_id={trained['id']}")
    assert evaluated["metrics"] == pytest.approx(
        {**EVALUATED, "predicted_rate": evaluated["metrics"]["predicted_rate"]}, rel=1e-8
    )
    assert evaluated["logged"]["tags"]["trained_by"] == trained["id"]


def test_conda_brings_python_and_numpy_and_the_index_the_rest(configured: Reader) -> None:
    record = configured.runs(CLICKS, "-e", "train", "-P", "max_epochs=1")
    kinds = {one["name"]: one.get("type", "pypi") for one in record["environment"]["packages"]}
    assert (kinds["python"], kinds["numpy"], kinds["pip"]) == ("conda",) * 3
    assert kinds["mlflow-skinny"] == "pypi"
    assert record["environment"]["lock"]["format"] == "conda-lock"
    assert record["warnings"] == []


def test_ids_that_name_no_model(reader: Reader) -> None:
    uri = f"example-projects/{CLICKS}"
    done = reader.types("run", uri, "-e", "evaluate", "-P", "run_id=nothing", *VENV)
    assert done.returncode == 1
    assert "run `nothing` has no model to evaluate: " in done.stderr
    assert "Run with id=nothing not found" in done.stderr
    (failed,) = json.loads(reader.types("runs", "list", "--json").stdout)
    done = reader.types("run", uri, "-e", "evaluate", "-P", f"run_id={failed['id']}", *VENV)
    assert done.returncode == 1
    assert f"run `{failed['id']}` has no model to evaluate: " in done.stderr


def test_the_experiment_may_be_named_by_the_parameter(reader: Reader) -> None:
    named = ("-e", "train", "-P", "max_epochs=1", "-P", "experiment_name=lr_sweep_oct", *VENV)
    assert reader.runs(CLICKS, *named)["experiment"] == "lr_sweep_oct"
    assert reader.runs(CLICKS, *named, "--experiment-name", "mine")["experiment"] == "mine"


def test_every_command_of_its_readme_does_what_it_says(configured: Reader) -> None:
    text = (PROJECTS / CLICKS / "README.md").read_text()
    commands = re.findall(r"^    reprun (.+)$", text, re.MULTILINE)
    assert len(commands) == 5
    assert any(command.endswith(AS_WRITTEN) for command in commands)
    run_id = ""
    for command in commands:
        done = configured.types(*shlex.split(command.replace("RUN_ID", run_id)))
        assert done.returncode == int("run_id=nothing" in command), (command, done.stderr)
        if printed := re.search(r"^run id (\w+)$", done.stdout, re.MULTILINE):
            run_id = printed[1]
    assert "log loss 0.372 on the 2,986 sessions" in text
    assert "0.421 at the base rate; area under the curve 0.744." in text
    defaults = ("-e", "evaluate", "-P", f"run_id={run_id}", "-q")
    done = configured.types("run", f"example-projects/{CLICKS}", *defaults)
    assert done.stdout.startswith("2986 sessions held out")
    assert [f"{float(one):.3f}" for one in re.findall(r"0\.\d+", done.stdout)] == [
        *("0.372", "0.421", "0.744")
    ]
