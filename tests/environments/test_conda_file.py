"""Reading conda's environment file, and what a venv makes of its packages."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runner.environments import venv
from runner.environments.conda_file import read_conda_file
from runner.errors import EnvironmentFailure, UnmappedPackages
from runner.manifest.model import EnvironmentReference
from tests.environments.conftest import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from runner.environments.base import Spec

LEFT_OUT = "conda.yaml: left out, as a venv has no use for them: "
CONDA = EnvironmentReference(kind="conda_env", path="conda.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def read(project: Folder, text: str, *, skip: bool = False) -> Spec:
    project.write("conda.yaml", text)
    return venv.read(CONDA, project, as_of=None, skip_unmapped=skip)


def packages(*names: str, pip: tuple[str, ...] = ()) -> str:
    below = "".join(f"    - {line}\n" for line in pip)
    return (
        "dependencies:\n"
        + "".join(f"  - {name}\n" for name in names)
        + (f"  - pip:\n{below}" if pip else "")
    )


def test_a_file_as_people_write_it(project: Folder) -> None:
    project.write("requirements.txt", "attrs\n--extra-index-url https://example.org/simple\n")
    spec = read(
        project,
        "name: x\nchannels:\n  - defaults\n  - pytorch\ndependencies:\n  - python=3.7.3\n"
        "  - pytorch=1.4  # the network\n  - opencv==4.5.1\n  - pip=19\n  - numpy\n  - pip:\n"
        "    - -r requirements.txt\n    - requests[socks]>=2\n"
        "    - git+https://example.org/y.git@v1#egg=y\nprefix: /home/somebody/envs/x\n",
    )
    assert (spec.kind, spec.origin, spec.python) == ("venv", "conda.yaml", "3.7.3")
    assert spec.requirements == (
        "torch==1.4.*", "opencv-python-headless==4.5.1.*", "numpy", "attrs", "requests[socks]>=2",
        "git+https://example.org/y.git@v1#egg=y",
    )  # fmt: skip
    assert spec.extra == {"options": "--extra-index-url https://example.org/simple"}
    assert spec.build_requirements == ("pip",)
    assert spec.warnings == (
        "conda.yaml: on the Python index pytorch is torch, opencv is opencv-python-headless",
        LEFT_OUT + "the channels defaults, pytorch; pip=19",
    )


@pytest.mark.parametrize(
    ("conda", "index"),
    [
        ("pytorch-cpu", "torch"),
        ("tensorflow-gpu=2.1", "tensorflow==2.1.*"),
        ("tensorflow-mkl", "tensorflow"),
        ("py-opencv=4.2.0=py37_0", "opencv-python-headless==4.2.0.*"),
        ("matplotlib-base", "matplotlib"),
        ("pytables", "tables"),
        ("python-graphviz", "graphviz"),
        ("msgpack-python=0.6.1=py37_0", "msgpack==0.6.1"),
        ("dask", "dask[complete]"),
        ("dask-core", "dask"),
        ("ruamel_yaml", "ruamel.yaml"),
        ("pyqt=5.9", "PyQt5==5.9.*"),
        ("docker-py", "docker"),
        ("psycopg2", "psycopg2-binary"),
        ("dataclasses=0.8=pyh_0", "dataclasses==0.8; python_version < '3.7'"),
        ("librosa", "librosa"),
        ("uvicorn[standard]", "uvicorn[standard]"),
        ("ray-tune", "ray[tune]"),
        ("dgl-cuda11.3", "dgl"),
        ("scikit-learn", "scikit-learn"),
        ("importlib_metadata", "importlib_metadata"),
    ],
)
def test_names_of_the_index(project: Folder, conda: str, index: str) -> None:
    assert read(project, packages(conda)).requirements == (index,)


LIBRARIES = (
    "nomkl _libgcc_mutex libgcc-ng openssl sqlite zlib ncurses readline tk xz ca-certificates "
    "libffi libstdcxx-ng blas intel-openmp mkl mkl_fft bzip2 ld_impl_linux-64 xorg-libx11 qt "
    "_py-xgboost-mutex libxgboost libprotobuf python_abi numpy-base nb_conda vs2015_runtime "
    "m2w64-gcc-libs icu arrow-cpp aws-c-common kernel-headers_linux-64 libthrift pip wheel"
)


@pytest.mark.parametrize("name", LIBRARIES.split())
def test_libraries_are_left_out_and_listed(project: Folder, name: str) -> None:
    spec = read(project, packages(f"{name}=1.0=h7b_0", "numpy"))
    assert spec.requirements == ("numpy",)
    assert f"{name}=1.0=h7b_0" in spec.warnings[-1]


ONLY = (  # noqa: SIM905  a list would be a line per name
    "cudatoolkit=10.1 cudnn r-base r-ggplot2 gcc_linux-64 gxx openjdk cmake ffmpeg graphviz gdal "
    "nodejs cudf cupy spacy-model-en_core_web_sm anaconda"
).split()


@pytest.mark.parametrize("name", ONLY)
def test_what_is_for_conda_only_is_refused(project: Folder, name: str) -> None:
    with pytest.raises(UnmappedPackages) as caught:
        read(project, packages("numpy", name))
    assert caught.value.message.startswith(f"conda.yaml:3:5: `{name}` is for conda only (")
    assert caught.value.hint == "`--skip-unmapped` runs without it"


def test_all_that_is_for_conda_only_is_in_one_message(project: Folder) -> None:
    with pytest.raises(UnmappedPackages) as caught:
        read(project, packages(*ONLY))
    assert f"conda.yaml: {len(ONLY)} packages are for conda only" in caught.value.message
    assert "conda.yaml:3:5: `cudnn` (CUDA)" in caught.value.details
    assert len(caught.value.details) == len(ONLY)


def test_what_is_for_conda_only_can_be_left_out_and_is_told(project: Folder) -> None:
    spec = read(project, packages("numpy", "r-base", "openjdk=8"), skip=True)
    assert spec.requirements == ("numpy",)
    (warning,) = spec.warnings
    assert warning == (
        "conda.yaml: left out by `--skip-unmapped`, as it is for conda only: `r-base` (R), "
        "`openjdk=8` (Java)"
    )


@pytest.mark.parametrize("pip", [(), ("torch",)])
def test_cuda_beside_torch_serves_only_torch(project: Folder, pip: tuple[str, ...]) -> None:
    conda = () if pip else ("pytorch=1.8.1=py3.8_cuda11.1_cudnn8.0.5_0",)
    spec = read(project, packages(*conda, "cudatoolkit=11.1", "pytorch-cuda", "cudnn", pip=pip))
    assert spec.requirements == (pip or ("torch==1.8.1",))
    assert "cudatoolkit=11.1, pytorch-cuda, cudnn" in spec.warnings[-1]


def test_an_archive_by_its_address_is_for_conda_only(project: Folder) -> None:
    address = "https://example.org/linux-64/thing-1.0-py37_0.tar.bz2"
    with pytest.raises(UnmappedPackages, match="an archive of conda's"):
        read(project, packages(address))


def test_what_conda_brings_along_is_added_and_told(project: Folder) -> None:
    spec = read(project, packages("py-xgboost=0.90", "keras=2.2.4=0"))
    assert spec.requirements == (
        "xgboost==0.90.*", "keras==2.2.4", "scikit-learn", "tensorflow<2",
    )  # fmt: skip
    assert (
        "conda.yaml: added, as conda's packages bring it along: scikit-learn (for py-xgboost), "
        "tensorflow<2 (for keras)"
    ) in spec.warnings
    assert read(project, packages("keras")).requirements == ("keras", "tensorflow")
    assert read(project, packages("keras", "theano")).requirements == ("keras", "theano")
    there = packages("keras", "xgboost", pip=("scikit-learn==0.20", "tensorflow==1.9"))
    assert len(read(project, there).requirements) == 4


def test_pip_wins_over_conda(project: Folder) -> None:
    text = packages("scikit-learn=0.19.1", "numpy", pip=("scikit-learn==0.20.2", "numpy"))
    spec = read(project, text)
    assert spec.requirements == ("scikit-learn==0.20.2", "numpy")
    (warning,) = spec.warnings
    assert warning == (
        "conda.yaml:2: `scikit-learn=0.19.1` gives way to `scikit-learn==0.20.2`, which `pip:` "
        "asks for"
    )


def test_split_packages_become_one(project: Folder) -> None:
    spec = read(project, packages("opencv=4.5.1", "py-opencv=4.5.1", "libopencv=4.5.1"))
    assert spec.requirements == ("opencv-python-headless==4.5.1.*",)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_names_of_one_package_the_one_that_says_most_counts(
    project: Folder, order: int
) -> None:
    for names, line in (
        (("ruamel_yaml=0.15", "ruamel.yaml=0.16"), "ruamel.yaml==0.16.*"),
        (("keras", "keras-gpu=2.3"), "keras==2.3.*"),
        (("dask=2.27.0=py_0", "dask-core=2.27.0=py_0"), "dask[complete]==2.27.0"),
    ):
        assert line in read(project, packages(*names[::order])).requirements


def test_programs_that_an_exported_file_has_for_a_package(project: Folder) -> None:
    spec = read(project, packages("nbconvert", "pandoc=2.2.3.2=0", "py-opencv", "ffmpeg=4.1=h1"))
    assert spec.requirements == ("nbconvert", "opencv-python-headless")
    for name in ("pandoc=2.2", "ffmpeg=4.1=h1"):
        with pytest.raises(UnmappedPackages):
            read(project, packages("nbconvert", name))


def test_a_pinned_setuptools_is_a_build_requirement(project: Folder) -> None:
    spec = read(project, packages("pip=9.0.1", "setuptools=40.0.0", "wheel=0.31"))
    assert (spec.requirements, spec.build_requirements) == ((), ("pip", "setuptools==40.0.0.*"))
    assert read(project, packages("setuptools")).build_requirements == ()


def test_versions_that_pip_can_not_say_are_told(project: Folder) -> None:
    spec = read(project, packages("pandas=0.24|0.25", "thing=1.0_x"))
    assert spec.requirements == ("pandas==0.25", "thing")
    assert spec.warnings == (
        "conda.yaml: of the versions of pandas=0.24|0.25 the newest is taken",
        "conda.yaml: any version is taken, as theirs can't be one of the index: thing=1.0_x",
    )


def test_variables_are_those_of_the_step(project: Folder) -> None:
    text = packages("numpy") + "variables:\n  LEVEL: 3\n  NAME: a b\n"
    spec = read(project, text)
    assert spec.variables == {"LEVEL": "3", "NAME": "a b"}
    assert spec.digest == read(project, packages("numpy")).digest


@pytest.mark.parametrize(
    ("pip", "asked"),
    [
        ("six", ("six",)),
        ("-r requirements.txt", ("attrs",)),
        ("|\n      six\n      # no\n      attrs", ("six", "attrs")),
        ("", ()),
        ("null", ()),
        ("[]", ()),
        ("[six, attrs]", ("six", "attrs")),
    ],
)
def test_the_pip_section_as_some_write_it(
    project: Folder, pip: str, asked: tuple[str, ...]
) -> None:
    project.write("requirements.txt", "attrs\n")
    assert read(project, f"dependencies:\n  - pip: {pip}\n").requirements == asked


def test_a_local_package_of_the_pip_section(project: Folder) -> None:
    project.write("pyproject.toml", '[build-system]\n[project]\nname = "m"\nversion = "1"\n')
    spec = read(project, packages("python=3.11", pip=("-e .", "-f https://example.org/wheels")))
    assert [(one.path, one.editable) for one in spec.local_packages] == [(".", True)]
    assert spec.extra["options"] == "--find-links https://example.org/wheels"


def test_a_hashed_pip_section_is_the_lock(project: Folder) -> None:
    line = f"alpha==1.0 --hash=sha256:{'0' * 64}"
    project.write("requirements.txt", line + "\n")
    spec = read(project, packages("python=3.11", "pip", pip=("-r requirements.txt",)))
    assert (spec.lock_text, spec.python) == (line + "\n", "3.11")
    spec = read(project, packages("numpy", pip=("-r requirements.txt",)))
    assert (spec.lock_text, spec.requirements) == (None, ("numpy", line))


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("- numpy\n", "conda.yaml:1:1: must be a mapping", "begin with `dependencies:`"),
        ("numpy\n", "conda.yaml:1:1: must be a mapping with name, channels", "begin with"),
        ("name: x\n", "conda.yaml: there is no `dependencies`", "begin with `dependencies:`"),
        ("dependancies:\n  - numpy\n", "only `dependancies`", "did you mean `dependencies`?"),
        ("dependencies: numpy\n", "conda.yaml:1:15: `dependencies` must be a list", "`- `"),
        ("dependencies:\n\t- numpy\n", "conda.yaml:2:1: a tab indents", "with spaces"),
        ("dependencies:\n  - numpy: 1.16\n", "conda.yaml:2:5: `numpy: 1.16`", "`- numpy=1.16`"),
        ("dependencies:\n  - [numpy]\n", "conda.yaml:2:5: `dependencies` must hold", "a line"),
        ("dependencies:\n  - pip: [{a: b}]\n", "conda.yaml:2:11: `pip` must hold", "a line"),
        ("dependencies:\n  - pip: {a: b}\n", "conda.yaml:2:10: `pip` must be a list", "`- `"),
        ("dependencies:\n  - numpy=>1\n", "conda.yaml:2:5: `numpy=>1` can't be under", "numpy=1"),
        ("dependencies:\n  - -r a.txt\n", "conda.yaml:2:5: `-r a.txt` is no conda", "`- pip:`"),
        ("dependencies:\n  - git+https://x.y/z\n", "is no conda package", "`- pip:`"),
        ("dependencies: []\nvariables: [a]\n", "conda.yaml:2:12: `variables` must", "NAME: value"),
        ("dependencies: []\nvariables: {a: []}\n", "`variables` must hold", "NAME: value"),
        ("dependencies: [\n", "not YAML", ""),
        ("version https://git-lfs.github.com/spec/v1\noid x\n", "git-lfs pointer", "git lfs pull"),
        ("dependencies:\n  - pip:\n    - ???\n", "conda.yaml:3:7: `???` is no requirement", ""),
        ("dependencies:\n  - pip: [-r gone.txt]\n", "conda.yaml:2:11: the file `gone.txt`", "git"),
    ],
)
def test_a_file_that_is_wrong(project: Folder, text: str, said: str, hint: str) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        read(project, text)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_file_that_is_missing(project: Folder) -> None:
    with pytest.raises(EnvironmentFailure, match=r"`conda.yaml` isn't in the project"):
        venv.read(CONDA, project, as_of=None)


def test_what_is_doubtful_is_told_with_its_place(project: Folder) -> None:
    spec = read(project, "chanels: [x]\npip:\n  - six\ndependencies:\ndependencies: []\n")
    assert spec.warnings == (
        "conda.yaml:1:1: the unknown key `chanels` is ignored; did you mean `channels`?",
        "conda.yaml:2:1: the unknown key `pip` is ignored; it belongs under `dependencies`",
        "conda.yaml:5:1: `dependencies` is there twice: the last one counts",
    )


def test_what_decides_the_lock_changes_the_digest(project: Folder) -> None:
    first = read(project, "name: a\n" + packages("numpy=1.16")).digest
    assert read(project, "# a\nname: b\nchannels: [x]\n" + packages("numpy=1.16")).digest == first
    for text in (packages("numpy=1.17"), packages("python=3.11", "numpy=1.16")):
        assert read(project, text).digest != first
    assert read(project, packages("numpy=1.16"), skip=True).digest != first


@given(st.text(alphabet="adeinpsc:-[]{}&*'\"|>\n\t ~=1.,#", max_size=60))
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused(project: Folder, text: str) -> None:
    for content in (text, "dependencies:\n" + text):
        (project.root / "conda.yaml").write_text(content)
        with contextlib.suppress(EnvironmentFailure):
            assert read_conda_file(project, "conda.yaml") is not None


def test_the_usual_channels_alone_are_not_worth_a_word(project: Folder) -> None:
    usual, other = (
        read(project, f"channels: [conda-forge, {name}]\n" + packages("numpy=1.16", "pip"))
        for name in ("defaults", "bioconda")
    )
    assert usual.warnings == ()
    assert other.warnings == (LEFT_OUT + "the channels conda-forge, bioconda",)


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n"])
def test_an_empty_file_asks_for_nothing(project: Folder, text: str) -> None:
    spec = read(project, text)
    assert (spec.requirements, spec.python) == ((), None)
    assert spec.warnings == ("conda.yaml: is empty, and so is the environment",)


def test_conda_pins_below_pip_are_read_as_they_are_meant(project: Folder) -> None:
    spec = read(project, "dependencies:\n  - pip:\n    - numpy=1.19.4\n    - pandas==1.1.4\n")
    assert spec.requirements == ("numpy==1.19.4", "pandas==1.1.4")
    assert spec.warnings == ("conda.yaml: `numpy=1.19.4` below `pip:` is read with `==`",)
