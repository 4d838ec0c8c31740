"""Tests of what an address means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import RequestError, SourceNotFound
from runner.source.address import classify, public_url, split_uri
from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "uri", "subdirectory"),
    [
        ("https://h/o/n", "https://h/o/n", ""),
        ("https://h/o/n#models/a", "https://h/o/n", "models/a"),
        ("https://h/o/n#./models//a/", "https://h/o/n", "models/a"),
        (".#", ".", ""),
        ("#sub", "", "sub"),
    ],
)
def test_a_uri_is_parted_from_its_subdirectory(text: str, uri: str, subdirectory: str) -> None:
    assert split_uri(text) == (uri, subdirectory)


@pytest.mark.parametrize("text", [".#../x", ".#a/../../x", ".#/etc"])
def test_a_subdirectory_never_leaves_the_source(text: str) -> None:
    with pytest.raises(RequestError, match="leaves the project's source"):
        split_uri(text)


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("https://h/o/n", "https://h/o/n"),
        ("https://user:secret@h/o/n.git", "https://h/o/n.git"),
        ("https://token@h/o/n.git", "https://h/o/n.git"),
        ("https://user:se@cret@h:8443/o/n", "https://h:8443/o/n"),
        ("https://h/o/n?private_token=secret", "https://h/o/n"),
        ("https://h/o/n?a=1#frag", "https://h/o/n"),
        ("ssh://git:secret@h/o/n", "ssh://git@h/o/n"),
        ("git@h:o/n.git", "git@h:o/n.git"),
        ("git:secret@h:o/n.git", "git@h:o/n.git"),
        ("models/a", "models/a"),
    ],
)
def test_credentials_are_removed(uri: str, public: str) -> None:
    assert public_url(uri) == public


@pytest.mark.parametrize(
    "uri",
    [
        "https://h/o/n",
        "http://h/o/n.git",
        "ssh://git@h/o/n",
        "git@h:o/n.git",
        "h.example.org:o/n",
        "git://h/o/n",
        "https://[::1]:8443/o/n",
    ],
)
def test_git_urls(uri: str, tmp_path: Path) -> None:
    address = classify(uri, tmp_path)
    assert (address.kind, address.url, address.path) == ("git", uri, None)


def test_a_scheme_in_capitals_is_one_in_small_letters(tmp_path: Path) -> None:
    address = classify("HTTPS://h/o/n", tmp_path)
    assert (address.kind, address.url) == ("git", "https://h/o/n")
    assert address.key == classify("https://h/o/n", tmp_path).key


def test_one_address_has_one_key_whatever_its_credentials(tmp_path: Path) -> None:
    plain = classify("https://h/o/n.git", tmp_path)
    assert classify("https://u:p@h/o/n.git", tmp_path).key == plain.key
    assert plain.key.startswith("n-")
    assert classify("https://h/o/m.git", tmp_path).key != plain.key


@pytest.mark.parametrize("uri", ["https://h/o/n.zip", "http://h/n.ZIP", "https://h/n.zip?token=x"])
def test_zip_urls(uri: str, tmp_path: Path) -> None:
    assert classify(uri, tmp_path).kind == "zip"


def test_paths_start_from_the_caller(tmp_path: Path) -> None:
    Repository(tmp_path / "here" / "a b ü")
    for uri in ("a b ü", "./a b ü", str(tmp_path / "here" / "a b ü")):
        assert classify(uri, tmp_path / "here").path == tmp_path / "here" / "a b ü"
    assert classify("", tmp_path).path == tmp_path
    assert classify(".", tmp_path).path == tmp_path


def test_file_urls_are_paths(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    for uri in (f"file://{tmp_path}/a b", f"file://{tmp_path}/a%20b", f"FILE://{tmp_path}/a b"):
        address = classify(uri, tmp_path)
        assert (address.kind, address.path) == ("local", tmp_path / "a b")
    with pytest.raises(RequestError, match="names the host `server`"):
        classify("file://server/a", tmp_path)


def test_a_directory_with_a_colon_in_its_name_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "host:name").mkdir()
    assert classify("host:name", tmp_path).kind == "local"


@pytest.mark.parametrize(
    ("uri", "message", "hint"),
    [
        ("htps://h/o/n", "the scheme `htps`", "did you mean `https://h/o/n`?"),
        ("gti://h/o/n", "the scheme `gti`", "did you mean `git://h/o/n`?"),
        ("ftp://u:secret@h/o/n", "the scheme `ftp` of `ftp://h/o/n`", "use one of https"),
        ("file://u:secret@h/o/n", "names the host `h`", "write file:///PATH"),
        ("https://", "names no repository", "https://HOST/OWNER/NAME"),
        ("https://github.com", "names no repository", "https://HOST/OWNER/NAME"),
        ("https://-oProxyCommand=x/o/n", "names no repository", "https://"),
        ("--upload-pack=touch /tmp/x", "looks like an option", "write `./--upload-pack"),
        ("-v", "looks like an option", "write `./-v`"),
        ("ext::sh -c touch% /tmp/x", "asks git to start a program", "use an https"),
        ("fd::17", "asks git to start a program", "use an https"),
        (r"C:\Users\me\project", "is a Windows path", "give a path or a URL"),
        ("https://h/o/n\nx", "can't be printed", None),
    ],
)
def test_what_is_refused(uri: str, message: str, hint: str | None, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        classify(uri, tmp_path)
    assert message in caught.value.message
    assert "secret" not in caught.value.message
    assert (hint is None and caught.value.hint is None) or str(hint) in str(caught.value.hint)
    assert caught.value.exit_code == 2


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(SourceNotFound, match="there is nothing at `projekt`") as caught:
        classify("projekt", tmp_path)
    assert caught.value.hint == f"did you mean `{tmp_path / 'project'}`?"
    with pytest.raises(SourceNotFound) as caught:
        classify("github.com/owner/name", tmp_path)
    assert caught.value.hint == "did you mean `https://github.com/owner/name`?"
    with pytest.raises(SourceNotFound) as caught:
        classify("nothing/like/it", tmp_path)
    assert "give a directory" in str(caught.value.hint)


def test_a_file_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("name: x")
    with pytest.raises(RequestError, match="is a file, not a project") as caught:
        classify("MLproject", tmp_path)
    assert "directory that it lies in" in str(caught.value.hint)
