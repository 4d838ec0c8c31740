"""Reading a project's own files: python_env.yaml, requirement files, pyproject.toml."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runner.environments import requirements
from runner.environments.python_env import read_python_env
from runner.errors import EnvironmentFailure
from runner.manifest.model import EnvironmentReference
from tests.environments.conftest import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Spec

PYTHON_ENV = EnvironmentReference(kind="python_env", path="python_env.yaml")
REQUIREMENTS = EnvironmentReference(kind="requirements", path="requirements.txt")
PYPROJECT = EnvironmentReference(kind="pyproject", path="pyproject.toml")


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def read(project: Folder, reference: EnvironmentReference, as_of: str | None = None) -> Spec:
    from runner.environments import venv

    return venv.read(reference, project, as_of=as_of)


def test_python_is_the_text_of_the_file(project: Folder) -> None:
    project.write("python_env.yaml", "python: 3.10\n")
    assert read(project, PYTHON_ENV).python == "3.10"
    project.write("python_env.yaml", 'python: "3.8.15"\n')
    assert read(project, PYTHON_ENV).python == "3.8.15"


def test_a_python_env_as_mlflow_writes_it(project: Folder) -> None:
    project.write(
        "python_env.yaml",
        'python: "3.11"\nbuild_dependencies:\n  - pip==23.0\n  - setuptools\n'
        "dependencies:\n  - -r requirements.txt\n  - six>=1.10  # why\n"
        "  - requests[socks]>=2; python_version < '4'\n",
    )
    project.write("requirements.txt", "numpy<3\n")
    spec = read(project, PYTHON_ENV)
    assert spec.build_requirements == ("pip==23.0", "setuptools")
    assert spec.requirements == (
        "numpy<3", "six>=1.10", "requests[socks]>=2; python_version < '4'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python: [3]\n", "`python` must be a version, not a list"),
        ("dependencies: six\n", "`dependencies` must be a list, not text"),
        (
            "python: 3.9\ndependencies:\n  - conda:\n    - six\n",
            r"must hold requirements, not a mapping \(`conda`\)",
        ),
        ("- six\n", "must be a mapping with python, build_dependencies, dependencies"),
        ("python: 3.10\n\tdependencies:\n", r"python_env.yaml:2:1: not YAML"),
        ("python: &a [*a]\n", "`python` must be a version|not YAML"),
        ("dependencies:\n  - ???\n", "`\\?\\?\\?` is no requirement"),
        ("dependencies:\n  - -r gone.txt\n", "the file `gone.txt` isn't in the project"),
        ("dependencies:\n  - --frobnicate\n", "no option that is known here"),
    ],
)
def test_a_python_env_that_is_wrong(project: Folder, text: str, said: str) -> None:
    project.write("python_env.yaml", text)
    with pytest.raises(EnvironmentFailure, match=said):
        read(project, PYTHON_ENV)


def test_a_list_below_pip_is_taken_for_what_it_is(project: Folder) -> None:
    project.write("python_env.yaml", "python: 3.9\ndependencies:\n  - one\n  - pip:\n    - two\n")
    spec = read(project, PYTHON_ENV)
    assert (spec.python, spec.requirements) == ("3.9", ("one", "two"))
    assert spec.warnings == (
        "python_env.yaml: a list below `pip:` is conda's; its entries count as dependencies",
    )


def test_a_python_env_that_is_condas_file_is_read_as_one(project: Folder) -> None:
    project.write(
        "python_env.yaml",
        "channels: [conda-forge]\ndependencies:\n  - python=3.9\n  - pytorch=2.1\n  - pip: [two]\n",
    )
    spec = read(project, PYTHON_ENV)
    assert (spec.python, spec.requirements) == ("3.9", ("torch==2.1.*", "two"))
    assert spec.warnings[0] == (
        "python_env.yaml is a conda file, though `python_env` names it: it is read as one"
    )


def test_a_python_env_that_is_missing_or_no_text(project: Folder) -> None:
    with pytest.raises(EnvironmentFailure, match=r"`python_env.yaml` isn't in the project"):
        read(project, PYTHON_ENV)
    (project.root / "python_env.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(EnvironmentFailure, match="not UTF-8 text"):
        read(project, PYTHON_ENV)


def test_an_empty_python_env_asks_for_nothing(project: Folder) -> None:
    for text in ("", "dependencies:\n", "dependencies: []\n"):
        project.write("python_env.yaml", text)
        assert read(project, PYTHON_ENV).requirements == ()


def test_an_unknown_key_is_a_warning_with_a_suggestion(project: Folder) -> None:
    project.write("python_env.yaml", "dependancies:\n  - six\n")
    assert read(project, PYTHON_ENV).warnings == (
        "python_env.yaml: the unknown key `dependancies` is ignored; did you mean `dependencies`?",
    )


@given(st.text(max_size=60))
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused(project: Folder, text: str) -> None:
    (project.root / "python_env.yaml").write_text(text, encoding="utf-8", errors="replace")
    (project.root / "r.txt").write_text(text, encoding="utf-8", errors="replace")
    for reader in (read_python_env, requirements.read_file):
        path = "python_env.yaml" if reader is read_python_env else "r.txt"
        with contextlib.suppress(EnvironmentFailure):
            assert reader(project, path) is not None


def test_requirement_files_as_pip_reads_them(project: Folder) -> None:
    project.write(
        "requirements.txt",
        "# all\n-r sub/more.txt\n--requirement=sub/again.txt\n-c limits.txt\n"
        "--extra-index-url https://example.org/simple\n-i https://example.org/main\n--pre\n"
        "numpy \\\n  >=1.2 # comment\nhttps://example.org/x-1.0.tar.gz\n"
        "git+https://example.org/y.git@main#egg=y\n-e git+https://example.org/z.git#egg=z\n"
        "--trusted-host example.org\n",
    )
    project.write("sub/more.txt", "six\n-c ../limits.txt\n")
    project.write("sub/again.txt", "-r more.txt\nattrs\n").write("limits.txt", "six<2\n")
    spec = read(project, REQUIREMENTS)
    assert spec.requirements == (
        "six", "attrs", "numpy    >=1.2", "https://example.org/x-1.0.tar.gz",
        "git+https://example.org/y.git@main#egg=y", "git+https://example.org/z.git#egg=z",
    )  # fmt: skip
    assert spec.extra["constraints"].splitlines() == ["six<2"] * 3
    assert spec.extra["options"].splitlines() == [
        "--extra-index-url https://example.org/simple",
        "--index-url https://example.org/main",
        "--pre",
    ]


def test_requirement_files_that_include_each_other(project: Folder) -> None:
    project.write("requirements.txt", "-r b.txt\n").write("b.txt", "-r requirements.txt\n")
    with pytest.raises(EnvironmentFailure) as caught:
        read(project, REQUIREMENTS)
    assert "requirements.txt → b.txt → requirements.txt" in caught.value.message


def test_a_missing_included_file_says_who_asked(project: Folder) -> None:
    project.write("requirements.txt", "six\n-r gone.txt\n")
    with pytest.raises(EnvironmentFailure, match=r"requirements.txt:2: the file `gone.txt`"):
        read(project, REQUIREMENTS)


def test_a_partly_hashed_file_is_no_lock(project: Folder) -> None:
    digest = "0" * 64
    project.write("requirements.txt", f"a==1 --hash=sha256:{digest}\nb==1\n")
    assert read(project, REQUIREMENTS).lock_text is None
    project.write("requirements.txt", f"a==1 --hash=sha256:{digest}\n")
    assert read(project, REQUIREMENTS).lock_format == "requirements"


def test_what_decides_the_lock_changes_the_digest(project: Folder) -> None:
    project.write("requirements.txt", "six\n")
    first = read(project, REQUIREMENTS).digest
    assert read(project, REQUIREMENTS).digest == first
    assert read(project, REQUIREMENTS, as_of="2024-01-01T00:00:00Z").digest != first
    project.write(".python-version", "3.12\n")
    assert read(project, REQUIREMENTS).digest != first
    assert read(project, REQUIREMENTS).python == "3.12"
    (project.root / ".python-version").unlink()
    project.write("requirements.txt", "# a comment\nsix\n")
    assert read(project, REQUIREMENTS).digest == first


def test_a_pyproject_that_is_no_package(project: Folder) -> None:
    project.write(
        "pyproject.toml",
        '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["six", "mine", "theirs", "file"]\n'
        '[tool.uv.sources]\nmine = { path = "lib" }\nfile = { url = "https://example.org/f.whl" }\n'
        'theirs = { git = "https://example.org/t.git", rev = "abc", subdirectory = "py" }\n',
    )
    project.write("lib/pyproject.toml", '[build-system]\n[project]\nname = "mine"\nversion="1"\n')
    spec = read(project, PYPROJECT)
    assert spec.python == ">=3.10"
    assert spec.requirements == (
        "six", "theirs @ git+https://example.org/t.git@abc#subdirectory=py",
        "file @ https://example.org/f.whl",
    )  # fmt: skip
    assert [one.path for one in spec.local_packages] == ["lib"]


def test_a_pyproject_of_tools_only_leaves_the_word_to_requirements(project: Folder) -> None:
    project.write("pyproject.toml", "[tool.ruff]\n").write("requirements.txt", "six\n")
    assert read(project, PYPROJECT).requirements == ("six",)
    assert read(project, PYPROJECT).origin == "requirements.txt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project\n", "pyproject.toml: not TOML"),
        ("project = 3\n", "`project` must be a table"),
        ('[project]\nname = "p"\ndependencies = "six"\n', "must be a list of requirements"),
    ],
)
def test_a_pyproject_that_is_wrong(project: Folder, text: str, said: str) -> None:
    project.write("pyproject.toml", text)
    with pytest.raises(EnvironmentFailure, match=said):
        read(project, PYPROJECT)


def test_an_extra_that_does_not_exist(project: Folder) -> None:
    project.write("lib/pyproject.toml", '[build-system]\n[project]\nname = "m"\nversion = "1"\n')
    project.write("requirements.txt", "./lib[gpu]\n")
    with pytest.raises(EnvironmentFailure, match="no extra is called `gpu`"):
        read(project, REQUIREMENTS)


def test_a_local_wheel_that_is_none(project: Folder) -> None:
    project.write("m-1-py3-none-any.whl", "version https://git-lfs\n")
    project.write("requirements.txt", "./m-1-py3-none-any.whl\n")
    with pytest.raises(EnvironmentFailure, match="not a wheel"):
        read(project, REQUIREMENTS)
