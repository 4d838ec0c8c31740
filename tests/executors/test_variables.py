"""A step's variables: what poisons stays out, what is asked for comes in, secrets aren't kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
from pathlib import Path

import pytest

from runner.environments.base import Activation
from runner.errors import ExecutionError
from runner.executors.variable_names import RECORDED
from runner.executors.variables import recorded_variables, step_variables

VENV = Activation(path=(Path("/envs/a/bin"),), variables={"VIRTUAL_ENV": "/envs/a"})
LOCAL = Activation()
OURS = {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize(
    "name",
    """PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV _CE_M
    __PYVENV_LAUNCHER__ GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE REPRUN_HOME REPRUN_ANYTHING
    MLFLOW_RUN_ID BASH_ENV ENV SHELLOPTS CDPATH
    PIP_TARGET PIP_USER UV_PYTHON BASH_FUNC_ls%% PYTHONPYCACHEPREFIX PYTHONINSPECT SHLVL""".split(),  # noqa: SIM905
)
def test_what_poisons_a_step_is_not_inherited(name: str) -> None:
    inherited = {name: "poison", "HARMLESS": "x"}
    assert step_variables(inherited, activation=LOCAL, entry_env={}) == {"HARMLESS": "x", **OURS}


def test_poison_that_is_asked_for_by_name_comes_in() -> None:
    inherited = {"PYTHONPATH": "/lib", "MLFLOW_RUN_ID": "abc"}
    passed = step_variables(
        inherited,
        activation=LOCAL,
        entry_env={"PYTHONPATH": None},
        pass_env=("MLFLOW_RUN_ID",),
    )
    assert passed == {**inherited, **OURS}


def test_a_teams_tracking_server_is_passed_on() -> None:
    inherited = {"MLFLOW_TRACKING_URI": "http://team", "MLFLOW_EXPERIMENT_NAME": "wine"}
    passed = step_variables(inherited, activation=LOCAL, entry_env={})
    assert passed == {**inherited, **OURS}


def test_a_notebooks_plotting_backend_stays_there() -> None:
    inherited = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    assert "MPLBACKEND" not in step_variables(inherited, activation=LOCAL, entry_env={})
    agg = step_variables({"MPLBACKEND": "Agg"}, activation=LOCAL, entry_env={})
    assert agg["MPLBACKEND"] == "Agg"


def test_ours_yield_to_what_is_set() -> None:
    inherited = {"PYTHONHASHSEED": "42", "PYTHONUNBUFFERED": ""}
    seen = step_variables(inherited, activation=LOCAL, entry_env={})
    # Python takes an empty seed for none, which would make it random.
    assert seen == {"PYTHONHASHSEED": "42", "PYTHONUNBUFFERED": "1"}
    declared = step_variables(inherited, activation=LOCAL, entry_env={"PYTHONHASHSEED": "7"})
    assert declared["PYTHONHASHSEED"] == "7"


def test_clean_passes_the_base_and_what_is_named() -> None:
    base = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "TZ": "UTC", "https_proxy": "http://p"}
    inherited = {**base, "OTHER": "x", "TOKEN": "t", "DATA": "/d", "PYTHONHASHSEED": "9"}
    seen = step_variables(
        inherited, activation=LOCAL, entry_env={"TOKEN": None}, clean=True, pass_env=("DATA", "NOT")
    )
    assert seen == {**base, "TOKEN": "t", "DATA": "/d", **OURS}


def test_an_activated_environment_comes_first_and_the_callers_own_leaves() -> None:
    inherited = {
        "PATH": "/home/me/venv/bin:/usr/bin:/opt/conda/bin/:/bin",
        "VIRTUAL_ENV": "/home/me/venv",
        "CONDA_PREFIX": "/opt/conda",
    }
    seen = step_variables(inherited, activation=VENV, entry_env={})
    assert seen["PATH"] == "/envs/a/bin:/usr/bin:/bin"
    assert seen["VIRTUAL_ENV"] == "/envs/a"
    local = step_variables(inherited, activation=LOCAL, entry_env={})
    assert local["PATH"] == inherited["PATH"]


def test_an_entry_points_path_doesnt_hide_the_environment() -> None:
    seen = step_variables({"PATH": "/bin"}, activation=VENV, entry_env={"PATH": "/opt/tools"})
    assert seen["PATH"] == "/envs/a/bin:/opt/tools"
    assert step_variables({}, activation=VENV, entry_env={})["PATH"] == "/envs/a/bin:" + os.defpath


def test_extra_has_the_last_word_and_bytecode_its_place() -> None:
    seen = step_variables(
        {},
        activation=VENV,
        entry_env={"A": "1", "B": "1"},
        bytecode_prefix=Path("/run/bytecode"),
        extra={"B": "2"},
    )
    assert (seen["A"], seen["B"], seen["PYTHONPYCACHEPREFIX"]) == ("1", "2", "/run/bytecode")


def test_bytecode_with_a_place_of_its_own_is_written() -> None:
    inherited = {"PYTHONDONTWRITEBYTECODE": "1"}
    assert step_variables(inherited, activation=LOCAL, entry_env={}) == {**inherited, **OURS}
    prefix = Path("/run/bytecode")
    seen = step_variables(inherited, activation=LOCAL, entry_env={}, bytecode_prefix=prefix)
    assert seen == {"PYTHONPYCACHEPREFIX": "/run/bytecode", **OURS}


def test_a_variable_the_caller_must_have() -> None:
    with pytest.raises(ExecutionError) as caught:
        step_variables({"C": "x"}, activation=LOCAL, entry_env={"A": None, "B": None, "C": None})
    assert caught.value.message == (
        "`A`, `B` aren't set here, and the entry point's `env:` passes the caller's value on"
    )
    assert caught.value.hint == "set it: `export A=…`"


def test_an_exported_function_cant_replace_a_program(tmp_path: Path) -> None:
    define = "python3() { echo poisoned; }; export -f python3; env -0"
    dumped = subprocess.run(["bash", "-c", define], check=True, capture_output=True, text=True)
    pairs = (pair.partition("=") for pair in dumped.stdout.split("\0") if pair)
    inherited = {name: value for name, _, value in pairs}
    assert "BASH_FUNC_python3%%" in inherited
    seen = step_variables(inherited, activation=LOCAL, entry_env={})
    argv = ["bash", "-c", "type -t python3"]
    told = subprocess.run(argv, env=seen, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "file\n"


def test_the_record_has_digests_and_only_harmless_values() -> None:
    variables = {"TOKEN": "s3cret", "LANG": "C.UTF-8", "OTHER": "s3cret"}
    recorded = recorded_variables(variables, key=b"key")
    assert list(recorded) == ["LANG", "OTHER", "TOKEN"]
    assert recorded["LANG"].value == "C.UTF-8"
    assert recorded["TOKEN"].value is None
    assert recorded["TOKEN"].digest == hmac.digest(b"key", b"TOKEN\0s3cret", hashlib.sha256).hex()
    assert recorded["TOKEN"].digest != recorded["OTHER"].digest
    assert recorded != recorded_variables(variables, key=b"other")
    assert "s3cret" not in repr(recorded)


def test_undecodable_values_have_a_digest_too() -> None:
    value = b"\xff\xfe".decode(errors="surrogateescape")
    assert len(recorded_variables({"A": value}, key=b"k")["A"].digest) == 64


def test_no_recorded_name_sounds_like_a_secret() -> None:
    words = ("TOKEN", "KEY", "SECRET", "PASSWORD", "URI", "URL", "PROXY")
    assert [name for name in RECORDED if any(word in name for word in words)] == []
