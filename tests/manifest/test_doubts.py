"""Doubtful manifests: loaded as MLflow loads them, with a warning and a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.manifest.load import load
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

Case = tuple[str, str, str]

# The text of one parameter's declaration below, the message, the fix.
DOUBTFUL_PARAMETERS: dict[str, Case] = {
    "misspelt key": (
        "{type: int, defulat: 1}",
        "unknown key `defulat` in parameter `p` of entry point `main`",
        "did you mean `default`?",
    ),
    "no space after the colon": (
        "{type:int, default: 1}",
        "unknown key `type:int` in parameter `p` of entry point `main`",
        "it lacks a space after the colon: write `type: int`",
    ),
    "no colon": (
        "{type: int, default 10}",
        "unknown key `default 10` in parameter `p` of entry point `main`",
        "it lacks a colon: write `default: 10`",
    ),
    "another word": (
        "{type: int, values: [1, 2]}",
        "unknown key `values` in parameter `p` of entry point `main`",
        "did you mean `choices`?",
    ),
    "unknown key": (
        "{type: int, x-mine: 1}",
        "unknown key `x-mine` in parameter `p` of entry point `main`",
        "known here: type, default, choices, min, max, pattern, optional, description, secret",
    ),
    "key twice": (
        "{type: int, default: 1, default: 2}",
        "`default` stands twice in parameter `p` of entry point `main`; line 3 is ignored",
        "remove one of the two",
    ),
    "misspelt type": (
        "flaot",
        "parameter `p` of entry point `main` has the unknown type `flaot`, read as text",
        "did you mean `float`?",
    ),
    "type in capitals": (
        "{type: Path}",
        "parameter `p` of entry point `main` has the unknown type `Path`, read as text",
        "did you mean `path`?",
    ),
    "type of another name": (
        "url",
        "parameter `p` of entry point `main` has the unknown type `url`, read as text",
        "did you mean `uri`?",
    ),
    "type of nobody": (
        "tensor",
        "parameter `p` of entry point `main` has the unknown type `tensor`, read as text",
        "known types: string, str, int, integer, float, double, number, bool, boolean, path, uri",
    ),
    "type and default in one text": (
        "float = 0.5",
        "parameter `p` of entry point `main` has the unknown type `float = 0.5`, read as text",
        "write `{type: float, default: 0.5}`",
    ),
    "default None": (
        "{type: int, default: None}",
        "the default of parameter `p` of entry point `main` must be an integer, not `None`",
        "remove `default` to require a value, or write `optional: true` instead of it",
    ),
    "default of another type": (
        "{type: float, default: high}",
        "the default of parameter `p` of entry point `main` must be a float, not `high`",
        "write `default: 0.5`",
    ),
    "default out of range": (
        "{type: float, default: 2, max: 1e-1}",
        "the default of parameter `p` of entry point `main` must be at most 0.1, not `2`",
        "write `default: 0.1`",
    ),
    "default not a choice": (
        "{default: adm, choices: [sgd, adam]}",
        (
            "the default of parameter `p` of entry point `main` must be one of `sgd`, `adam`, not"
            " `adm`"
        ),
        "write `default: adam`",
    ),
    "default that doesn't match": (
        "{default: A, pattern: '[a-z]+'}",
        "the default of parameter `p` of entry point `main` must match `[a-z]+`, not `A`",
        "correct the default",
    ),
    "octal default": (
        "{type: int, default: 010}",
        "YAML reads the default `010` as `8`: parameter `p` of entry point `main`",
        "quote it: `default: '010'`",
    ),
    "sexagesimal default": (
        "{default: 1:30}",
        "YAML reads the default `1:30` as `90`: parameter `p` of entry point `main`",
        "quote it: `default: '1:30'`",
    ),
    "boolean as text": (
        "{default: no}",
        "YAML reads the default `no` as `False`: parameter `p` of entry point `main`",
        "quote it: `default: 'no'`",
    ),
    "number as text": (
        "{default: 0.00006}",
        "YAML reads the default `0.00006` as `6e-05`: parameter `p` of entry point `main`",
        "quote it: `default: '0.00006'`",
    ),
    "empty default": (
        "{type: string, default: }",
        "the default of parameter `p` of entry point `main` is empty, so a value must be given",
        "write `default: ''` for an empty text, or remove `default`",
    ),
    "secret with a default": (
        "{default: hunter2, secret: true}",
        "parameter `p` of entry point `main` is secret, and its default can be read by everyone",
        "remove the default",
    ),
    "secret default of a wrong type": (
        "{type: int, default: hunter2, secret: true}",
        (
            "the default of parameter `p` of entry point `main` must be an integer, not the value"
            " given (it is secret)"
        ),
        "write `default: 10`",
    ),
    "limits of a text": (
        "{type: string, min: 1}",
        "`min` and `max` mean nothing for a string: parameter `p` of entry point `main`",
        "write `type: float` or `type: int`",
    ),
    "limits crossed": (
        "{type: int, min: 2, max: 1}",
        "`min` 2 is above `max` 1: no value fits parameter `p` of entry point `main`",
        "swap them",
    ),
    "large limits crossed": (
        "{type: int, min: 10000001, max: 10000000}",
        "`min` 10000001 is above `max` 10000000: no value fits parameter `p` of entry point `main`",
        "swap them",
    ),
}

DOUBTFUL: dict[str, Case] = {
    "entry points": (
        "entry points:\n  main: {command: x}\n",
        "MLproject:1:1: unknown key `entry points` in the manifest",
        "did you mean `entry_points`?",
    ),
    "conda-env": (
        "conda-env: conda.yaml\n",
        "MLproject:1:1: unknown key `conda-env` in the manifest",
        "did you mean `conda_env`?",
    ),
    "uv_env": (
        "uv_env: pyproject.toml\n",
        "MLproject:1:1: unknown key `uv_env` in the manifest",
        "did you mean `python_env`?",
    ),
    "author": (
        "author: me\n",
        "MLproject:1:1: unknown key `author` in the manifest",
        "known here: name, python_env, conda_env, docker_env, entry_points",
    ),
    "params": (
        "entry_points:\n  main:\n    command: x\n    params: {}\n",
        "MLproject:4:5: unknown key `params` in entry point `main`",
        "did you mean `parameters`?",
    ),
    "entry point twice": (
        "entry_points:\n  main: {command: x}\n  main: {command: y}\n",
        "MLproject:3:3: `main` stands twice in `entry_points`; line 2 is ignored",
        "remove one of the two",
    ),
    "parameter called on": (
        "entry_points:\n  main:\n    parameters: {on: int}\n    command: x {True}\n",
        "MLproject:3:18: YAML reads the name `on` as `True`, no text",
        "quote it: `'on':`",
    ),
    "unused parameter": (
        "entry_points:\n  main:\n    parameters: {alpha: int}\n    command: x\n",
        "MLproject:3:18: parameter `alpha` is not used in the command of entry point `main`",
        "add `{alpha}` to the command, or remove the parameter",
    ),
    "shell variable like a parameter": (
        "entry_points:\n  main:\n    parameters: {alpha: int}\n    command: x {alpha} ${alhpa}\n",
        "MLproject:4:25: command of entry point `main`: `${alhpa}` is left to the shell",
        "did you mean `{alpha}`?",
    ),
    "docker_env empty": (
        "docker_env: {}\n",
        "MLproject:1:1: `docker_env` is empty and ignored",
        "remove it",
    ),
    "conda_env empty": (
        "conda_env:\n",
        "MLproject:1:1: `conda_env` is empty and ignored",
        "remove it",
    ),
    "python_env an empty text": (
        "python_env: ''\n",
        "MLproject:1:1: `python_env` is empty and ignored",
        "remove it",
    ),
    "docker environment pair as text": (
        "docker_env: {image: x, environment: ['A=b']}\n",
        "MLproject:1:38: `A=…` is read as a pair; to MLflow it is a name",
        "write `[A, …]`",
    ),
    "docker environment pair of one": (
        "docker_env: {image: x, environment: [[A]]}\n",
        "MLproject:1:38: `[A]` has no value: the host's is copied",
        "write `A`",
    ),
}


@pytest.mark.parametrize("case", DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_a_doubtful_manifest_is_loaded_with_a_warning(case: Case, tmp_path: Path) -> None:
    content, message, hint = case
    found = load(project(tmp_path, content)).problems
    assert [(str(problem), problem.hint) for problem in found] == [(message, hint)]
    assert found[0].severity == "warning"


@pytest.mark.parametrize("case", DOUBTFUL_PARAMETERS.values(), ids=list(DOUBTFUL_PARAMETERS))
def test_a_doubtful_parameter_is_loaded_with_a_warning(case: Case, tmp_path: Path) -> None:
    declaration, message, hint = case
    content = (
        f"entry_points:\n  main:\n    parameters: {{p: {declaration}}}\n    command: x {{p}}\n"
    )
    found = load(project(tmp_path, content)).problems
    assert (message, hint) in [(problem.message, problem.hint) for problem in found]
    assert {problem.severity for problem in found} == {"warning"}
    assert all(problem.line == 3 and problem.column > 17 for problem in found)
    assert "hunter2" not in " ".join(str(problem) for problem in found)


@pytest.mark.parametrize(
    "declaration",
    [
        "string",
        "{type: int, default: 1_000}",
        "{type: int, default: 0x10}",
        "{type: float, default: 0.00006}",
        "{type: float, default: 1e-4}",
        "{type: float, default: .5}",
        "{type: float, default: 1}",
        "{type: float, default: .inf}",
        "{type: bool, default: no}",
        "{type: str, default: 250}",
        "{type: str, default: None}",
        "{type: str, default: ''}",
        "{type: 'list[float]', default: 0.75}",
        "{type: 'list[int]', default: [1, 2]}",
        "{type: 'list[str]', default: None}",
        "{type: number, default: 1}",
        "{default: null}",
        "{type: path, default: ./out}",
        "{type: int, default: 3, min: 1, max: 1e3, choices: [1, 3], description: how many}",
        "{default: '2021-01-01', pattern: '[0-9]+-[0-9]+-[0-9]+'}",
    ],
)
def test_what_is_right_is_not_complained_of(declaration: str, tmp_path: Path) -> None:
    content = (
        f"entry_points:\n  main:\n    parameters: {{p: {declaration}}}\n    command: x {{p}}\n"
    )
    assert load(project(tmp_path, content)).problems == ()


def test_a_node_shared_by_an_alias_is_complained_of_once(tmp_path: Path) -> None:
    content = (
        "entry_points:\n  a: {command: 'x {p}', parameters: &p {p: {type: int, defulat: 1}}}\n"
        "  b: {command: 'y {p}', parameters: *p}\n"
    )
    messages = [problem.message for problem in load(project(tmp_path, content)).problems]
    assert len(messages) == 2  # once for each entry point that it belongs to


def test_a_pattern_of_a_stranger_can_not_stall_the_check(tmp_path: Path) -> None:
    content = (
        "entry_points:\n  main:\n    command: x {p}\n"
        f"    parameters: {{p: {{default: '{'a' * 100}!', pattern: '(a+)+$'}}}}\n"
    )
    assert load(project(tmp_path, content)).problems == ()
