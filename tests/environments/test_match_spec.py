"""Conda's package specifications, read as conda's documentation has them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.environments import match_spec, versions

SPECS = [
    ("numpy", "numpy", ""),
    ("NumPy", "numpy", ""),
    ("numpy=1.16", "numpy", "==1.16.*"),
    ("numpy==1.16", "numpy", "==1.16"),
    ("numpy=1.16.4", "numpy", "==1.16.4.*"),
    ("numpy==1.16.4", "numpy", "==1.16.4"),
    ("numpy=1.16.4=py37_0", "numpy", "==1.16.4"),
    ("numpy=1.16.4=*", "numpy", "==1.16.4.*"),
    ("numpy==1.16.4=py37_0", "numpy", "==1.16.4"),
    ("numpy 1.16.4 py37_0", "numpy", "==1.16.4"),
    ("numpy>=1.1,<2", "numpy", ">=1.1,<2"),
    ("numpy >= 1.1 , < 2", "numpy", ">=1.1,<2"),
    ("numpy=1.1,<2", "numpy", "==1.1.*,<2"),
    ("numpy 1.16.*", "numpy", "==1.16.*"),
    ("numpy =1.16", "numpy", "==1.16.*"),
    ("numpy 1.16", "numpy", "==1.16"),
    ("numpy=1.16*", "numpy", "==1.16.*"),
    ("numpy!=1.16.*", "numpy", "!=1.16.*"),
    ("numpy>=1.16.*", "numpy", ">=1.16"),
    ("numpy *", "numpy", ""),
    ("numpy=*", "numpy", ""),
    ("conda-forge::xgboost", "xgboost", ""),
    ("conda-forge/linux-64::xgboost>1", "xgboost", ">1"),
    ("numpy[version='>=1,<2']", "numpy", ">=1,<2"),
    ('numpy[version=">=1", build=py37*]', "numpy", ">=1"),
    ("pandas=0.24|0.25", "pandas", "==0.25"),
    ("pandas=0.25|=0.24", "pandas", "==0.25.*"),
    ("pandas=1.0.0rc1", "pandas", "==1.0.0rc1"),
    ("_libgcc_mutex=0.1=main", "_libgcc_mutex", "==0.1"),
    ("ucx=1.8.1+g6b29558=cuda11.0_0", "ucx", "==1.8.1"),
    ("ruamel.yaml~=0.15", "ruamel.yaml", "~=0.15"),
]


@pytest.mark.parametrize(("text", "name", "specifier"), SPECS)
def test_a_specification(text: str, name: str, specifier: str) -> None:
    spec = match_spec.parse(text)
    assert (spec.name, match_spec.specifier(spec)) == (name, specifier)


def test_what_is_dropped_is_known() -> None:
    spec = match_spec.parse("conda-forge::numpy=1.16.4=py37_0")
    assert (spec.channel, spec.build) == ("conda-forge", "py37_0")
    spec = match_spec.parse("numpy[channel=conda-forge, build='py*']")
    assert (spec.channel, spec.build) == ("conda-forge", "py*")


def test_extras_as_pip_has_them_are_meant_so() -> None:
    spec = match_spec.parse("uvicorn[standard]>=0.3")
    assert (spec.extras, match_spec.specifier(spec)) == (("standard",), ">=0.3")


def test_a_version_that_the_index_has_with_a_number_more() -> None:
    for text in ("opencv=4.5.1", "opencv==4.5.1", "opencv=4.5.1=py38_0"):
        assert match_spec.specifier(match_spec.parse(text), longer=True) == "==4.5.1.*"
    assert match_spec.specifier(match_spec.parse("opencv>=4.5"), longer=True) == ">=4.5"


def test_a_version_that_no_index_can_have() -> None:
    assert match_spec.specifier(match_spec.parse("openssl=1.1.1_h")) is None


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("python", None),
        ("python=3.7", "3.7"),
        ("python==3.6", "3.6"),
        ("python = 3.8", "3.8"),
        ("python=3.7.3", "3.7.3"),
        ("python=3.7.3=h0371630_0", "3.7.3"),
        ("python=3.7.*", "3.7.*"),
        ("python 3.7*", "3.7.*"),
        ("python>=3.6", ">=3.6"),
        ("python>=3.6,<3.8", ">=3.6,<3.8"),
        ("python 2.7|>=3.6", ">=3.6"),
        ("python=3", "3"),
    ],
)
def test_the_python(text: str, python: str | None) -> None:
    found = match_spec.python_of(match_spec.parse(text))
    assert found == python
    versions.parse(found or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numpy=>1.0", "write `>=`"),
        ("numpy 1 py37_0 what", "more behind its build string"),
        ("numpy==", "`==` is no version"),
        ("numpy[!]", "not `key=value`"),
        ("???", "no package specification"),
        ("numpy=1.0(x)", "is no version"),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        match_spec.parse(text)


@given(st.text(alphabet="np1.0=<>!~*|,[]:' _-", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        spec = match_spec.parse(text)
        match_spec.specifier(spec)
        match_spec.python_of(spec)
