"""No credential stays in a lock, and those that stand as variables are put in at use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.conda import lock_addresses, lock_file
from runner.conda.model import LockedPackage
from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from pathlib import Path

A = "conda.example.org/forge/noarch/a-1-0.conda"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (f"https://{A}", f"https://{A}"),
        (f"https://user:secret@{A}", f"https://{A}"),
        (f"https://secret@{A}", f"https://{A}"),
        (f"https://user:se@cret@{A}", f"https://{A}"),
        (f"https://$USER:secret@{A}", f"https://{A}"),
        (f"https://$USER:$PASS_1@{A}", f"https://$USER:$PASS_1@{A}"),
        (f"https://${{USER}}:${{PASS}}@{A}", f"https://${{USER}}:${{PASS}}@{A}"),
        ("https://host/t/se-cret/c/noarch/a-1-0.conda", "https://host/c/noarch/a-1-0.conda"),
        ("https://host/t/<TOKEN>/c/a-1-0.conda", "https://host/c/a-1-0.conda"),
        ("https://host/t/$TOKEN/c/a-1-0.conda", "https://host/t/$TOKEN/c/a-1-0.conda"),
        ("https://u:s@host/x/t/s/c/a-1-0.conda", "https://host/x/c/a-1-0.conda"),
        ("file:///home/t/mine/c/a-1-0.conda", "file:///home/t/mine/c/a-1-0.conda"),
        ("https://host/source/t/tqdm/tqdm-1.tar.gz", "https://host/source/t/tqdm/tqdm-1.tar.gz"),
        ("git+https://u:secret@host/a.git@main", "git+https://host/a.git@main"),
        ("git+ssh://git@host/a.git@main", "git+ssh://git@host/a.git@main"),
        ("ssh://git:secret@host/a.git", "ssh://git@host/a.git"),
    ],
)
def test_credentials_are_taken_off(address: str, public: str) -> None:
    assert lock_addresses.public(address) == public
    line = f"  url: '{address}'  # a@b\n"
    assert lock_addresses.public(line * 2) == f"  url: '{public}'  # a@b\n" * 2


def test_no_credential_is_written() -> None:
    package = LockedPackage("a", "1", f"https://user:secret@{A}", build="0", md5="0" * 32)
    text = lock_file.write(
        (package,),
        channels=("https://user:secret@conda.example.org/forge", "https://x/t/secret/c"),
        platform="linux-64",
        origin=None,
        specification="1",
        custom={},
    )
    assert "secret" not in text
    assert f"https://{A}" in text


def test_a_credential_is_in_no_message() -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        lock_file.read(
            "@EXPLICIT\nhttps://user:secret@host/t/secret/a\n", platform="linux-64", origin=None
        )
    assert "secret" not in caught.value.message
    assert "https://host/a" in caught.value.message


def test_variables_are_put_in_at_use() -> None:
    address = f"https://${{WHO}}:$WORD@{A}"
    assert lock_addresses.variables(address) == ("WHO", "WORD")
    found = lock_addresses.expanded(address, {"WHO": "me", "WORD": "p$WHO\\1"})
    assert found == f"https://me:p$WHO\\1@{A}"
    address = "https://host/t/$TOKEN/c/$TOKEN-1-0.conda"
    assert lock_addresses.expanded(address, {"TOKEN": "x"}) == "https://host/t/x/c/$TOKEN-1-0.conda"


@pytest.mark.parametrize("environment", [{}, {"TOKEN": ""}])
def test_a_variable_that_is_not_set_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        lock_addresses.expanded("https://host/t/$TOKEN/c/a-1-0.conda", environment)
    assert caught.value.message == (
        "the lock takes the credentials for host from $TOKEN, which isn't set"
    )
    assert caught.value.hint == "set TOKEN"


def test_conda_lock_asks_for_the_same_variables() -> None:
    from conda_lock.models.channel import Channel

    for url in ("https://$WHO:${WORD}@host/c", "https://host/t/$TOKEN/c"):
        assert lock_addresses.variables(url) == tuple(
            sorted(Channel.from_string(url).used_env_vars)
        )


def test_conda_lock_learns_which_variables_the_channels_need(tmp_path: Path) -> None:
    from conda_lock.lockfile import parse_conda_lock_file

    path = tmp_path / "conda-lock.yml"
    text = lock_file.write(
        (),
        channels=("https://$WHO:$WORD@host/c", "https://host/d"),
        platform="linux-64",
        origin=None,
        specification="1",
        custom={},
    )
    path.write_text(text)
    found = parse_conda_lock_file(path).metadata.channels
    assert [one.used_env_vars for one in found] == [("WHO", "WORD"), ()]
