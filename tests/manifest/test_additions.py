"""What reprun adds to an entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ManifestError
from runner.manifest.load import load
from runner.manifest.model import EntryPoint, Input, Output
from runner.manifest.parameters import choose
from tests.support.folder import project

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "AB" * 32


def entry_point(tmp_path: Path, added: str) -> EntryPoint:
    files = project(tmp_path, f"entry_points:\n  main:\n    command: x\n    {added}\n")
    manifest = load(files)
    assert not [problem for problem in manifest.problems if problem.severity == "warning"]
    return choose(manifest, None, files)


@pytest.mark.parametrize(
    ("added", "wanted"),
    [
        ("inputs: data/*.csv", (Input("data/*.csv"),)),
        ("inputs: [a, ../b]", (Input("a"), Input("../b"))),
        (
            f"inputs: [{{url: https://example.org/x, sha256: {DIGEST}, path: data/x}}]",
            (Input(url="https://example.org/x", sha256=DIGEST.lower(), path="data/x"),),
        ),
        (
            f"inputs: {{url: file:///x, sha256: {DIGEST}}}",
            (Input(url="file:///x", sha256=DIGEST.lower()),),
        ),
        ("inputs:", ()),
        ("inputs: []", ()),
    ],
)
def test_inputs(added: str, wanted: tuple[Input, ...], tmp_path: Path) -> None:
    assert entry_point(tmp_path, added).inputs == wanted


@pytest.mark.parametrize("key", ["outputs", "metrics"])
@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("m.json", (Output("m.json"),)),
        ("[a, '**/b']", (Output("a"), Output("**/b"))),
        (
            "[{path: a, compare: {as: json, rtol: 1.0e-6}}]",
            (Output("a", {"as": "json", "rtol": 1e-6}),),
        ),
        ("{path: a, compare: bytes}", (Output("a", {"as": "bytes"}),)),
        ("[{path: a}]", (Output("a"),)),
        ("", ()),
    ],
)
def test_outputs(key: str, written: str, wanted: tuple[Output, ...], tmp_path: Path) -> None:
    assert getattr(entry_point(tmp_path, f"{key}: {written}"), key) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("{A: 1.10, B: yes, C: , D: '', E: 'a b'}", {"A": "1.10", "B": "yes", "C": None, "D": "",
                                                   "E": "a b"}),
        ("[A, B=c=d, C=]", {"A": None, "B": "c=d", "C": ""}),
        ("A", {"A": None}),
        ("", {}),
    ],
)  # fmt: skip
def test_variables_are_taken_as_they_are_written(
    written: str, wanted: dict[str, str | None], tmp_path: Path
) -> None:
    assert entry_point(tmp_path, f"env: {written}").env == wanted


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("0.5", 0.5), ("90s", 90), ("15m", 900), ("1.5 h", 5400), ("2d", 172800),
     ("'60'", 60), ("", None), (".inf", None)],
)  # fmt: skip
def test_timeouts(written: str, seconds: float | None, tmp_path: Path) -> None:
    assert entry_point(tmp_path, f"timeout: {written}").timeout == seconds


def test_resources_and_description(tmp_path: Path) -> None:
    added = "resources: {cpus: 4, memory: 8G}\n    description: fits it"
    found = entry_point(tmp_path, added)
    assert (found.resources, found.description) == ({"cpus": 4, "memory": "8G"}, "fits it")


MAIN = "of entry point `main` must be"


@pytest.mark.parametrize(
    ("added", "message", "hint"),
    [
        (
            "inputs: [/etc/passwd]",
            f"4:14: `inputs` {MAIN} globs relative to the project, or downloads, not `/etc/passwd`",
            "write `data/*.csv`, or `{url: https://…, sha256: …}`",
        ),
        (
            "inputs: {url: https://example.org/x}",
            "4:13: an input of entry point `main` lacks its `sha256`",
            "add `sha256:`, 64 hexadecimal digits",
        ),
        (
            f"inputs: {{url: ftp://example.org/x, sha256: {DIGEST}}}",
            f"4:19: `url` {MAIN} an http, https or file address",
            "correct it",
        ),
        (
            "inputs: {url: https://example.org/x, sha256: abc}",
            f"4:50: `sha256` {MAIN} 64 hexadecimal digits",
            "correct it",
        ),
        (
            f"inputs: {{url: file:///x, sha256: {DIGEST}, path: ../../.ssh/config}}",
            f"4:110: `path` {MAIN} a path inside the project",
            "correct it",
        ),
        (
            "outputs: [../out]",
            (
                f"4:15: `outputs` {MAIN} globs relative to the project that stay inside it, not"
                " `../out`"
            ),
            "write `model.pkl`, or `{path: model.pkl}`",
        ),
        (
            "metrics: {compare: bytes}",
            (
                f"4:14: `metrics` {MAIN} globs relative to the project that stay inside it, not a"
                " mapping"
            ),
            "write `model.pkl`, or `{path: model.pkl}`",
        ),
        (
            "env: [1A]",
            f"4:11: `env` {MAIN} names of variables, or a mapping, not `1A`",
            "write `env: {NAME: value}`, or a list of `NAME` or `NAME=value`",
        ),
        (
            "env: {A-B: x}",
            "4:11: `A-B` in `env` of entry point `main` can't name a variable",
            "use letters, digits and underscores",
        ),
        (
            "env: {A: [x]}",
            f"4:14: `A` {MAIN} text, or nothing to keep the caller's value, not a list",
            "quote the value",
        ),
        (
            "timeout: soon",
            f"4:14: `timeout` {MAIN} a time above zero, not `soon`",
            "write seconds, or `90s`, `15m`, `2h`",
        ),
        (
            "timeout: 0",
            f"4:14: `timeout` {MAIN} a time above zero, not `0`",
            "write seconds, or `90s`, `15m`, `2h`",
        ),
        (
            "timeout: true",
            f"4:14: `timeout` {MAIN} a time above zero, not `true`",
            "write seconds, or `90s`, `15m`, `2h`",
        ),
        (
            "resources: big",
            f"4:16: `resources` {MAIN} a mapping, not `big`",
            "write `resources: {cpus: 4}`",
        ),
        (
            "description: [a]",
            f"4:18: `description` {MAIN} text, not a list",
            "write `description: some words`",
        ),
    ],
)
def test_a_wrong_addition_is_refused(added: str, message: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        entry_point(tmp_path, added)
    assert (caught.value.message, caught.value.hint) == (f"MLproject:{message}", hint)


@pytest.mark.parametrize(
    ("declaration", "message", "hint"),
    [
        (
            "{choices: adam}",
            "4:31: `choices` of {} must be a list of values, not `adam`",
            "write `choices: [adam, sgd]`",
        ),
        (
            "{type: int, min: low}",
            "4:38: `min` of {} must be a number, not `low`",
            "write `min: 1`",
        ),
        (
            "{type: int, max: true}",
            "4:38: `max` of {} must be a number, not `true`",
            "write `max: 1`",
        ),
        (
            "{pattern: [a]}",
            "4:31: `pattern` of {} must be a regular expression, not a list",
            "write `pattern: '[a-z]+'`",
        ),
        (
            "{pattern: '(a'}",
            (
                "4:31: `pattern` of {} is not a regular expression: missing ), unterminated"
                " subpattern"
                " at position 0"
            ),
            "put a backslash before special characters",
        ),
        (
            "{optional: maybe}",
            "4:32: `optional` of {} must be true or false, not `maybe`",
            "write `optional: true`",
        ),
        (
            "{secret: sure}",
            "4:30: `secret` of {} must be true or false, not `sure`",
            "write `secret: true`",
        ),
    ],
)
def test_a_wrong_constraint_is_refused(
    declaration: str, message: str, hint: str, tmp_path: Path
) -> None:
    content = (
        f"entry_points:\n  main:\n    command: x {{p}}\n    parameters: {{p: {declaration}}}\n"
    )
    files = project(tmp_path, content)
    with pytest.raises(ManifestError) as caught:
        choose(load(files), None, files)
    owner = "parameter `p` of entry point `main`"
    assert (caught.value.message, caught.value.hint) == (
        f"MLproject:{message.format(owner)}",
        hint,
    )


def test_what_may_be_meant_to_be_secret_is_kept_secret(tmp_path: Path) -> None:
    content = "entry_points:\n  main:\n    command: x {p}\n    parameters: {p: {secret: yess}}\n"
    assert load(project(tmp_path, content)).entry_points[0].parameters[0].secret


def test_credentials_in_an_address_are_told_and_not_shown(tmp_path: Path) -> None:
    content = (
        "entry_points:\n  main:\n    command: x\n"
        f"    inputs: {{url: 'https://me:hunter2@example.org/x', sha256: {DIGEST}}}\n"
    )
    (problem,) = load(project(tmp_path, content)).problems
    assert problem.message == "the address of an input holds credentials"
    assert problem.hint == "remove them"
    assert "hunter2" not in str(problem)
