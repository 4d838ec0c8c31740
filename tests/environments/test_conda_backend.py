"""From a `conda.yaml` to an environment, with a real channel: solved, locked, linked, looked at."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runner.environments import interpreters, kinds
from runner.errors import DependencyConflict, NoSuchPackage
from runner.manifest.model import EnvironmentReference
from tests.support import conda_channel
from tests.support.conda_channel import module
from tests.support.conda_projects import yaml
from tests.support.conda_shelf import Channel

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Environment
    from tests.environments.conftest import Workshop

CONDA = EnvironmentReference(kind="conda_env", path="conda.yaml")
pytestmark = pytest.mark.usefixtures("conda_home")


def write(
    workshop: Workshop, channel: Channel, *dependencies: str, pip: tuple[str, ...] = ()
) -> None:
    workshop.project.write("conda.yaml", yaml([channel.url], *dependencies, pip=pip))


def versions(environment: Environment) -> dict[str, str]:
    return {one.name: one.version for one in environment.packages}


def said_by(environment: Environment, *argv: str) -> str:
    """What a program of the environment prints."""
    assert environment.path is not None
    program = str(environment.path / "bin" / argv[0])
    done = subprocess.run([program, *argv[1:]], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_conda_yaml_becomes_an_environment(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "python", "alpha", "tool")
    built = workshop.build(CONDA)
    own = {"python": conda_channel.python_version(), "alpha": "2.0", "beta": "2.0", "tool": "1.0"}
    assert versions(built) == own
    assert said_by(built, "tool") == f"tool 1.0 {built.path}"
    assert said_by(built, "python", "-c", "import alpha; print(alpha.__version__)") == "2.0"
    alpha = next(one for one in built.packages if one.name == "alpha")
    assert alpha.type == "conda"
    assert alpha.source == "main::alpha=2.0=py_0"
    assert alpha.sha256 is not None
    assert built.interpreter is not None
    assert built.interpreter.version == conda_channel.python_version()
    assert built.lock.python == conda_channel.python_version()
    assert built.lock.format == "conda-lock"


def test_what_is_asked_for_decides_what_else_comes(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "python", "alpha", "gamma")
    assert versions(workshop.build(CONDA))["alpha"] == "1.1"
    write(workshop, channel, "python", "beta", "wary")
    assert versions(workshop.build(CONDA))["beta"] == "1.0"


def test_a_pinned_build_is_the_one_that_comes(workshop: Workshop, channel: Channel) -> None:
    choice = module("choice", "1.0")
    channel.add(choice, replace(choice, build="py_1", build_number=1))
    write(workshop, channel, "python", "choice=1.0=py_0")
    _, lock = workshop.lock(CONDA)
    assert "choice-1.0-py_0.conda" in lock.text
    write(workshop, channel, "python", "choice")
    _, lock = workshop.lock(CONDA)
    assert "choice-1.0-py_1.conda" in lock.text


def test_names_in_the_wrong_case_are_found(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "Python", "Alpha=1.1", "TOOL")
    built = workshop.build(CONDA)
    assert versions(built)["alpha"] == "1.1"
    assert said_by(built, "tool") == f"tool 1.0 {built.path}"


def test_a_conflict_is_explained_with_the_lines_it_is_about(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "python", "alpha=2", "gamma")
    with pytest.raises(DependencyConflict) as caught:
        workshop.lock(CONDA)
    said = "\n".join((str(caught.value), *caught.value.details))
    assert "alpha 2.0 would require" in said
    assert "conda.yaml:4:5: `alpha=2`" in said
    assert "conda.yaml:5:5: `gamma`" in said
    assert "conda.yaml:3:5" not in said


def test_a_name_that_no_channel_has(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "python", "alhpa")
    with pytest.raises(
        NoSuchPackage, match=r"conda\.yaml:4:5: the conda package `alhpa`"
    ) as caught:
        workshop.lock(CONDA)
    assert caught.value.hint == "did you mean `alpha`?"
    write(workshop, channel, "python", "alpha=7")
    with pytest.raises(NoSuchPackage, match=r"conda\.yaml:4:5.*no such version") as caught:
        workshop.lock(CONDA)
    assert caught.value.hint == "there are 2.0, 1.1, 1.0"


def test_what_the_machine_lacks_is_named(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "python", "needs-cuda")
    with pytest.raises(DependencyConflict) as caught:
        workshop.lock(CONDA)
    assert caught.value.hint is not None
    assert "an NVIDIA driver" in caught.value.hint
    write(workshop, channel, "python", "needs-glibc")
    assert "needs-glibc-1.0" in workshop.lock(CONDA)[1].text


def test_what_the_machine_is_said_to_have_is_solved_for(
    workshop: Workshop, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "99.1")
    write(workshop, channel, "python", "needs-cuda")
    assert "needs-cuda-1.0" in workshop.lock(CONDA)[1].text


def test_another_python_takes_the_place_of_the_files_own(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "Python=2.7", "alpha")
    backend, spec = workshop.read(CONDA)
    own = conda_channel.python_version()
    for python in (own, f">={own}", f"=={own}"):
        lock = backend.lock(
            replace(spec, python=python),
            files=workshop.project,
            settings=workshop.settings,
            progress=workshop.heard,
        )
        assert lock.python == own
        assert "/alpha-2.0-" in lock.text


def test_a_noarch_package_is_at_home_in_every_python(workshop: Workshop, channel: Channel) -> None:
    own = conda_channel.python_version()
    other = _other_python(workshop)
    channel.add(conda_channel.python(other))
    write(workshop, channel, f"python={own}", "tool")
    first = workshop.build(CONDA)
    archive = channel.archive("tool-1.0-py_0")
    channel.server.asked.clear()
    version = conda_channel.python(other).version
    write(workshop, channel, f"python={version}", "tool")
    second = workshop.build(CONDA)
    short = ".".join(version.split(".")[:2])
    assert second.path is not None
    assert (second.path / "lib" / f"python{short}" / "site-packages" / "tool.py").is_file()
    assert said_by(second, "tool") == f"tool 1.0 {second.path}"
    assert said_by(second, "python", "-V") == f"Python {version}"
    assert second.lock.python == version
    assert versions(first)["python"] == own
    assert not channel.server.paths(f"*/{archive.name}"), "one package serves both"


def _other_python(workshop: Workshop) -> Path:
    own = conda_channel.python_version().split(".")[:2]
    for one in interpreters.installed(workshop.settings):
        minor = one.version.split(".")[:2]
        if minor != own and one.implementation == "cpython" and minor[0] == "3":
            return one.path
    pytest.skip("no Python but our own is installed")


def test_a_compiled_package_knows_its_prefix(workshop: Workshop, channel: Channel) -> None:
    if not list(channel.folder.glob("*/native-*")):
        pytest.skip("there is no compiler, or no header of Python")
    write(workshop, channel, "python", "native")
    built = workshop.build(CONDA)
    assert said_by(built, "where") == str(built.path)
    assert said_by(built, "python", "-c", "import native; print(native.answer())") == "42"


def test_channels_rank_in_the_order_of_the_file(workshop: Workshop, channel: Channel) -> None:
    better = Channel(channel.server, "better")
    better.add(module("alpha", "0.9"))
    for order, found in ((("better", "main"), "0.9"), (("main", "better"), "2.0")):
        addresses = [channel.server.channel(one) for one in order]
        workshop.project.write("conda.yaml", yaml(addresses, "python", "alpha"))
        built = workshop.build(CONDA)
        assert versions(built)["alpha"] == found


def test_one_package_of_another_channel(workshop: Workshop, channel: Channel) -> None:
    other = Channel(channel.server, "other")
    other.add(module("alpha", "0.9"))
    write(workshop, channel, "python", f"{other.url}::alpha")
    built = workshop.build(CONDA)
    assert [one.source for one in built.packages if one.name == "alpha"] == [
        "other::alpha=0.9=py_0"
    ]


def test_a_folder_is_a_channel_too(workshop: Workshop, channel: Channel) -> None:
    text = yaml([f"file://{channel.folder}"], "python", "alpha")
    workshop.project.write("conda.yaml", text)
    built = workshop.build(CONDA)
    assert versions(built)["alpha"] == "2.0"
    assert channel.server.asked == []


def test_a_change_by_hand_is_noticed_and_does_not_reach_the_next_environment(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "python", "alpha")
    first = workshop.build(CONDA)
    assert first.path is not None
    (file,) = first.path.glob("lib/python*/site-packages/alpha.py")
    with file.open("a") as opened:
        opened.write("__version__ = 'forged'\n")
    again = workshop.build(CONDA)
    assert not again.reused
    assert again.fingerprint == first.fingerprint
    assert any("changed by hand" in text for text in workshop.heard.warnings)
    for environment in (again, _with_tool(workshop, channel)):
        code = "import alpha; print(alpha.__version__)"
        assert said_by(environment, "python", "-c", code) == "2.0"


def test_a_changed_file_of_pips_does_not_reach_the_next_environment(
    workshop: Workshop, channel: Channel
) -> None:
    workshop.index.wheel("six", "1.16.0")
    write(workshop, channel, "python", pip=("six",))
    first = workshop.build(CONDA)
    assert first.path is not None
    (file,) = first.path.glob("lib/python*/site-packages/six/__init__.py")
    before = file.read_text()
    with file.open("r+") as opened:  # which is uv's own file as well, where it could link
        opened.write(before.replace("1.16.0", "6.66.6"))
    again = workshop.build(CONDA)
    assert not again.reused
    assert file.read_text() == before


def _with_tool(workshop: Workshop, channel: Channel) -> Environment:
    write(workshop, channel, "python", "alpha", "tool")
    return workshop.build(CONDA)


def test_two_environments_of_one_lock_have_one_fingerprint(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "python", "alpha", "tool", "scripted")
    first = workshop.build(CONDA)
    assert first.path is not None
    shutil.rmtree(workshop.settings.cache)
    second = workshop.build(CONDA)
    assert not second.reused
    assert second.fingerprint == first.fingerprint
    assert second.packages == first.packages


def test_an_older_day_has_older_packages(workshop: Workshop, channel: Channel) -> None:
    write(workshop, channel, "python", "alpha")
    _, lock = workshop.lock(CONDA, as_of="2021-01-01T00:00:00Z")
    assert "alpha-1.0-" in lock.text
    _, lock = workshop.lock(CONDA, as_of="2021-10-01T00:00:00Z")
    assert "alpha-1.1-" in lock.text
    _, lock = workshop.lock(CONDA)
    assert "alpha-2.0-" in lock.text


def test_what_packages_set_when_activated_reaches_the_step(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "python", "scripted")
    built = workshop.build(CONDA)
    assert built.path is not None
    activation = kinds.load("conda").activate(built.path)
    variables: dict[str, Any] = dict(activation.variables)
    assert variables["ACTED"] == variables["CONDA_PREFIX"] == str(built.path)
    assert variables["SCRIPTED"] == "yes"
    assert activation.path == (built.path / "bin",)
    meta = json.loads((built.path / "conda-meta" / "scripted-1.0-0.json").read_text())
    assert meta["name"] == "scripted"


def test_an_environment_without_its_python_is_not_healthy(
    workshop: Workshop, channel: Channel
) -> None:
    write(workshop, channel, "python", "alpha")
    built = workshop.build(CONDA)
    backend = kinds.load("conda")
    assert built.path is not None
    assert backend.health(built.lock, built.path) is None
    (library,) = built.path.glob("lib/python3*")
    assert backend.activate(built.path).bytecode == {library: built.path / "bytecode"}
    (built.path / "bin" / "python").unlink()
    assert backend.health(built.lock, built.path) == "its Python is gone"
    assert backend.health(replace(built.lock, python=None), built.path) is None
    shutil.rmtree(built.path / "conda-meta")
    assert backend.health(built.lock, built.path) == "it has no conda-meta"
