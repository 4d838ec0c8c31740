"""Which channels a project gets, of its own words and of the person's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.conda.channels import effective, logins
from runner.conda.configuration import Configuration
from runner.errors import ChannelRefused, EnvironmentFailure
from tests.conda.test_configuration import reading

if TYPE_CHECKING:
    from pathlib import Path

HOME = "/home/somebody"
NOTHING = Configuration(home=HOME)
FORGE = ("conda-forge", "https://conda.anaconda.org/conda-forge")
MAIN = "https://repo.anaconda.com/pkgs/main"
R = "https://repo.anaconda.com/pkgs/r"


def found(*asked: str, by: Configuration = NOTHING) -> list[tuple[str, ...]]:
    return [(one.name, *one.addresses) for one in effective(asked, by)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("conda-forge", FORGE),
        (" conda-forge ", FORGE),
        ("conda-forge/", FORGE),
        ("conda-forge/linux-64", FORGE),
        ("conda-forge/noarch", FORGE),
        ("https://conda.anaconda.org/conda-forge/", FORGE),
        ("https://conda.anaconda.org/conda-forge/linux-64", FORGE),
        ("HTTPS://Conda.Anaconda.org/conda-forge", FORGE),
        ("https://conda.anaconda.org/conda-forge/linux-64/a-1-0.conda", FORGE),
        ("conda-forge/label/dev",
         ("conda-forge/label/dev", "https://conda.anaconda.org/conda-forge/label/dev")),
        ("pkgs/main", ("pkgs/main", MAIN)),
        (MAIN, ("pkgs/main", MAIN)),
        ("pkgs/pro", ("pkgs/pro", "https://repo.anaconda.com/pkgs/pro")),
        ("defaults", ("defaults", MAIN, R)),
        ("http://h.example:81/a/b", ("http://h.example:81/a/b",) * 2),
        ("https://u:hush@h.example/a", ("https://h.example/a",) * 2),
        ("https://h.example/t/hush/a", ("https://h.example/a",) * 2),
        ("https://conda.anaconda.org/t/hush/me", ("me", "https://conda.anaconda.org/me")),
        ("file:///srv/my%20channel", ("file:///srv/my%20channel",) * 2),
        ("file:///srv/t/x", ("file:///srv/t/x",) * 2),
        ("/srv/my channel", ("/srv/my channel", "file:///srv/my%20channel")),
        ("/srv/channel/linux-64", ("/srv/channel/linux-64", "file:///srv/channel")),
        ("~/channel", ("~/channel", f"file://{HOME}/channel")),
        ("/", ("/", "file:///")),
        ("local", ("local", f"file://{HOME}/conda-bld")),
        ("oci://ghcr.example/channel", ("oci://ghcr.example/channel",) * 2),
        ("http://[::1]:81/a", ("http://[::1]:81/a",) * 2),
    ],
)  # fmt: skip
def test_what_a_channel_stands_for(asked: str, expected: tuple[str, ...]) -> None:
    assert found(asked) == [expected]


def test_the_order_is_kept_and_nothing_comes_twice() -> None:
    assert found("b", "a", "b", "https://conda.anaconda.org/a") == [
        ("b", "https://conda.anaconda.org/b"),
        ("a", "https://conda.anaconda.org/a"),
    ]
    assert found("pkgs/main", "defaults") == [("pkgs/main", MAIN), ("defaults", R)]
    assert found("defaults", "pkgs/main") == [("defaults", MAIN, R)]


def test_who_names_no_channel_at_all_gets_defaults() -> None:
    assert found() == [("defaults", MAIN, R)]
    assert found("conda-forge") == [FORGE]
    assert found("nodefaults") == []


def test_the_persons_channels_come_after_the_projects_unless_nodefaults(tmp_path: Path) -> None:
    by = reading(tmp_path, "channels: [mine, conda-forge]\n")
    mine = ("mine", "https://conda.anaconda.org/mine")
    assert found("conda-forge", by=by) == [FORGE, mine]
    assert found(by=by) == [mine, FORGE]
    assert found("conda-forge", "nodefaults", by=by) == [FORGE]
    assert found("nodefaults", by=by) == []


def test_an_alias_moves_every_name_but_those_with_a_place_of_their_own(tmp_path: Path) -> None:
    by = reading(
        tmp_path,
        "channel_alias: https://art.example/conda\n"
        "custom_channels: {own: 'https://own.example/at', own/deep: 'https://deep.example'}\n"
        "custom_multichannels: {many: [one, 'https://m.example/two', 'https://art.example/conda/x']}\n"
        "default_channels: [main, 'https://r.example/r']\n",
    )
    assert found("conda-forge", by=by) == [("conda-forge", "https://art.example/conda/conda-forge")]
    assert found("own", by=by) == [("own", "https://own.example/at/own")]
    assert found("own/label/x", by=by) == [("own/label/x", "https://own.example/at/own/label/x")]
    assert found("own/deep/x", by=by) == [("own/deep/x", "https://deep.example/own/deep/x")]
    assert found("https://own.example/at/own", by=by) == [("own", "https://own.example/at/own")]
    many = ("https://art.example/conda/one", "https://m.example/two", "https://art.example/conda/x")
    assert found("many", by=by) == [("many", *many)]
    assert found("two", by=by) == [("two", "https://m.example/two")]
    assert found("defaults", by=by) == [
        ("defaults", "https://art.example/conda/main", "https://r.example/r")
    ]
    assert found("https://conda.anaconda.org/x", by=by) == [("https://conda.anaconda.org/x",) * 2]


def test_defaults_can_be_made_of_something_else(tmp_path: Path) -> None:
    by = reading(tmp_path, "custom_multichannels: {defaults: [conda-forge]}\n")
    assert found("defaults", by=by) == [("defaults", FORGE[1])]


def test_mambas_mirrored_channels_are_channels(tmp_path: Path) -> None:
    by = reading(
        tmp_path,
        "mirrored_channels: {conda-forge: ['https://a.example/cf', 'https://b.example/f']}\n",
    )
    assert found("conda-forge", by=by) == [("conda-forge", "https://a.example/cf")]


def test_logins_are_kept_apart_and_the_projects_own_come_first(tmp_path: Path) -> None:
    by = reading(tmp_path, "channel_alias: https://u:hush1@art.example\n")
    asked = ("https://v:hush2@art.example/c/linux-64", "conda-forge", "https://h.example/t/hush3/d")
    kept = logins(asked, by)
    assert [(one.address, one.user, one.password, one.actual) for one in kept] == [
        ("https://art.example/c/", "v", "hush2", None),
        ("https://h.example/d/", None, None, "https://h.example/t/hush3/d/"),
        ("https://art.example/", "u", "hush1", None),
    ]
    assert "hush" not in repr(effective(asked, by))


def test_what_the_person_may_not_use_is_refused(tmp_path: Path) -> None:
    by = reading(tmp_path, "denylist_channels: [defaults]\n")
    with pytest.raises(ChannelRefused, match="`defaults` may not be used: `denylist_channels`"):
        found("conda-forge", "defaults", by=by)
    with pytest.raises(ChannelRefused, match="`pkgs/main` may not be used"):
        found(MAIN, by=by)
    assert found("conda-forge", by=by) == [FORGE]
    by = reading(tmp_path, "allowlist_channels: [conda-forge]\n")
    with pytest.raises(ChannelRefused, match="`bioconda` may not be used: `allowlist_channels`"):
        found("bioconda", by=by)
    assert found("https://conda.anaconda.org/conda-forge", by=by) == [FORGE]
    by = reading(tmp_path, "whitelist_channels: [conda-forge]\n")
    with pytest.raises(ChannelRefused):
        found("bioconda", by=by)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("conda-forge, defaults", "`conda-forge, defaults` is no name of a channel"),
        ("a b", "`a b` is no name of a channel"),
        ("./channel", "the channel `./channel` is a relative path"),
        ("../channel", "is a relative path"),
        ("~other/channel", "is a relative path"),
        ("ftp://u:hush@h.example/c", "the channel `ftp://h.example/c` can't be reached by `ftp`"),
        ("https://u:hush/x@h.example/c", "the address of a channel can't be understood"),
        ("https://", "the address of a channel can't be understood"),
        ("https://h.example/a b", "the address of a channel can't be understood"),
        ("https://[::1/c", "the address of a channel can't be understood"),
        ("https://h.example:x/c", "the address of a channel can't be understood"),
    ],
)
def test_what_can_be_no_channel_is_refused(asked: str, expected: str) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        found(asked)
    assert expected in caught.value.message
    assert "hush" not in caught.value.message + str(caught.value.hint)
