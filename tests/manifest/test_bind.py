"""Binding values to an entry point's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ParameterError
from runner.manifest.command import render
from runner.manifest.load import load
from runner.manifest.parameters import bind, choose
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

    from runner.manifest.model import EntryPoint, Step

PARAMETERS = """\
name: demo
entry_points:
  train:
    parameters:
      data: path
      alpha: {type: float, min: 0, max: 1}
      epochs: {type: int, default: 10, min: 1}
      rate: {type: float, default: 1e-4}
      solver: {type: string, default: adam, choices: [adam, sgd]}
      layers: {type: 'list[int]', default: '10,20', min: 1}
      shuffle: {type: bool, default: true}
      source: {type: uri, default: 'https://example.org/a.csv'}
      run: {default: r-1, pattern: 'r-[0-9]+'}
      token: {type: int, secret: true, optional: true}
    command: >-
      python train.py {data} {alpha} {epochs} {rate} {solver} {layers} {shuffle} {source} {run}
      {token}
"""
GOOD = {"data": "a b.csv", "alpha": "0.5"}


@pytest.fixture
def train(tmp_path: Path) -> EntryPoint:
    files = project(tmp_path, PARAMETERS)
    return choose(load(files), "train", files)


def bound(entry_point: EntryPoint, **given: str) -> Step:
    return bind(entry_point, {**GOOD, **given}, manifest_path="MLproject")


def refused(entry_point: EntryPoint, given: dict[str, str]) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        bind(entry_point, given, manifest_path="MLproject")
    assert caught.value.exit_code == 2
    return caught.value


def test_values_keep_their_text_and_get_a_type(train: EntryPoint) -> None:
    step = bound(train, alpha="1e-4", shuffle="No", layers="[1, 2]", token="7")
    found = {p.name: (p.text, p.value, p.type, p.origin) for p in step.parameters}
    assert found == {
        "data": ("a b.csv", "a b.csv", "path", "given"),
        "alpha": ("1e-4", 0.0001, "float", "given"),
        "epochs": ("10", 10, "integer", "default"),
        "rate": ("1e-4", 0.0001, "float", "default"),
        "solver": ("adam", "adam", "string", "default"),
        "layers": ("[1, 2]", [1, 2], "list[integer]", "given"),
        "shuffle": ("No", False, "boolean", "given"),
        "source": ("https://example.org/a.csv", "https://example.org/a.csv", "uri", "default"),
        "run": ("r-1", "r-1", "string", "default"),
        "token": ("7", 7, "integer", "given"),
    }
    assert [p.name for p in step.parameters if p.secret] == ["token"]
    assert all(p.argument == p.text and p.declared for p in step.parameters)
    assert [p.name for p in step.parameters] == [p.name for p in train.parameters]


def test_an_optional_parameter_leaves_its_place_empty(train: EntryPoint) -> None:
    assert render(bound(train)) == (
        "python train.py 'a b.csv' 0.5 10 1e-4 adam 10,20 True https://example.org/a.csv r-1 "
    )


def test_an_empty_text_is_a_value(train: EntryPoint) -> None:
    assert "train.py '' 0.5" in render(bound(train, data=""))


@pytest.mark.parametrize(
    ("name", "text", "wanted", "example"),
    [
        ("alpha", "high", "must be a float, not `high`", "alpha=0.5"),
        ("alpha", "", "must be a float, not ``", "alpha=0.5"),
        ("alpha", "1.5", "must be at most 1, not `1.5`", "alpha=1"),
        ("alpha", "nan", "must be at least 0, not `nan`", "alpha=0"),
        ("epochs", "ten", "must be an integer, not `ten`", "epochs=10"),
        ("epochs", "1.5", "must be an integer, not `1.5`", "epochs=10"),
        ("epochs", "1_0", "must be an integer, not `1_0`", "epochs=10"),
        ("epochs", "٣", "must be an integer, not `٣`", "epochs=10"),
        ("epochs", "9" * 5000, f"must be an integer, not `{'9' * 59}…`", "epochs=10"),
        ("epochs", "0", "must be at least 1, not `0`", "epochs=1"),
        ("solver", "adm", "must be one of `adam`, `sgd`, not `adm`", "solver=adam"),
        (
            "layers",
            "1,two",
            "must be a list of integers, such as `1,2,3`, not `1,two`",
            "layers=1,2,3",
        ),
        ("layers", "5 0", "must be at least 1, not `5 0`", "layers=1"),
        ("shuffle", "maybe", "must be a boolean, not `maybe`", "shuffle=true"),
        (
            "source",
            "data.csv",
            "must be a URI with a scheme, not `data.csv`",
            "source=https://example.org/data.csv",
        ),
    ],
)
def test_a_value_that_breaks_its_declaration_is_refused(
    train: EntryPoint, name: str, text: str, wanted: str, example: str
) -> None:
    error = refused(train, {**GOOD, name: text})
    line = next(p.line for p in train.parameters if p.name == name)
    assert error.message == f"MLproject:{line}:7: parameter `{name}` of `train` {wanted}"
    assert error.hint == f"pass `-P {example}`"


def test_a_value_that_does_not_match_its_pattern_is_refused(train: EntryPoint) -> None:
    error = refused(train, {**GOOD, "run": "r-1; rm"})
    assert error.message == (
        "MLproject:13:7: parameter `run` of `train` must match `r-[0-9]+`, not `r-1; rm`"
    )
    assert error.hint is None


def test_a_nul_character_is_refused(train: EntryPoint) -> None:
    error = refused(train, {**GOOD, "data": "a\0b"})
    assert "parameter `data` of `train` must not hold a NUL character" in error.message
    error = refused(train, {**GOOD, "extra": "a\0b"})
    assert error.message == "parameter `extra` can't be passed on"


def test_a_secret_value_is_never_shown(train: EntryPoint) -> None:
    error = refused(train, {**GOOD, "token": "hunter2", "alpha": "x"})
    assert "hunter2" not in " ".join([error.message, *error.details])
    assert any("not the value given (it is secret)" in line for line in error.details)


def test_without_a_manifest_path_there_is_no_place(train: EntryPoint) -> None:
    with pytest.raises(ParameterError) as caught:
        bind(train, {**GOOD, "alpha": "x"}, manifest_path=None)
    assert caught.value.message == "parameter `alpha` of `train` must be a float, not `x`"


def test_all_missing_parameters_are_named_in_one_message(train: EntryPoint) -> None:
    error = refused(train, {})
    assert error.message == "no value for parameters `data`, `alpha` of `train`"
    assert error.hint == "pass `-P data=data.csv -P alpha=0.5`"
    assert error.details == ()


def test_a_misspelt_required_parameter_is_one_complaint(train: EntryPoint) -> None:
    error = refused(train, {"data": "x", "alhpa": "0.5"})
    assert error.message == "`train` has no parameter `alhpa`"
    assert error.hint == "did you mean `alpha`?"


@pytest.mark.parametrize(
    ("written", "meant"), [("epoch", "epochs"), ("Solver", "solver"), ("shufle", "shuffle")]
)
def test_a_slip_in_a_parameter_with_a_default_is_told(
    train: EntryPoint, written: str, meant: str
) -> None:
    error = refused(train, {**GOOD, written: "1"})
    assert (error.message, error.hint) == (
        f"`train` has no parameter `{written}`",
        f"did you mean `{meant}`?",
    )


def test_all_violations_are_told_at_once(train: EntryPoint) -> None:
    error = refused(train, {"alpha": "x", "epochs": "0", "solvr": "sgd", "other": "1"})
    assert error.message == "4 things are wrong with the parameters of `train`"
    assert error.hint == "correct all of them at once"
    assert error.details == (
        "no value for parameter `data` of `train` (pass `-P data=data.csv`)",
        (
            "MLproject:6:7: parameter `alpha` of `train` must be a float, not `x` (pass `-P"
            " alpha=0.5`)"
        ),
        (
            "MLproject:7:7: parameter `epochs` of `train` must be at least 1, not `0`"
            " (pass `-P epochs=1`)"
        ),
        "`train` has no parameter `solvr` (did you mean `solver`?)",
    )


@pytest.mark.parametrize("name", ["verbose", "epochs2", "lr", "rate1", "data_root"])
def test_other_undeclared_parameters_are_passed_on(train: EntryPoint, name: str) -> None:
    step = bound(train, **{name: "a b"})
    extra = step.parameters[-1]
    assert (extra.name, extra.text, extra.declared, extra.origin) == (name, "a b", False, "given")
    assert render(step).endswith(f" --{name} 'a b'")


def test_extras_are_quoted_and_stay_on_the_commands_line(tmp_path: Path) -> None:
    files = project(tmp_path, "entry_points:\n  main:\n    command: |\n      a\n      b\n")
    step = bind(
        choose(load(files), None, files), {"x;y": "$(touch owned)", "n": "-1"}, manifest_path=None
    )
    assert render(step) == "a\nb --'x;y' '$(touch owned)' --n -1"


def test_a_default_that_breaks_its_type_is_passed_as_it_is(tmp_path: Path) -> None:
    files = project(
        tmp_path,
        "entry_points:\n  main:\n    parameters: {n: {type: int, default: None}}\n"
        "    command: x {n}\n",
    )
    step = bind(choose(load(files), None, files), {}, manifest_path=None)
    assert (step.parameters[0].text, step.parameters[0].value) == ("None", "None")
    assert render(step) == "x None"


@pytest.mark.parametrize(
    ("declared", "text", "bound"),
    [
        ("type: int, min: 10000000", "1", "10000000"),
        ("type: int, min: 16777217", "1", "16777217"),
        ("type: float, max: 0.1234567", "1", "0.1234567"),
        ("type: float, min: 1.0e+30", "1", "1e+30"),
        ("type: int, min: 20.5", "1", "21"),
        ("type: int, max: 20.5", "x", "10"),
        ("type: int, max: -0.5", "x", "-1"),
        ("type: 'list[int]', min: 2", "x", "2"),
        ("type: 'list[bool]'", "x", "true,false"),
        (
            "type: 'list[uri]'",
            "x",
            "https://example.org/a.csv,https://example.org/b.csv",
        ),
    ],
)
def test_the_value_in_a_hint_is_one_that_will_do(
    tmp_path: Path, declared: str, text: str, bound: str
) -> None:
    manifest = f"entry_points: {{main: {{parameters: {{n: {{{declared}}}}}, command: 'x {{n}}'}}}}"
    files = project(tmp_path, manifest)
    entry_point = choose(load(files), None, files)
    with pytest.raises(ParameterError) as caught:
        bind(entry_point, {"n": text}, manifest_path=None)
    assert caught.value.hint == f"pass `-P n={bound}`"
    assert bind(entry_point, {"n": bound}, manifest_path=None).parameters[0].text == bound
