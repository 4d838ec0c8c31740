"""A step that newer packages broke is told of `--as-of`, another how to add a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.running import newer_packages
from tests.support import samples

if TYPE_CHECKING:
    from tests.support.index import Index
    from tests.support.program import Program

MANIFEST = """\
python_env: python_env.yaml
entry_points:
  main:
    command: "python step.py"
"""
VERSIONS = {"numpy": "2.3.1", "scikit-learn": "1.7.2", "pandas": "3.0", "protobuf": "5.0",
            "setuptools": "82.0", "flask": "3.0"}  # fmt: skip
OWN = 'File "/x/step.py", line 3, in <module>'
SITE = 'File "/x/lib/python3.11/site-packages/flask/app.py", line 3, in <module>'


@pytest.fixture
def numpy(reprun: Program, index: Index) -> Program:
    """Numpy of 2021 has `msort`, that of 2025 has not; the sample's commit is of 2 January 2024."""
    for version, day, code in (("1.0", "2021-01-01", "msort = float\n"), ("2.0", "2025-01-01", "")):
        files = {"numpy.py": code}
        index.wheel("numpy", version, uploaded=f"{day}T00:00:00Z", files=files)
    return reprun


def commit(program: Program, step: str, environment: str = "dependencies: [numpy]\n") -> None:
    samples.commit(program.directory, MANIFEST, python_env_yaml=environment, step_py=step)


USES = "import numpy\nprint(numpy.msort(1))\n"


def test_what_a_newer_package_has_no_more(numpy: Program) -> None:
    commit(numpy, USES)
    said = numpy("run", ".")
    assert said.code == 1
    assert (
        "warning: numpy 2.0 has no `msort`; the project's commit is of 2024-01-02, and names no "
        "version of numpy\nhint: pass `--as-of commit` for the packages of that day\n"
    ) in said.err
    assert "has no `msort`" in numpy.records()[0]["warnings"][-1]
    assert numpy("run", ".", "--as-of", "commit").out == "1.0\n"


@pytest.mark.parametrize(
    ("error", "told"), [("KeyError(1518)", True), ("FileNotFoundError('data.csv')", False)]
)
def test_an_error_inside_of_a_much_newer_package(
    reprun: Program, index: Index, error: str, *, told: bool
) -> None:
    files = {"pandas/__init__.py": f"def get(x):\n    raise {error}\n"}
    index.wheel("pandas", "2.0", uploaded="2025-06-01T00:00:00Z", files=files)
    step = "import pandas\npandas.get(1518)\n"
    commit(reprun, step, "dependencies: [pandas]\n")
    said = reprun("run", ".")
    assert said.code == 1
    words = "pandas 2.0 does not take what the step does; the project's commit is of 2024-01-02"
    assert (words in said.err) is told
    assert ("hint: pass `--as-of commit`" in said.err) is told


def test_without_a_commit_the_hint_asks_for_a_date(numpy: Program) -> None:
    files = {"python_env_yaml": "dependencies: [numpy]\n", "step_py": USES}
    samples.lay(numpy.directory, MANIFEST, **files)
    assert "hint: pass `--as-of DATE` for the packages of that day" in numpy("run", ".").err


@pytest.mark.parametrize(
    ("environment", "flags"),
    [
        ("dependencies: ['numpy==2.0']\n", ()),  # the project's own choice
        ("dependencies: [numpy]\n", ("--as-of", "2026-01-01")),
        ("dependencies: [numpy]\n", ("--env-manager", "local")),
    ],
)
def test_nothing_is_suggested_that_would_not_help(
    numpy: Program, environment: str, flags: tuple[str, ...]
) -> None:
    commit(numpy, USES, environment)
    said = numpy("run", ".", *flags)
    assert said.code == 1
    assert "pass `--as-of" not in said.err


def test_a_package_of_the_day_that_is_asked_for_may_build(numpy: Program, index: Index) -> None:
    index.sdist("numpy", "3.0", fail="raise SystemExit('no compiler')")
    commit(numpy, USES, "dependencies: ['numpy>=3']\n")
    said = numpy("run", ".")
    assert said.code == 125
    assert "or pass `--as-of commit`: the packages of 2024-01-02, when the commit" in said.err


