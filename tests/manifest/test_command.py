"""Command templates: MLflow's reading, less what is dangerous, and braces left to the shell."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ManifestError
from runner.manifest.command import faults, render
from runner.manifest.load import examine, load
from runner.manifest.model import BoundParameter, EntryPoint, Parameter, Step
from runner.manifest.parameters import choose
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path


def step(template: str, **values: str) -> Step:
    parameters = tuple(Parameter(name) for name in values)
    bound = tuple(
        BoundParameter(name, text, text, "string", text, "given") for name, text in values.items()
    )
    return Step(EntryPoint("main", template, parameters), bound)


@pytest.mark.parametrize(
    ("template", "command"),
    [
        ("run {a}", "run 'x y'"),
        ("run {a!s}", "run 'x y'"),
        ("run {a:>8}|", "run    'x y'|"),
        ("awk '{{print $1}}' {a}", "awk '{print $1}' 'x y'"),
        ("run $HOME ${HOME} ${HOME:-/tmp} {a}", "run $HOME ${HOME} ${HOME:-/tmp} 'x y'"),
        ("run ${{HOME}} $a ${a}", "run ${HOME} $a $'x y'"),
        ("run ${#A} ${A[0]} ${1} ${!A:1} ${@}", "run ${#A} ${A[0]} ${1} ${!A:1} ${@}"),
        ("run ${A:-{a}}", "run ${A:-{a}}"),
        ("", ""),
    ],
)
def test_a_template_becomes_a_command(template: str, command: str) -> None:
    assert render(step(template, a="x y")) == command


def test_a_secret_value_is_hidden_from_people_but_not_from_the_step() -> None:
    key = BoundParameter("key", "a b", "a b", "path", "/x/a b", "given", secret=True)
    extra = BoundParameter("more", "s3", "s3", "string", "s3", "given", secret=True, declared=False)
    made = Step(EntryPoint("main", "run {key} {n}", (Parameter("key"), Parameter("n"))), (
        key, extra, BoundParameter("n", "1", 1, "integer", "1", "given"),
    ))  # fmt: skip
    assert render(made) == "run '/x/a b' 1 --more s3"
    assert render(made, hiding=True) == "run '***' 1 --more '***'"
    assert key.secret_texts() == {"a b", "'a b'", "/x/a b", "'/x/a b'"}
    assert made.parameters[2].secret_texts() == set()


ODD = ["run {data-path}", "run {data path}", "run {data_path}"]


@pytest.mark.parametrize("template", ODD)
def test_names_need_not_be_identifiers(template: str) -> None:
    name = template[5:-1]
    assert render(step(template, **{name: "v"})) == "run v"


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("x {alhpa}", "`{alhpa}` is not a declared parameter", "did you mean `{alpha}`?"),
        ("x { alpha }", "`{ alpha }` is not a declared parameter", "did you mean `{alpha}`?"),
        ("x {zeta}", "`{zeta}` is not a declared parameter", "declare `zeta` in `parameters`"),
        ("x {alpha!r}", "`{alpha!r}` does more than name a parameter", "write `{alpha}`"),
        ("x {alpha[0]}", "`{alpha[0]}` does more than name a parameter", "write `{alpha}`"),
        ("x {alpha.__class__}", "`{alpha.__class__}` does more than name a parameter",
         "write `{alpha}`"),
        ("x {alpha:.2}", "`{alpha:.2}` does more than name a parameter", "write `{alpha}`"),
        ("x {alpha:d}", "`{alpha:d}` does more than name a parameter", "write `{alpha}`"),
        ("x {alpha:9999}", "`{alpha:9999}` does more than name a parameter", "write `{alpha}`"),
        ("x {alpha:{alpha}}", "`{alpha:{alpha}}` does more than name a parameter",
         "write `{alpha}`"),
        ("find -exec {}", "`{}` names no parameter",
         "write `{{}}` if the braces belong to the command"),
        ("x {0}", "`{0}` names no parameter", "write `{{0}}` if the braces belong to the command"),
        ("awk '{print $1}'", "`{print $1}` names no parameter",
         "write `{{print $1}}` if the braces belong to the command"),
        ("x {alpha", "a `{` is not closed", "remove it, or write `{{` for a literal one"),
        ("x {alpha} }", "a `}` closes nothing", "remove it, or write `}}` for a literal one"),
        ("x \0", "holds a NUL character", "remove it"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_refused(template: str, message: str, hint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        render(step(template, alpha="1"))
    assert caught.value.message == f"command of `main`: {message}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("    command: x {y}\n", (3, 16)),
        ('    command: "x {alpha}\\\n      {y}"\n', (4, 7)),
        ("    command: |\n      x {alpha}\n      z {y}\n", (5, 9)),
        ("    command: x {alpha} {{ }} }\n", (3, 30)),
        ("    command: x {alpha} {{ {\n", (3, 27)),
        ("    command: x {alpha} {alpha\n", (3, 24)),
        ("    command: >\n      x {data\n      path}\n", (3, 14)),
    ],
)
def test_a_fault_is_placed_inside_the_command(
    command: str, place: tuple[int, int], tmp_path: Path
) -> None:
    manifest = f"entry_points:\n  main:\n{command}    parameters: {{alpha: int}}\n"
    files = project(tmp_path, manifest)
    errors = [p for p in examine(files).problems if p.severity == "error"]
    assert [(problem.line, problem.column) for problem in errors] == [place]
    with pytest.raises(ManifestError):
        choose(load(files), None, files)


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        (
            "",
            "MLproject:2:3: entry point `main` has no command",
            "add `command:`, indented below it",
        ),
        (
            "    command:\n",
            "MLproject:3:5: entry point `main` has no command",
            "add `command:`, indented below it",
        ),
        (
            "    command: [python, train.py]\n",
            "MLproject:3:14: `command` of entry point `main` must be text, not a list",
            "write it as one text; several lines go below `command: |`",
        ),
    ],
)
def test_an_entry_point_without_a_command_is_refused(
    command: str, message: str, hint: str, tmp_path: Path
) -> None:
    files = project(tmp_path, f"entry_points:\n  main:\n{command}    parameters: {{}}\n")
    with pytest.raises(ManifestError) as caught:
        choose(load(files), None, files)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_parameters_beside_an_entry_point_are_told(tmp_path: Path) -> None:
    files = project(tmp_path, "entry_points:\n  main: {command: 'x {a}'}\n  parameters: {a: int}\n")
    problems = {problem.message: problem.hint for problem in examine(files).problems}
    assert problems["entry point `parameters` has no command"] == (
        "indent `parameters:` further if it belongs to the entry point above"
    )


@given(st.text(alphabet="{}ab!:[]. $\n", max_size=14))
def test_templates_read_as_str_format_reads_them(template: str) -> None:
    if any(True for _ in faults(template, ["a", "b"])):
        return
    try:
        wanted = template.format(a="1", b="2")
    except (KeyError, ValueError, IndexError):
        assert "$" in template  # only what is left to the shell is a fault of `format` alone
        return
    assert render(step(template, a="1", b="2")) == wanted


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_reaches_the_program_as_it_is(value: str) -> None:
    command = render(step("printf %s {a}", a=value))
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout == value.encode()
