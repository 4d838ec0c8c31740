"""What `-P`, `--env-manager`, `--timeout` and `--as-of` accept and refuse."""

from __future__ import annotations

import pytest

from runner.errors import RequestError
from runner.request import (
    read_as_of,
    read_duration,
    read_environment_manager,
    read_packages,
    read_pairs,
    read_python,
)


def test_pairs_keep_the_value_as_written() -> None:
    pairs = ["alpha=1e-4", "query=a=b", "empty=", "spaced= x "]
    assert read_pairs(pairs, flag="-P", what="parameter") == {
        "alpha": "1e-4",
        "query": "a=b",
        "empty": "",
        "spaced": " x ",
    }


@pytest.mark.parametrize("pair", ["alpha", "=1", ""])
def test_a_pair_without_name_or_equals_is_refused(pair: str) -> None:
    with pytest.raises(RequestError, match="is not of the form NAME=value") as caught:
        read_pairs([pair], flag="-P", what="parameter")
    assert caught.value.hint is not None
    assert caught.value.exit_code == 2


def test_a_parameter_given_twice_is_named_without_its_values() -> None:
    with pytest.raises(RequestError, match=r"^parameter `a` is given twice$"):
        read_pairs(["a=1", "a=2"], flag="-P", what="parameter")


@pytest.mark.parametrize(
    ("given", "kind"),
    [(None, None), ("local", "local"), ("venv", "venv"), ("virtualenv", "venv"), ("uv", "venv")],
)
def test_environment_managers_have_mlflows_names_too(given: str | None, kind: str | None) -> None:
    assert read_environment_manager(given) == kind


def test_an_unknown_environment_manager_gets_a_suggestion() -> None:
    with pytest.raises(RequestError, match="no environment manager `vnev`") as caught:
        read_environment_manager("vnev")
    assert caught.value.hint == "did you mean `--env-manager venv`?"
    with pytest.raises(RequestError, match="`poetry`: local, venv, virtualenv, uv") as caught:
        read_environment_manager("poetry")
    assert caught.value.hint == "pass one of those"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), ("90s", 90), ("15m", 900), ("2h", 7200)]
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "soon", "0", "-1", "inf", "nan", "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is not a duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("commit", "commit"),
        ("2024-03-31", "2024-04-01T00:00:00Z"),
        ("2024-03-31T12:00:00+02:00", "2024-03-31T10:00:00Z"),
    ],
)
def test_as_of_is_a_commit_or_a_moment(text: str | None, moment: str | None) -> None:
    assert read_as_of(text) == moment


def test_as_of_refuses_a_day_that_has_not_been() -> None:
    with pytest.raises(RequestError, match="`--as-of 2999-01-01` is in the future"):
        read_as_of("2999-01-01")


def test_as_of_refuses_what_is_no_date() -> None:
    with pytest.raises(RequestError, match="neither `commit` nor a date"):
        read_as_of("yesterday")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy<2",
        "scikit-learn[a,b] >= 1",
        "a @ git+https://example.org/a@v1",
        "b; os_name",
    ],
)
def test_packages_to_add_are_requirements(line: str) -> None:
    assert read_packages([f" {line} "]) == (line,)


@pytest.mark.parametrize("line", ["", "-r more.txt", "--pre", "./here", "a/b", "a b", "a=1"])
def test_anything_else_is_no_package_to_add(line: str) -> None:
    with pytest.raises(RequestError, match="is no requirement"):
        read_packages([line])


def test_a_python_is_a_version_or_a_specifier() -> None:
    assert [read_python(text) for text in (None, "3.9", ">=3.9,<4")] == [None, "3.9", ">=3.9,<4"]
    for text in ("", "three"):
        with pytest.raises(RequestError, match="is no Python version"):
            read_python(text)
