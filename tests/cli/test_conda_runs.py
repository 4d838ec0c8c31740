"""A project with a `conda.yaml`, run by somebody who has no conda: once, again, elsewhere."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from tests.support import conda_channel
from tests.support.conda_projects import lay

if TYPE_CHECKING:
    from tests.support.conda_shelf import Channel
    from tests.support.index import Index
    from tests.support.program import Program, Said


def got(said: Said) -> tuple[str, dict[str, str]]:
    """The prefix that the step ran in, and the distributions that it saw."""
    assert said.code == 0, said.err
    prefix, found = json.loads(said.out)
    return prefix, found


def test_it_runs_without_conda(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "alpha", "tool")
    prefix, found = got(reprun("run", "."))
    assert found == {"alpha": "2.0", "beta": "2.0", "tool": "1.0"}
    assert prefix.startswith(f"{reprun.home}/cache/envs/conda/")
    (record,) = reprun.records()
    environment: dict[str, Any] = record["environment"]
    assert environment["kind"] == "conda"
    assert environment["lock"]["format"] == "conda-lock"
    assert environment["lock"]["made"] == "resolved"
    assert environment["python"]["version"] == conda_channel.python_version()
    assert {one["name"]: one["type"] for one in environment["packages"]} == dict.fromkeys(
        ("alpha", "beta", "python", "tool"), "conda"
    )
    assert reprun.leftovers() == []


def test_the_second_run_asks_nobody(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "alpha")
    first = got(reprun("run", "."))
    channel.server.asked.clear()
    channel.server.stop()
    assert got(reprun("run", ".")) == first
    one, two = reprun.records()
    assert two["environment"]["lock"]["made"] == "reused"
    assert two["environment"]["fingerprint"] == one["environment"]["fingerprint"]
    assert channel.server.asked == []


def test_the_lock_holds_though_the_channel_has_newer_packages(
    reprun: Program, channel: Channel
) -> None:
    lay(reprun.directory, channel, "python", "alpha")
    first = got(reprun("run", "."))
    channel.add(conda_channel.module("alpha", "3.0"))
    shutil.rmtree(reprun.home / "cache")
    assert got(reprun("run", ".")) == first
    assert got(reprun("run", ".", "--relock"))[1]["alpha"] == "3.0"
    one, two, three = reprun.records()
    assert two["environment"]["fingerprint"] == one["environment"]["fingerprint"]
    assert three["environment"]["hash"] != one["environment"]["hash"]


def test_an_entry_point_of_a_package_is_on_the_path(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "tool")
    said = reprun("run", ".", "-e", "tool")
    assert said.out.startswith(f"tool 1.0 {reprun.home}/cache/envs/conda/"), said


def test_the_step_has_what_activation_and_the_file_set(reprun: Program, channel: Channel) -> None:
    variables = "variables: {LEVEL: 3}\n"
    lay(reprun.directory, channel, "python", "scripted", more=variables)
    said = reprun("run", ".", "-e", "shown", CONDA_PREFIX="/elsewhere", CONDA_SHLVL="2")
    shown = dict(line.split("=", 1) for line in said.out.splitlines() if "=" in line)
    assert shown["LEVEL"] == "3"
    assert shown["SCRIPTED"] == "yes"
    assert shown["ACTED"] == shown["CONDA_PREFIX"]
    assert shown["CONDA_PREFIX"].startswith(f"{reprun.home}/cache/envs/conda/")
    assert shown["PATH"].startswith(f"{shown['CONDA_PREFIX']}/bin:")
    assert "CONDA_SHLVL" not in shown
    again = reprun("shell", "latest", "-c", "echo $SCRIPTED $LEVEL; command -v python")
    assert again.out == f"yes 3\n{shown['CONDA_PREFIX']}/bin/python\n", again


def test_the_pip_section_comes_on_top(reprun: Program, channel: Channel, index: Index) -> None:
    index.wheel("six", "1.16.0", requires=["beta"])
    index.wheel("beta", "3.0")
    lay(reprun.directory, channel, "python", "pip", "beta=1", pip=["six"])
    _, found = got(reprun("run", "."))
    assert found["six"] == "1.16.0"
    assert found["beta"] == "1.0", "conda has it, and it suits"
    packages = {one["name"]: one for one in reprun.records()[0]["environment"]["packages"]}
    assert [packages[one].get("type", "pypi") for one in ("six", "beta")] == ["pypi", "conda"]
    shutil.rmtree(reprun.home / "cache")
    assert got(reprun("run", "."))[1] == found


def test_a_pip_section_without_pip(reprun: Program, channel: Channel, index: Index) -> None:
    index.wheel("six", "1.16.0")
    lay(reprun.directory, channel, "python", pip=["six"])
    said = reprun("run", ".")
    _, found = got(said)
    assert found["six"] == "1.16.0"
    assert "pip" in found
    assert "has no `pip`: it is added" in said.err


def test_a_pip_section_without_python_gets_pips(
    reprun: Program, channel: Channel, index: Index
) -> None:
    index.wheel("six", "1.16.0")
    lay(reprun.directory, channel, "tool", pip=["six"])
    assert got(reprun("run", "."))[1]["six"] == "1.16.0"


def test_post_link_scripts_are_off_and_that_is_said(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "scripted")
    said = reprun("run", ".")
    prefix, _ = got(said)
    assert said.err.count("the post-link scripts of scripted were not run") == 1
    assert "hint: pass `--link-scripts`" in said.err
    assert not list((reprun.home / "cache").rglob("post-link-ran"))
    assert "post-link" not in reprun("run", ".").err.replace("--link", ""), "said when it is built"
    said = reprun("run", ".", "--link-scripts")
    other, _ = got(said)
    assert other != prefix
    assert "post-link" not in said.err
    assert [str(path) for path in (reprun.home / "cache").rglob("post-link-ran")] == [
        f"{other}/post-link-ran"
    ]
    assert reprun.records()[-1]["request"]["link_scripts"] is True


def test_post_link_scripts_of_a_lock_run_if_asked(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "scripted")
    assert reprun("lock", ".").code == 0
    without, _ = got(reprun("run", "."))
    within, _ = got(reprun("run", ".", "--link-scripts"))
    assert without != within
    assert [str(path) for path in (reprun.home / "cache").rglob("post-link-ran")] == [
        f"{within}/post-link-ran"
    ]
    first, second = (one["environment"] for one in reprun.records())
    assert first["lock"]["sha256"] == second["lock"]["sha256"]
    assert (first["lock"].get("context"), second["lock"]["context"]) == (None, "link-scripts")


def test_link_scripts_mean_nothing_to_a_venv(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python")
    said = reprun("run", ".", "--link-scripts", "--env-manager", "venv")
    assert said.code == 0
    assert "warning: --link-scripts changes nothing" in said.err
    assert "hint: pass `--env-manager conda`" in said.err


def test_a_conflict_is_shown_with_the_lines_it_concerns(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "alpha=2", "gamma")
    said = reprun("run", ".")
    assert said.code == 125
    assert "error: conda.yaml: no set of packages satisfies all of it\n" in said.err
    assert "alpha 2.0 would require" in said.err
    assert "conda.yaml:4:5: `alpha=2`" in said.err
    assert "conda.yaml:5:5: `gamma`" in said.err
    assert said.err.splitlines()[-1].startswith("hint: ")
    assert reprun.records() == []
    document = reprun("run", ".", "--json").document
    assert document["error"]["code"] == "environment.conflict"


def test_names_in_the_wrong_case(reprun: Program, channel: Channel, index: Index) -> None:
    index.wheel("Six", "1.16.0")
    lay(reprun.directory, channel, "Python", "Alpha", "PIP", pip=["SIX"])
    _, found = got(reprun("run", "."))
    assert (found["alpha"], found["Six"]) == ("2.0", "1.16.0")


def test_a_dry_run_and_a_check_ask_for_little(reprun: Program, channel: Channel) -> None:
    lay(reprun.directory, channel, "python", "alpha")
    assert reprun("check", ".").code == 0
    said = reprun("run", ".", "--dry-run")
    assert said.code == 0, said
    assert channel.server.paths("*.conda") == []
    assert not (reprun.home / "cache" / "envs").exists()
