"""A project's own packages: over the shared environment, never in it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner import pipeline, reopen
from runner.environments import ensure, layer
from runner.errors import BuildFailure, EnvironmentFailure
from runner.manifest.model import EnvironmentReference
from runner.request import Request
from runner.source.model import Checkout
from tests.support.index import package_files, write_package

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Activation, Environment
    from tests.environments.conftest import Workshop

REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
MANIFEST = """\
entry_points:
  main:
    command: "python -c 'import mine, alpha; print(mine.VERSION, alpha.VERSION)'"
"""
PYPROJECT = EnvironmentReference(kind="pyproject", path="pyproject.toml")


def built(
    workshop: Workshop, reference: EnvironmentReference, as_of: str | None = None
) -> tuple[Environment, Activation]:
    backend, lock = workshop.lock(reference, as_of=as_of)
    environment = ensure.ensure(
        backend, lock, files=workshop.project, settings=workshop.settings, progress=workshop.heard
    )
    checkout = Checkout(root=workshop.project.root, project=workshop.project.root)
    activation = layer.install(
        lock, environment, checkout, settings=workshop.settings, progress=workshop.heard
    )
    return environment, activation


def ask(activation: Activation, code: str) -> str:
    done = subprocess.run(
        [activation.path[0] / "python", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return done.stdout.strip()


@pytest.mark.parametrize("line", ["-e ./lib", "./lib", "-e lib", "mine @ ./lib", "file:lib"])
def test_a_package_of_the_project_lies_in_a_layer_over_its_dependencies(
    workshop: Workshop, line: str
) -> None:
    workshop.index.wheel("alpha", "1.0")
    write_package(workshop.project.root / "lib", "mine", requires=["alpha"])
    workshop.project.write("requirements.txt", f"{line}\n")
    environment, activation = built(workshop, REQUIREMENTS)
    assert {one.name for one in environment.packages} == {"alpha", "pip", "setuptools", "wheel"}
    assert "mine" not in environment.lock.text
    assert ask(activation, "import mine, alpha; print(mine.VERSION, alpha.VERSION)") == "1.0 1.0"
    found = ask(activation, "import mine; print(mine.__file__)")
    assert found.startswith(str(workshop.project.root)) == line.startswith("-e")


def test_a_run_and_its_shell_see_the_projects_own_package(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write_package(workshop.project.root / "lib", "mine", requires=["alpha"])
    workshop.project.write("requirements.txt", "./lib\n").write("MLproject", MANIFEST)
    root, homes = workshop.project.root, workshop.settings
    run = pipeline.run(Request(uri=str(root), caller=root), settings=homes)
    assert (run.status, run.directory is not None) == ("finished", True)
    assert run.directory is not None
    assert (run.directory / "stdout.log").read_text() == "1.0 1.0\n"
    assert [package.path for package in run.environment.local_packages] == ["lib"]
    with reopen.reopened(run.id, settings=homes, progress=workshop.heard) as opened:
        assert opened.start("python -c 'import mine, alpha'") == 0


def test_the_base_is_shared_by_every_version_of_the_project(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write_package(workshop.project.root / "lib", "mine", requires=["alpha"])
    workshop.project.write("requirements.txt", "./lib\n")
    first, before = built(workshop, REQUIREMENTS)
    workshop.project.write("lib/mine/__init__.py", "VERSION = 'changed'\n")
    second, after = built(workshop, REQUIREMENTS)
    assert second.reused
    assert second.path == first.path
    assert second.lock.made == "reused"
    assert ask(before, "import mine; print(mine.VERSION)") == "1.0"
    assert ask(after, "import mine; print(mine.VERSION)") == "changed"


def test_a_warm_layer_starts_no_program(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(workshop.project.root, "mine")
    first = built(workshop, PYPROJECT)[1]
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("subprocess.Popen", None)
    assert built(workshop, PYPROJECT)[1] == first


def test_scripts_of_the_base_see_the_project(workshop: Workshop) -> None:
    workshop.index.wheel(
        "tool",
        "1.0",
        files={"tool.py": "def main():\n    import mine\n    print(mine.VERSION)\n"},
        scripts={"tool": "tool:main"},
    )
    write_package(workshop.project.root / "lib", "mine", requires=["tool"])
    workshop.project.write("requirements.txt", "-e ./lib\n")
    _, activation = built(workshop, REQUIREMENTS)
    done = subprocess.run(
        ["tool"],
        env={"PATH": ":".join(map(str, activation.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1.0\n"


def test_a_pth_file_of_the_base_counts_in_the_layer(workshop: Workshop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "hidden.py").write_text("FOUND = 1\n")
    workshop.index.wheel("pointer", "1.0", files={"pointer.pth": f"{elsewhere}\n"})
    write_package(workshop.project.root / "lib", "mine", requires=["pointer"])
    workshop.project.write("requirements.txt", "-e ./lib\n")
    assert ask(built(workshop, REQUIREMENTS)[1], "import hidden; print(hidden.FOUND)") == "1"


def test_building_a_copy_leaves_nothing_in_the_checkout(workshop: Workshop) -> None:
    write_package(workshop.project.root / "lib", "mine")
    workshop.project.write("requirements.txt", "./lib\n")
    before = sorted(map(str, workshop.project.root.rglob("*")))
    built(workshop, REQUIREMENTS)
    assert sorted(map(str, workshop.project.root.rglob("*"))) == before


def test_a_project_that_is_a_package_is_installed_editable(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    write_package(workshop.project.root, "mine", requires=["alpha"])
    environment, activation = built(workshop, PYPROJECT)
    assert environment.lock.local_packages[0].editable
    assert ask(activation, "import mine, alpha; print(mine.__file__)").startswith(
        str(workshop.project.root)
    )


def test_extras_and_wheels_of_the_project(workshop: Workshop) -> None:
    from tests.support.index import wheel_bytes

    workshop.index.wheel("alpha", "1.0")
    workshop.index.wheel("beta", "1.0")
    files = package_files("mine", "1.0")
    for path, text in files.items():
        extra = '[project.optional-dependencies]\nmore = ["alpha"]\n' if "toml" in path else ""
        workshop.project.write(f"lib/{path}", text + extra)
    content = wheel_bytes("vendored", "3.0", requires=["beta"])
    (workshop.project.root / "vendored-3.0-py3-none-any.whl").write_bytes(content)
    workshop.project.write("requirements.txt", "-e ./lib[more]\n./vendored-3.0-py3-none-any.whl\n")
    environment, activation = built(workshop, REQUIREMENTS)
    assert {"alpha", "beta"} <= {one.name for one in environment.packages}
    assert ask(activation, "import mine, vendored; print(vendored.VERSION)") == "3.0"


def test_a_setup_py_is_asked_what_it_depends_on(workshop: Workshop) -> None:
    workshop.index.wheel("alpha", "1.0")
    workshop.project.write(
        "setup.py",
        "from setuptools import setup\n"
        "setup(name='old', version='1', install_requires=open('needs.txt').read().split())\n",
    )
    workshop.project.write("needs.txt", "alpha\n").write("requirements.txt", "-e .\n")
    real_setuptools(workshop)
    _, lock = workshop.lock(REQUIREMENTS)
    assert "alpha==1.0" in lock.text


@pytest.mark.parametrize("line", ["./lib", "-e ./lib"])
def test_a_package_of_the_project_that_does_not_build(workshop: Workshop, line: str) -> None:
    write_package(workshop.project.root / "lib", "mine")
    with (workshop.project.root / "lib" / "_backend.py").open("a") as backend:
        backend.write("raise RuntimeError('no way')\n")
    write_package(workshop.project.root / "good", "good")
    workshop.project.write("requirements.txt", f"-e ./good\n{line}\n")
    with pytest.raises(BuildFailure) as caught:
        built(workshop, REQUIREMENTS)
    assert caught.value.message == "`lib` can't be built: its own build fails"
    assert "the fault is the project's" in (caught.value.hint or "")
    assert any("no way" in line for line in caught.value.details)
    assert workshop.heard.warnings == []


def test_a_setup_that_can_not_say_what_it_depends_on(workshop: Workshop) -> None:
    real_setuptools(workshop)
    workshop.project.write("lib/setup.py", "raise RuntimeError('no way')\n")
    workshop.project.write("requirements.txt", "./lib\n")
    with pytest.raises(BuildFailure) as caught:
        workshop.lock(REQUIREMENTS)
    assert caught.value.message == "`lib` can't be built: its own build fails"
    assert any("no way" in line for line in caught.value.details)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-e ./nowhere", "it isn't in the project|has no pyproject.toml"),
        ("-e /opt/mine", "lies outside of the project"),
        ("file:///opt/mine.whl", "lies outside of the project"),
        ("-e ./data", "it has no pyproject.toml and no setup.py"),
    ],
)
def test_a_path_that_is_no_package_of_the_project(workshop: Workshop, line: str, said: str) -> None:
    workshop.project.write("data/x.csv", "1\n").write("requirements.txt", f"{line}\n")
    with pytest.raises(EnvironmentFailure, match=said):
        workshop.read(REQUIREMENTS)


def test_a_link_out_of_the_checkout_is_not_followed(workshop: Workshop, tmp_path: Path) -> None:
    write_package(tmp_path / "outside", "mine")
    (workshop.project.root / "lib").symlink_to(tmp_path / "outside")
    workshop.project.write("requirements.txt", "-e ./lib\n")
    with pytest.raises(EnvironmentFailure, match="leads out of the project"):
        built(workshop, REQUIREMENTS)


def test_extras_that_name_other_extras(workshop: Workshop) -> None:
    for name in ("alpha", "beta"):
        workshop.index.wheel(name, "1.0")
    write_package(workshop.project.root / "lib", "mine")
    path = workshop.project.root / "lib" / "pyproject.toml"
    path.write_text(
        path.read_text() + "[project.optional-dependencies]\n"
        'one = ["alpha"]\ntwo = ["beta", "mine[one]"]\nall = ["mine[one,two]"]\n'
    )
    workshop.project.write("requirements.txt", "./lib[all]\n")
    _, lock = workshop.lock(REQUIREMENTS)
    assert "alpha==1.0" in lock.text
    assert "beta==1.0" in lock.text


def test_an_editable_that_compiles_into_the_checkout_is_not_kept(workshop: Workshop) -> None:
    write_package(workshop.project.root / "lib", "mine")
    backend = workshop.project.root / "lib" / "_backend.py"
    backend.write_text(
        backend.read_text().replace(
            "def build_editable(folder, config=None, metadata=None):\n",
            "def build_editable(folder, config=None, metadata=None):\n"
            "    pathlib.Path('mine/fast.so').write_text('compiled')\n",
        )
    )
    workshop.project.write("requirements.txt", "-e ./lib\n")
    built(workshop, REQUIREMENTS)
    compiled = workshop.project.root / "lib" / "mine" / "fast.so"
    compiled.unlink()
    built(workshop, REQUIREMENTS)
    assert compiled.exists()


def test_a_backend_older_than_editable_wheels_installs_a_copy(workshop: Workshop) -> None:
    write_package(workshop.project.root / "lib", "mine")
    backend = workshop.project.root / "lib" / "_backend.py"
    backend.write_text(backend.read_text().replace("def build_editable(", "def other("))
    workshop.project.write("requirements.txt", "-e ./lib\n")
    _, activation = built(workshop, REQUIREMENTS)
    assert ask(activation, "import mine; print(mine.VERSION)") == "1.0"
    assert any("can't be installed editable here" in text for text in workshop.heard.warnings)


def real_setuptools(workshop: Workshop) -> None:
    """The index serves the setuptools that virtualenv carries: a `setup.py` needs a real one."""
    from virtualenv.seed.wheels.embed import BUNDLE_FOLDER

    for wheel in BUNDLE_FOLDER.glob("setuptools-*.whl"):
        workshop.index.add("setuptools", wheel.name, wheel.read_bytes())


def test_an_editable_of_a_day_before_there_were_any_is_one_all_the_same(workshop: Workshop) -> None:
    code = package_files("mine", "1.0")["_backend.py"]
    before, _ = code.split("def build_editable")
    for version, day, text in (("1.0", "2020-01-01", before), ("2.0", "2024-01-01", code)):
        files = {"maker.py": text}
        workshop.index.wheel("maker", version, files=files, uploaded=f"{day}T00:00:00Z")
    write_package(workshop.project.root, "mine")
    head = '[build-system]\nrequires = ["maker"]\nbuild-backend = "maker"\n'
    workshop.project.write("pyproject.toml", f'{head}[project]\nname = "mine"\nversion = "1.0"\n')
    _, activation = built(workshop, PYPROJECT, "2021-01-01T00:00:00Z")
    assert ask(activation, "import mine; print(mine.__file__)").startswith(
        str(workshop.project.root)
    )
    assert not any("a copy of it is installed" in text for text in workshop.heard.warnings)