def test_an_undeclared_package_can_be_added(numpy: Program, index: Index) -> None:
    index.wheel("scikit-learn", "1.0", files={"sklearn.py": "NAME = 'found'\n"})
    index.wheel("scipy", "1.0")
    commit(numpy, "import sklearn\nprint(sklearn.NAME)\n")
    said = numpy("run", ".")
    assert "the step imports `sklearn`, and the project does not declare `scikit-learn`" in said.err
    assert "hint: add it to python_env.yaml, or pass `--add-package scikit-learn`" in said.err
    record = numpy.record(".", "--add-package", "scikit-learn<2", "--add-package", "numpy==1.0")
    found = {one["name"]: one["version"] for one in record["environment"]["packages"]}
    assert (found["scikit-learn"], found["numpy"]) == ("1.0", "1.0")
    assert record["request"]["add_packages"] == ["scikit-learn<2", "numpy==1.0"]
    assert numpy("run", ".").code == 1  # the lock without it is another one


def test_all_that_is_undeclared_is_said_at_once(numpy: Program) -> None:
    (numpy.directory / "parts").mkdir()
    (numpy.directory / "parts" / "__init__.py").write_text(
        "import os, cv2, numpy\nfrom . import x\n"
    )
    (numpy.directory / "parts" / "x.py").write_text("")
    commit(numpy, "import json\nimport sklearn.tree\nfrom parts import x\nfrom yaml import load\n")
    said = numpy("run", ".")
    assert (
        "the step imports `sklearn`, `yaml`, `cv2`, and the project does not declare "
        "`scikit-learn`, `pyyaml` and `opencv-python-headless`"
    ) in said.err
    assert (
        "hint: add them to python_env.yaml, or pass `--add-package scikit-learn --add-package "
        "pyyaml --add-package opencv-python-headless`"
    ) in said.err


def test_a_module_of_the_project_is_no_package(numpy: Program) -> None:
    (numpy.directory / "src").mkdir()
    (numpy.directory / "src" / "own.py").write_text("")
    commit(numpy, "import own\n")
    assert "does not declare" not in numpy("run", ".").err


def test_a_package_can_be_left_out(numpy: Program, index: Index) -> None:
    index.wheel("scikit-learn", "0.23.2", files={"sklearn.py": "NAME = 'found'\n"})
    index.wheel("scipy", "1.0")
    wanted = "dependencies: ['sckit-learn==0.23.2', numpy]\n"
    commit(numpy, "import sklearn\nprint(sklearn.NAME)\n", wanted)
    said = numpy("run", ".")
    flags = ("--drop-package", "sckit-learn", "--add-package", "scikit-learn==0.23.2")
    assert "pass `--drop-package sckit-learn --add-package 'scikit-learn==0.23.2'`" in said.err
    record = numpy.record(".", *flags)
    assert record["request"]["drop_packages"] == ["sckit-learn"]
    said = numpy("run", ".", "--drop-package", "nunpy")
    assert said.code == 2
    assert "`--drop-package nunpy`: the project asks for no such package" in said.err
    assert "hint: did you mean `numpy`?" in said.err


def test_another_environment_file(numpy: Program, index: Index) -> None:
    index.wheel("alpha", "1.0")
    commit(numpy, "import alpha\nprint(alpha.VERSION)\n", "dependencies: [nothing-like-it]\n")
    (numpy.directory / "other.txt").write_text("alpha\n")
    record = numpy.record(".", "--env-file", "other.txt")
    assert record["request"]["env_file"] == "other.txt"
    assert "alpha" in {one["name"] for one in record["environment"]["packages"]}
    assert numpy("run", ".", "--env-file", "gone.txt").code == 2


def test_a_lock_of_ours_gives_way_and_any_other_stays(numpy: Program, index: Index) -> None:
    digest = index.wheel("alpha", "1.0")
    commit(numpy, "import alpha, numpy\n")
    assert numpy("lock").code == 0
    assert "add `alpha` to what python_env.yaml is made from" in numpy("run", ".").err
    assert numpy("run", ".", "--add-package", "alpha").code == 0
    text = f"alpha==1.0 --hash=sha256:{digest}\n"
    (numpy.directory / "requirements.txt").write_text(text)
    (numpy.directory / "MLproject").write_text(
        MANIFEST.replace("python_env.yaml", "python_env.yml")
    )
    (numpy.directory / "python_env.yml").write_text("dependencies:\n- -r requirements.txt\n")
    said = numpy("run", ".", "--add-package", "numpy")
    assert "--add-package changes nothing: the project's own lock is used as it is" in said.err


