"""Credentials and secret parameters are in no record, log, message or file of the two homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.web import serve_http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.index import Index
    from tests.support.program import Program, Said
    from tests.support.web import WebServer

LOCAL = ("--env-manager", "local")
PASSWORD = "hunter2-and-more"
TOKEN = "s3cr3t t0ken/with'quotes"
SECRET = """\
entry_points:
  main:
    parameters: {token: {type: string, secret: true}}
    command: "echo token is {token}; echo to stderr {token} >&2; exit ${{STATUS:-0}}"
"""


def _nowhere(secret: str, reprun: Program, *said: Said) -> None:
    """The secret is in nothing that was printed and in no byte below the homes."""
    for each in said:
        assert secret not in each.out + each.err
    for path in reprun.home.rglob("*"):
        assert secret not in path.name
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.fixture
def private(tmp_path: Path) -> Iterator[WebServer]:
    """A repository that only a password opens."""
    samples.commit(tmp_path / "site" / "private")
    with serve_http(tmp_path / "site", user="ann", password=PASSWORD) as server:
        yield server


def test_a_password_in_a_url(reprun: Program, private: WebServer) -> None:
    url = f"{private.with_password}/private"
    run = reprun("run", url, *LOCAL, "--keep", "--json")
    assert run.code == 0, run.err
    assert run.document["source"]["url"] == f"{private.url}/private"
    assert run.document["request"]["uri"] == f"{private.url}/private"
    shown = [reprun("runs", verb) for verb in ("show", "list", "logs", "artifacts")]
    dry = reprun("run", url, *LOCAL, "--dry-run", "--json")
    wrong = reprun("run", url, *LOCAL, "-v", "nothing")
    assert wrong.code == 125
    gone = reprun("run", f"{private.with_password}/gone", *LOCAL)
    assert gone.code == 125
    _nowhere(PASSWORD, reprun, run, dry, wrong, gone, *shown)


@pytest.mark.parametrize("status", ["0", "3"])
def test_a_secret_parameter(reprun: Program, status: str) -> None:
    samples.lay(reprun.directory, SECRET)
    run = reprun("run", ".", *LOCAL, "-P", f"token={TOKEN}", STATUS=status)
    assert run.code == int(status)
    assert run.out == "token is ***\n"
    assert "to stderr ***\n" in run.err
    dry = reprun("run", ".", *LOCAL, "-P", f"token={TOKEN}", "--dry-run")
    as_json = reprun("run", ".", *LOCAL, "-P", f"token={TOKEN}", "--json")
    assert as_json.document["command"].startswith("echo token is '***'")
    shown = [reprun("runs", verb) for verb in ("show", "list", "logs")]
    _nowhere(TOKEN, reprun, run, dry, as_json, *shown)
    _nowhere("t0ken", reprun)


def test_a_secret_that_breaks_its_declaration_is_not_repeated(reprun: Program) -> None:
    samples.lay(reprun.directory, SECRET.replace("secret: true", "secret: true, pattern: '[0-9]+'"))
    said = reprun("run", ".", *LOCAL, "-P", f"token={TOKEN}")
    assert said.code == 2
    assert "`token`" in said.err
    _nowhere(TOKEN, reprun, said)
    twice = reprun("run", ".", *LOCAL, "-P", f"token={TOKEN}", "-P", f"token={TOKEN}2")
    assert twice.code == 2
    _nowhere(TOKEN, reprun, twice)


def test_a_token_in_the_query_of_an_archive(reprun: Program, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with serve_http(tmp_path / "site") as server:
        said = reprun("run", f"{server.url}/gone.zip?token={PASSWORD}", *LOCAL)
    assert said.code == 125
    assert f"{server.url}/gone.zip" in said.err
    _nowhere(PASSWORD, reprun, said)


def test_a_password_of_the_package_index(reprun: Program, index: Index) -> None:
    index.wheel("six", "1.16.0")
    samples.lay(reprun.directory, requirements_txt="six\n")
    index.password = f"ann:{PASSWORD}"
    address = index.url.replace("//", f"//ann:{PASSWORD}@")
    run = reprun("run", ".", "--json", UV_DEFAULT_INDEX=address)
    assert run.code == 0, run.err
    shown = reprun("runs", "show", "--json")
    (reprun.directory / "requirements.txt").write_text("no-such-package\n")
    wrong = reprun("run", ".", UV_DEFAULT_INDEX=address)
    assert wrong.code == 125
    _nowhere(PASSWORD, reprun, run, shown, wrong)


def test_a_variable_with_a_secret(reprun: Program) -> None:
    samples.lay(reprun.directory)
    run = reprun("run", ".", *LOCAL, "--json", API_KEY=PASSWORD)
    assert "API_KEY" in run.document["variables"]
    _nowhere(PASSWORD, reprun, run)
