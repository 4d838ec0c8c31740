"""Every flag of `reprun run` does what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
pytestmark = pytest.mark.usefixtures("sample")


def test_entry_point_and_parameters_reach_the_command_as_written(reprun: Program) -> None:
    record = reprun.record(".", *LOCAL, "-e", "main", "-P", "text=it's 1e-4", "-P", "count=2")
    assert record["entry_point"] == "main"
    assert record["command"] == "python main.py 'it'\"'\"'s 1e-4' 2 plain"
    assert record["parameters"]["text"]["origin"] == "given"
    assert record["parameters"]["mode"]["origin"] == "default"
    assert record["parameters"]["count"]["value"] == 2
    assert record["parameters"]["count"]["text"] == "2"


def test_a_script_is_an_entry_point_and_undeclared_parameters_follow(reprun: Program) -> None:
    (reprun.directory / "own.py").write_text("import sys; print(sys.argv[1:])\n")
    said = reprun("run", ".", *LOCAL, "-e", "own.py", "--param-list", "depth=3")
    assert (said.code, said.out) == (0, "['--depth', '3']\n")


def test_version_runs_an_earlier_commit(reprun: Program) -> None:
    repository = Repository(reprun.directory)
    first = repository.commit("first")
    repository.write("main.py", "raise SystemExit(9)").commit("second")
    assert reprun("run", ".", *LOCAL).code == 9
    for version in ("main~1", first, first[:8], "main^"):
        record = reprun.record(".", *LOCAL, "-v", version)
        assert record["source"]["commit"] == first
        assert record["source"]["version"] == version


@pytest.mark.parametrize(
    ("name", "kind"), [("local", "local"), ("venv", "venv"), ("virtualenv", "venv"), ("uv", "venv")]
)
def test_environment_managers_by_each_of_their_names(reprun: Program, name: str, kind: str) -> None:
    record = reprun.record(".", "--env-manager", name)
    assert record["environment"]["kind"] == kind
    assert record["request"]["env_manager"] == kind


def test_names_experiments_and_tags_are_recorded(reprun: Program) -> None:
    flags = ("--experiment-name", "first tries", "--run-name", "a name", "--run-id", "b" * 32)
    record = reprun.record(".", *LOCAL, *flags, "--tag", "team=a=b", "--tag", "note=")
    assert record["experiment"] == "first tries"
    assert record["name"] == "a name"
    assert record["request"]["run_id"] == "b" * 32
    assert record["tags"] == {"team": "a=b", "note": ""}
    shown = reprun("runs", "show").out.splitlines()
    assert {"name        a name", "experiment  first tries"} < set(shown)
    assert reprun.record(".", *LOCAL, "--experiment-id", "7")["experiment_id"] == "7"


def test_the_step_learns_which_mlflow_run_it_shall_log_to(reprun: Program) -> None:
    flags = ("--run-id", "c" * 32, "--experiment-id", "7")
    said = reprun("run", ".", *LOCAL, "-e", "shown", *flags, MLFLOW_TRACKING_URI="file:///nowhere")
    assert f"MLFLOW_RUN_ID={'c' * 32}\n" in said.out
    assert "MLFLOW_EXPERIMENT_ID=7\n" in said.out


def test_backend_local_with_a_configuration_is_accepted(reprun: Program) -> None:
    (reprun.directory / "settings.json").write_text("{}")
    assert reprun("run", ".", *LOCAL, "-b", "local", "-c", "settings.json").code == 0
    assert reprun("run", ".", *LOCAL, "--backend", "local", "--backend-config", "{}").code == 0


def test_in_place_runs_where_the_user_stands(reprun: Program) -> None:
    record = reprun.record(".", *LOCAL, "--in-place")
    assert record["source"]["in_place"] is True
    assert (reprun.directory / "out.txt").read_text() == "hello"
    assert {output["path"] for output in record["outputs"]} == {"out.txt", "metrics.json"}


def test_keep_leaves_a_checkout_that_git_understands(reprun: Program) -> None:
    repository = Repository(reprun.directory)
    repository.commit()
    record = reprun.record(".", *LOCAL, "--keep")
    kept = reprun.home / "runs" / record["id"] / "checkout"
    assert (kept / "out.txt").read_text() == "hello"
    checkout = Repository(kept)
    assert checkout.head == repository.head
    assert checkout.git("status", "--porcelain").split() == ["??", "metrics.json", "??", "out.txt"]
    assert str(kept) in reprun("runs", "show").out


def test_without_keep_nothing_of_the_checkout_stays(reprun: Program) -> None:
    reprun.record(".", *LOCAL)
    assert reprun.leftovers() == []


def test_clean_env_passes_a_base_list_and_pass_env_a_name_more(reprun: Program) -> None:
    def seen(*flags: str) -> set[str]:
        said = reprun("run", ".", *LOCAL, "-e", "shown", *flags, SEEN_A="1", SEEN_B="2")
        assert said.code == 0, said.err
        return {line.split("=")[0] for line in said.out.splitlines()}

    assert seen() >= {"SEEN_A", "SEEN_B", "HOME", "PATH"}
    assert not seen("--clean-env") & {"SEEN_A", "SEEN_B"}
    assert seen("--clean-env", "--pass-env", "SEEN_A") & {"SEEN_A", "SEEN_B"} == {"SEEN_A"}


def test_pass_env_of_a_variable_that_is_not_set_is_warned_of(reprun: Program) -> None:
    said = reprun("run", ".", *LOCAL, "--pass-env", "NOT_SET_HERE")
    assert said.code == 0
    assert "`--pass-env NOT_SET_HERE` passes nothing on: there is no such variable" in said.err


def test_timeout_ends_the_step(reprun: Program) -> None:
    said = reprun("run", ".", *LOCAL, "-e", "wait", "--timeout", "0.5s")
    assert said.code == 124
    assert said.err == "error: the step took longer than its time limit of 0.5 s\n"
    assert reprun.records()[0]["status"] == "killed"
    assert reprun.leftovers() == []


def test_storage_dir_gets_what_is_downloaded(reprun: Program, tmp_path: Path) -> None:
    data = tmp_path / "elsewhere" / "data.csv"
    data.parent.mkdir()
    data.write_text("1,2\n")
    store = tmp_path / "storage"
    values = ("-P", "alpha=1", "-P", f"data=file://{data}")
    record = reprun.record(".", *LOCAL, "-e", "need", *values, "--storage-dir", str(store))
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["data.csv"]
    assert str(store) in record["command"]


def test_quiet_shows_the_steps_output_and_nothing_else(reprun: Program) -> None:
    (reprun.directory / "MLproject").write_text(samples.MANIFEST + "unknown: 1\n")
    assert "warning: " in reprun("run", ".", *LOCAL).err
    said = reprun("run", ".", *LOCAL, "-q")
    assert (said.code, said.out, said.err) == (0, "hello\n", "to stderr\n")


def test_a_dry_run_says_what_a_run_would_use_and_starts_nothing(reprun: Program) -> None:
    said = reprun("run", ".", "--dry-run", "-P", "text=a b")
    assert said.code == 0
    assert "command     python main.py 'a b' 1 plain\n" in said.out
    assert f"source      file://{reprun.directory}, 2 files, not committed\n" in said.out
    assert "environment venv" in said.out
    assert "not known before it is resolved" in said.out
    document = reprun("run", ".", "--dry-run", "--json").document
    assert document["command"] == "python main.py hello 1 plain"
    assert document["source"]["kind"] == "directory"
    assert document["environment"]["lock"] is None
    assert "not known" in document["environment"]["note"]
    assert not reprun.home.exists() or not list(reprun.home.iterdir())


def test_a_dry_run_knows_an_environment_that_stands(reprun: Program) -> None:
    record = reprun.record(".")
    environment = reprun("run", ".", "--dry-run", "--json").document["environment"]
    assert environment["ready"] is True
    assert environment["hash"] == record["environment"]["hash"]
    assert environment["lock"]["sha256"] == record["environment"]["lock"]["sha256"]


def test_a_dry_run_knows_that_the_projects_own_lock_is_used(reprun: Program) -> None:
    (reprun.directory / "requirements.txt").write_text(f"six==1.16.0 --hash=sha256:{'0' * 64}\n")
    document = reprun("run", ".", "--dry-run", "--json", "--relock").document
    assert document["environment"]["lock"]["made"] == "project"
    assert document["warnings"] == [
        "--relock changes nothing: the project's own lock is used as it is"
    ]


def test_a_dry_run_refuses_what_a_run_would_refuse(reprun: Program) -> None:
    said = reprun("run", ".", "--dry-run", "--json", "-P", "count=many")
    assert said.code == 2
    assert json.loads(said.out)["error"]["code"] == "parameters.invalid"