def test_another_python(numpy: Program) -> None:
    commit(numpy, "import sys\nprint(sys.version_info[:2])\n", "python: '3.3'\n")
    assert numpy("run", ".").code == 125
    said = numpy("run", ".", "--python", ">=3.11")
    assert said.code == 0, said.err
    assert numpy.records()[0]["request"]["python"] == ">=3.11"
    said = numpy("run", ".", "--python", "3.11", "--env-manager", "local")
    assert "--python changes nothing: `local` is used as it is" in said.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AttributeError: module 'numpy' has no attribute 'bool'", "numpy 2.3.1 has no `bool`"),
        ("AttributeError: module 'numpy.core' has no attribute 'x'", "numpy 2.3.1 has no `core.x`"),
        ("AttributeError: `np.NaN` was removed in NumPy 2.0.", "numpy 2.3.1 has no `NaN`"),
        ("ModuleNotFoundError: No module named 'sklearn.externals'",
         "scikit-learn 1.7.2 has no module `sklearn.externals`"),
        ("ImportError: cannot import name 'imputer' from 'sklearn.preprocessing' (/x/__init__.py)",
         "scikit-learn 1.7.2 has no `imputer` in `sklearn.preprocessing`"),
        ("AttributeError: 'DataFrame' object has no attribute 'append'. Did you mean: '_append'?",
         "pandas 3.0 has no `DataFrame.append`"),
        ("TypeError: Descriptors cannot not be created directly.",
         "protobuf 5.0 does not load what older packages generated"),
        ("ValueError: numpy.dtype size changed, may indicate binary incompatibility",
         "a package was compiled for an older numpy than 2.3.1"),
        ("ModuleNotFoundError: No module named 'pkg_resources'",
         "setuptools 82.0 has no module `pkg_resources`"),
        ("ModuleNotFoundError: No module named 'imp'", "Python 3.12 has no module `imp`"),
        ("AttributeError: module 'collections' has no attribute 'Mapping'",
         "Python 3.12 has no `Mapping`"),
        (f"  {OWN}\nTypeError: Encoder.__init__() got an unexpected keyword argument 'sparse'",
         "`Encoder.__init__` takes no `sparse` any more"),
        (f"  {SITE}\nTypeError: run() got an unexpected keyword argument 'x'",
         "flask 3.0 and a package that it meets do not fit each other"),
        (f"  {SITE}\nImportError: cannot import name 'escape' from 'jinja2' (/x)",
         "flask 3.0 and a package that it meets do not fit each other"),
        ("pkg_resources.ContextualVersionConflict: (click 8.1 (/x), Requirement.parse('click<8'))",
         "click 8.1 is another version than a package asks for"),
    ],
)  # fmt: skip
def test_the_failures_that_newer_packages_explain(text: str, said: str) -> None:
    cause = newer_packages.cause_of(f"Traceback:\n{text}\n", VERSIONS, "3.12.1")
    assert cause is not None
    assert cause.said == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ModuleNotFoundError: No module named 'own'",
        "ImportError: cannot import name 'x' from 'own.part' (/x/own/part.py)",
        "AttributeError: module 'own' has no attribute 'x'",
        "AttributeError: 'NoneType' object has no attribute 'x'",
        "ValueError: a value of the step's own",
        f"  {SITE}\nValueError: no such table",
    ],
)
def test_failures_that_are_the_steps_own(text: str) -> None:
    assert newer_packages.cause_of(f"Traceback:\n{text}\n", VERSIONS, "3.12.1") is None


def test_names_that_numpy_dropped_before_the_day_of_the_project(
    reprun: Program, index: Index
) -> None:
    error = "def __getattr__(name):\n    raise AttributeError("
    error += "f\"module 'numpy' has no attribute '{name}'.\")\n"
    for version, day, code in (
        ("1.23.5", "2022-11-20", "float = float\n"),
        ("1.26", "2023-09-16", error),
    ):
        files = {"numpy/__init__.py": code}
        index.wheel("numpy", version, uploaded=f"{day}T00:00:00Z", files=files)
    commit(reprun, "import numpy\nprint(numpy.float(1))\n")
    for flags in ((), ("--as-of", "commit")):
        said = reprun("run", ".", *flags)
        assert said.code == 1
        assert "numpy has no `float` from 1.24 on" in said.err
        assert "hint: pass `--add-package 'numpy<1.24'`" in said.err
    assert reprun("run", ".", "--add-package", "numpy<1.24").out == "1.0\n"
