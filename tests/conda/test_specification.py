"""Conda's specifications as people write them: names, channels, versions, builds, nonsense."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.conda import specification
from runner.conda.configuration import Configuration
from runner.conda.model import Channel
from runner.environments.conda_file import Asked, CondaFile
from runner.errors import EnvironmentFailure

PERSON = Configuration(home="/home/me", alias="https://mirror.example")
CHANNELS = (
    Channel("forge", ("https://mirror.example/forge",)),
    Channel("defaults", ("https://a.example/main", "https://a.example/r")),
    Channel("local", ("file:///home/me/conda-bld",)),
)


def asked(*texts: str) -> list[str]:
    found = specification.match_specs(texts, {}, channels=CHANNELS, configuration=PERSON)
    return [str(one) for one in found]


@pytest.mark.parametrize(
    ("text", "name", "channel"),
    [
        ("numpy", "numpy", None),
        ("  NumPy >=1.2", "numpy", None),
        ("ruamel.yaml=0.17", "ruamel.yaml", None),
        ("_libgcc_mutex", "_libgcc_mutex", None),
        ("conda-forge::numpy=1.2=py_0", "numpy", "conda-forge"),
        ("https://host/t/x/label/dev::numpy", "numpy", "https://host/t/x/label/dev"),
        ("numpy[channel=forge]", "numpy", "forge"),
        ("numpy[version='>=1', channel='https://host/c']", "numpy", "https://host/c"),
        ("numpy[build=channel]", "numpy", None),
        ("https://host/c/linux-64/numpy-1.0-py_0.conda", "numpy", "https://host/c"),
        ("https://host/c/noarch/a-b-1.0-0.tar.bz2#abc", "a-b", "https://host/c"),
        ("=1", "", None),
        ("", "", None),
    ],
)
def test_the_name_and_the_channel(text: str, name: str, channel: str | None) -> None:
    assert specification.name_of(text) == name
    assert specification.channel_of(text) == channel


def test_channels_of_single_packages_come_after_those_of_the_file() -> None:
    packages = ("a", "two::b", "one::c", "three::d", "two::e")
    content = CondaFile(
        packages=tuple(Asked(text, 1, 1) for text in packages), channels=("one", "nodefaults")
    )
    assert specification.channels_of(content) == ("one", "nodefaults", "two", "three")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy", "numpy"),
        ("NumPy=1.16", "numpy 1.16.*"),
        ("numpy=1.16.*", "numpy 1.16.*"),
        ("numpy==1.16", "numpy ==1.16"),
        ("numpy 1.16", "numpy ==1.16"),
        ("numpy=1.16=py36_0", "numpy ==1.16 py36_0"),
        ("numpy 1.16.* *mkl*", "numpy 1.16.* *mkl*"),
        ("numpy >=1.16,<2", "numpy >=1.16,<2"),
        ("numpy >1|<0.5", "numpy >1|<0.5"),
        ("blas=*=openblas", 'blas[build="openblas"]'),
        ("forge::numpy=1", 'numpy 1.*[channel="https://mirror.example/forge/"]'),
        ("forge/linux-64::numpy", 'numpy[channel="https://mirror.example/forge/"]'),
        ("other::numpy", 'numpy[channel="https://mirror.example/other/"]'),
        ("defaults::numpy", "defaults::numpy"),
        ("numpy[channel=forge]", 'numpy[channel="https://mirror.example/forge/"]'),
        (
            "https://host/c/linux-64/numpy-1.0-py_0.conda",
            'numpy ==1.0 py_0[channel="https://host/c/"]',
        ),
    ],
)
def test_what_py_rattler_is_asked_for(text: str, expected: str) -> None:
    assert asked(text) == [expected]


@pytest.mark.parametrize("text", ["numpy[", "a;b", "=1", "numpy>=", "numpy[extras=[x]]", ""])
def test_what_is_no_specification_is_refused_with_its_place(text: str) -> None:
    origins = {specification.name_of(text): f"conda.yaml:7:5: the conda package `{text}`"}
    with pytest.raises(EnvironmentFailure) as caught:
        specification.match_specs([text], origins, channels=CHANNELS, configuration=PERSON)
    place = f"conda.yaml:7:5: the conda package `{text}` can't be understood: "
    assert caught.value.message.startswith(place)
    assert len(caught.value.message) > len(place)
    assert caught.value.hint is not None
    assert "\n" not in caught.value.message
    with pytest.raises(EnvironmentFailure, match=re.escape(f"the conda package `{text}` can't")):
        asked(text)


def test_a_password_is_not_told_of_a_channel_that_is_none() -> None:
    text = "https://me:secret@host/c::numpy["
    with pytest.raises(EnvironmentFailure) as caught:
        specification.match_specs(
            [text], {"numpy": "conda.yaml:7:5: it"}, channels=(), configuration=PERSON
        )
    assert "secret" not in caught.value.message


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=12), st.text("ab1.=<>!~[],:| *'\"/@#;", max_size=14)))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        asked(text)
    except EnvironmentFailure:
        return


@pytest.mark.parametrize(
    "text",
    [
        "-r requirements.txt",
        "-e .",
        ".",
        "..",
        "./here",
        "git+https://host/x",
        "x @ git+https://host/x",
    ],
)
def test_what_is_for_pip_is_said_to_be(text: str) -> None:
    with pytest.raises(EnvironmentFailure, match="is a line of pip's") as caught:
        asked(text)
    assert caught.value.hint == "put it below `- pip:`"


@pytest.mark.parametrize(("text", "sign"), [("x=>1.2", ">"), ("x =<1.2,>1", "<")])
def test_a_comparison_the_wrong_way_round(text: str, sign: str) -> None:
    with pytest.raises(EnvironmentFailure, match=f"`={sign}` is no comparison") as caught:
        asked(text)
    assert caught.value.hint == f"write `{sign}=`"


def test_above_all_of_a_version_is_above_it_as_conda_has_it() -> None:
    from rattler import PackageRecord
    from rattler.package import BuildString

    (spec,) = specification.match_specs(["x>1.2.*"], {}, channels=CHANNELS, configuration=PERSON)
    found = {
        version: spec.matches(PackageRecord("x", version, BuildString("0"), 0, "noarch"))
        for version in ("1.1", "1.2", "1.2.1", "1.3")
    }
    assert found == {"1.1": False, "1.2": False, "1.2.1": True, "1.3": True}
