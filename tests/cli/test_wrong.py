"""What a person may do wrong in a request, and the clear word for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.web import serve_http

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Served
    from tests.support.program import Program

LOCAL = ("--env-manager", "local")
NEED = ("-e", "need")


def _refused(reprun: Program, *arguments: str, code: int = 2) -> list[str]:
    """What `reprun run` says when it refuses; nothing is left of it."""
    said = reprun("run", *arguments)
    assert said.code == code, said
    assert said.out == ""
    assert "Traceback" not in said.err
    lines = said.err.splitlines()
    while not lines[0].startswith("error: "):
        del lines[0]
    assert lines[-1].startswith("hint: "), said.err
    assert not lines[0].endswith(".")
    assert reprun.records() == []
    assert reprun.leftovers() == []
    return lines


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ("-P", "coutn=2"),
            "`coutn`",
            "count",
        ),
        (
            ("-P", "count=many"),
            "MLproject:6:7: parameter `count` of `main` must be an integer, not `many`",
            "-P count=",
        ),
        (("-P", "count=0"), "parameter `count` of `main` must be", "-P count="),
        (("-P", "count=10"), "parameter `count` of `main` must be", "-P count="),
        (
            ("-P", "mode=quiet"),
            "must be one of `plain`, `loud`, not `quiet`",
            "-P mode=plain",
        ),
        (
            ("-P", "count=1", "-P", "count=2"),
            "parameter `count` is given twice",
            "keep one of the two `-P count=…`",
        ),
        (("-P", "count"), "`-P count` is not of the form NAME=value", "`-P count=VALUE`"),
        (("-P",), "option '-P' requires an argument", "`reprun run --help`"),
        (("-e", "mian"), "no entry point `mian` in MLproject", "did you mean `main`?"),
        (("-e", "gone.py"), "`gone.py` is neither an entry point nor a file", "commit the script"),
        (("--env-manager", "cnoda"), "no environment manager `cnoda`", "`--env-manager conda`?"),
        (("--timeout", "soon"), "`soon` is not a duration", "15m"),
        (("--timeout", ""), "`` is not a duration", "15m"),
        (("--as-of", "monday"), "neither `commit` nor a date", "--as-of 2024"),
        (("-b", "kubernetes"), "no backend `kubernetes`", "leave `--backend` away"),
        (("-c", "gone.json"), "`--backend-config gone.json` can't be read: no such file", "JSON"),
        (("-c", "[]"), "`--backend-config []` holds no JSON object", "{}"),
        (("--tag", "x"), "`--tag x` is not of the form", "--tag x=VALUE"),
        (
            ("--experiment-name", "a", "--experiment-id", "1"),
            "only one of --experiment-name and --experiment-id",
            "reprun run --help",
        ),
        (("--frobnicate",), "no such option '--frobnicate'", "reprun run --help"),
        (("extra",), "unexpected extra argument (extra)", "reprun run --help"),
        (("-v", "main"), "without a git repository, so it has no version `main`", "--version"),
    ],
)
def test_wrong_flags_and_parameters(
    reprun: Program, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    lines = _refused(reprun, ".", *arguments)
    assert message in lines[0]
    assert hint in lines[-1]


@pytest.mark.usefixtures("sample")
def test_missing_parameters_are_all_named_before_anything_happens(reprun: Program) -> None:
    text = "\n".join(_refused(reprun, ".", *NEED))
    assert "alpha" in text
    assert "data" in text


@pytest.mark.usefixtures("sample")
def test_all_violations_come_at_once(reprun: Program) -> None:
    lines = _refused(reprun, ".", "-P", "count=x", "-P", "mode=y")
    assert lines[0] == "error: 2 things are wrong with the parameters of `main`"
    assert any("`count`" in line for line in lines[1:])
    assert any("`mode`" in line for line in lines[1:])


@pytest.mark.usefixtures("sample")
def test_a_path_that_is_not_there(reprun: Program) -> None:
    values = ("-P", "alpha=1", "-P", "data=gone.csv")
    lines = _refused(reprun, ".", *NEED, *values, *LOCAL, code=2)
    assert "gone.csv" in lines[0]
    assert "`data`" in lines[0]


@pytest.mark.parametrize(
    ("uri", "code", "message", "hint"),
    [
        ("", 2, "the project's address is empty", "such as `.`"),
        ("nowhere", 125, "there is nothing at `nowhere`", "give a directory"),
        ("github.com/a/b", 125, "nothing at `github.com/a/b`", "`https://github.com/a/b`?"),
        ("htps://example.org/a", 2, "the scheme `htps`", "`https://example.org/a`?"),
        ("https://", 2, "names no repository", "https://HOST/OWNER/NAME"),
        (".#../other", 2, "leaves the project's source", "URL#"),
        ("main.py", 2, "`main.py` is a file, not a project", "directory"),
        ("ext::sh -c x", 2, "asks git to start a program", "https"),
        ("--upload-pack=x", 2, "no such option '--upload-pack", "reprun run --help"),
        (".#nowhere", 125, "has no directory `nowhere`", "hint: "),
    ],
)
@pytest.mark.usefixtures("sample")
def test_wrong_addresses(reprun: Program, uri: str, code: int, message: str, hint: str) -> None:
    lines = _refused(reprun, uri, code=code)
    assert message in lines[0]
    assert hint in lines[-1]


def test_outside_of_a_project(reprun: Program) -> None:
    lines = _refused(reprun, ".")
    assert lines[0] == (
        f"error: there is no MLproject file in {reprun.directory}, and no script was named"
    )
    (reprun.directory / "train.py").write_text("")
    assert _refused(reprun, ".")[-1] == "hint: pass `-e train.py` to run a script"


def test_an_empty_list_of_runs_says_where_to_start(reprun: Program) -> None:
    assert reprun("runs", "list").out == "no runs yet; start with `reprun run .`\n"
    for command in ("show", "logs", "artifacts", "get"):
        said = reprun("runs", command)
        assert said.code == 2
        assert said.err == "error: there is no run yet\nhint: start with `reprun run .`\n"


def test_a_url_that_is_not_there(reprun: Program, served: Served) -> None:
    lines = _refused(reprun, f"{served.daemon.url}/nothing", code=125)
    assert f"{served.daemon.url}/nothing" in lines[0]
    assert "there is no git repository at" in lines[0]


def test_a_version_that_is_not_there(reprun: Program, served: Served) -> None:
    lines = _refused(reprun, served.url, "-v", "mian", code=125)
    assert "`mian`" in lines[0]
    assert "main" in lines[-1]


def test_no_network(reprun: Program, served: Served) -> None:
    served.daemon.stop()
    lines = _refused(reprun, served.url, code=125)
    assert lines[0] == f"error: can't reach {served.url}"
    assert "check the network" in lines[-1]


def test_a_host_that_does_not_exist(reprun: Program) -> None:
    lines = _refused(reprun, "git://no-such-host.invalid/x", code=125)
    assert "no such host" in lines[0]


def test_a_repository_that_asks_for_a_password(reprun: Program, tmp_path: Path) -> None:
    samples.commit(tmp_path / "site" / "private")
    with serve_http(tmp_path / "site", user="ann", password="right-one") as server:
        lines = _refused(reprun, f"{server.url}/private", code=125)
        wrong = _refused(
            reprun, server.url.replace("//", "//ann:wrong-one@") + "/private", code=125
        )
    assert "asks for a password, or is not there for you" in lines[0]
    assert "wrong-one" not in "\n".join(wrong)


def test_no_git(reprun: Program, served: Served) -> None:
    samples.commit(reprun.directory / "local")
    for uri in (served.url, "local"):
        said = reprun("run", uri, PATH="/nonexistent")
        assert said.code == 125
        assert said.err == (
            "error: there is no `git` on PATH\nhint: install git, version 2.30 or newer\n"
        )


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("entry_points:\n\tmain: x\n", "MLproject:2:1"),
        (
            "entry_points:\n  main:\n    command: python {nmae}\n    parameters: {name: str}\n",
            "nmae",
        ),
        ("", "MLproject"),
        ("just prose", "MLproject:1:1"),
    ],
)
def test_wrong_manifests(reprun: Program, manifest: str, message: str) -> None:
    samples.lay(reprun.directory, manifest)
    said = reprun("run", ".")
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err
    assert reprun("check").code == 2


def test_commands_that_do_not_exist(reprun: Program) -> None:
    said = reprun("rnu", ".")
    assert said.code == 2
    assert said.err.startswith("error: there is no command `rnu`; did you mean `reprun run`?\n")
    assert "did you mean `reprun runs list`?" in reprun("list").err
    said = reprun("runs", "lits")
    assert said.code == 2
    assert "lits" in said.err


def test_reprun_alone_shows_what_it_can_do(reprun: Program) -> None:
    for arguments in ((), ("runs",)):
        said = reprun(*arguments)
        assert said.code == 2
        assert "Usage: reprun" in said.err
        assert "error" not in said.err


@pytest.mark.parametrize(
    "command",
    [
        ("run",), ("check",), ("lock",), ("shell",), ("doctor",), ("completion",),
        ("runs",), ("runs", "list"), ("runs", "show"), ("runs", "logs"), ("runs", "artifacts"),
        ("runs", "get"), ("runs", "delete"),
    ],
)  # fmt: skip
def test_every_help_has_an_example(reprun: Program, command: tuple[str, ...]) -> None:
    said = reprun(*command, "--help")
    assert said.code == 0
    assert "Example" in said.out
    assert f"reprun {' '.join(command)}" in said.out.rpartition("Example")[2]
