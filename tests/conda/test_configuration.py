"""Conda's own configuration, as its files and variables have it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.conda.configuration import Configuration, read
from runner.errors import CondaConfigurationInvalid

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def reading(home: Path, text: str | None = None, **variables: str) -> Configuration:
    """What is read with `text` in `~/.condarc`."""
    if text is not None:
        write(home / ".condarc", text)
    return read(variables, home, root=home / "root")


def test_who_has_configured_nothing_has_condas_defaults(tmp_path: Path) -> None:
    found = reading(tmp_path)
    assert found == Configuration(home=str(tmp_path))
    assert found.channels == ()
    assert found.alias == "https://conda.anaconda.org"
    assert found.priority == "flexible"
    assert found.verify is True
    assert not found.offline


def test_without_a_file_no_yaml_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from runner.conda.configuration import read;"
        f"read({{}}, Path({str(tmp_path)!r}), root=Path({str(tmp_path)!r}));"
        "print([n for n in ('yaml', 'rattler', 'conda_lock') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_place_where_conda_looks_is_looked_at_in_its_order(tmp_path: Path) -> None:
    root, xdg, base = tmp_path / "root", tmp_path / "xdg", tmp_path / "miniforge"
    places = [
        root / "etc/conda/.condarc",
        root / "etc/conda/condarc",
        root / "etc/conda/condarc.d/a.yml",
        root / "etc/conda/condarc.d/b.yaml",
        root / "var/lib/conda/.condarc",
        base / ".condarc",
        base / "condarc.d/x.yml",
        xdg / "conda/.condarc",
        tmp_path / ".config/conda/.condarc",
        tmp_path / ".conda/.condarc",
        tmp_path / ".conda/condarc",
        tmp_path / ".condarc",
        tmp_path / ".mambarc",
        tmp_path / "given.yml",
    ]
    for number, place in enumerate(places):
        write(place, f"channels: [c{number}]\n")
    for ignored in ("etc/conda/condarc.d/c.txt", "etc/conda/other.yml"):
        write(root / ignored, "channels: [wrong]\n")
    environ = {
        "XDG_CONFIG_HOME": str(xdg),
        "CONDA_EXE": str(base / "bin/conda"),
        "CONDARC": "~/given.yml",
        "CONDA_CHANNELS": "v1, v2",
    }
    found = read(environ, tmp_path, root=root)
    assert found.files == tuple(map(str, places))
    expected = [f"c{number}" for number in reversed(range(len(places)))]
    assert found.channels == ("v1", "v2", *expected)


def test_the_active_environments_file_says_nothing_of_a_new_environment(tmp_path: Path) -> None:
    write(tmp_path / "active/.condarc", "channels: [wrong]\n")
    assert reading(tmp_path, CONDA_PREFIX=str(tmp_path / "active")).channels == ()


def test_a_file_of_two_names_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / ".config/conda/.condarc", "channels: [a]\n")
    found = reading(tmp_path, XDG_CONFIG_HOME=str(tmp_path / ".config"))
    assert len(found.files) == 1


def test_later_files_win_and_lists_and_mappings_are_put_together(tmp_path: Path) -> None:
    write(
        tmp_path / "root/etc/conda/.condarc",
        "channel_alias: https://old.example\noffline: true\nchannels: [a, shared]\n"
        "custom_channels: {one: https://a.example, two: https://a.example}\n",
    )
    found = reading(
        tmp_path,
        "channel_alias: https://new.example/conda/\noffline: no\nchannels: [shared, b]\n"
        "custom_channels: {two: https://b.example}\n",
    )
    assert found.alias == "https://new.example/conda"
    assert not found.offline
    assert found.channels == ("shared", "b", "a")
    assert found.custom_channels["one"] == "https://a.example/one"
    assert found.custom_channels["two"] == "https://b.example/two"


def test_how_often_and_how_long_a_server_is_asked(tmp_path: Path) -> None:
    text = "remote_max_retries: 7\nremote_read_timeout_secs: 2.5\n"
    found = reading(tmp_path, text)
    assert (found.retries, found.patience) == (7, 2.5)
    found = reading(tmp_path, text, CONDA_REMOTE_READ_TIMEOUT_SECS="9")
    assert found.patience == 9.0
    assert reading(tmp_path, "remote_read_timeout_secs: 0\n").patience == 60.0


def test_a_systems_file_can_have_the_last_word(tmp_path: Path) -> None:
    write(
        tmp_path / "root/etc/conda/.condarc",
        "channel_alias: https://fixed.example  #!final\n"
        "channels: #!final\n  - only\n"
        "custom_channels:\n  one: https://fixed.example  #!final\n  two: https://a.example\n",
    )
    found = reading(
        tmp_path,
        "channel_alias: https://mine.example\nchannels: [mine]\n"
        "custom_channels: {one: https://mine.example, two: https://mine.example}\n",
        CONDA_CHANNEL_ALIAS="https://mine.example",
    )
    assert found.alias == "https://fixed.example"
    assert found.channels == ("only",)
    assert found.custom_channels["one"] == "https://fixed.example/one"
    assert found.custom_channels["two"] == "https://mine.example/two"


def test_items_can_be_kept_at_the_top_and_at_the_bottom(tmp_path: Path) -> None:
    write(
        tmp_path / "root/etc/conda/.condarc",
        "channels:\n  - first  #!top\n  - last  #!bottom\n  - middle\n",
    )
    assert reading(tmp_path, "channels: [mine]\n").channels == ("first", "mine", "middle", "last")


def test_variables_beat_files(tmp_path: Path) -> None:
    found = reading(
        tmp_path,
        "offline: false\nchannel_priority: strict\nssl_verify: true\n",
        CONDA_OFFLINE="1",
        CONDA_CHANNEL_PRIORITY="disabled",
        CONDA_SSL_VERIFY="false",
        CONDA_DENYLIST_CHANNELS="bad,worse",
    )
    assert found.offline
    assert found.priority == "disabled"
    assert found.verify is False
    assert found.denied == ("bad", "worse")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("strict", "strict"), ("flexible", "flexible"), ("disabled", "disabled"), ("true", "flexible"),
     ("false", "disabled"), ("Strict", "strict"), ("~", "flexible"), ("off", "disabled")],
)  # fmt: skip
def test_priorities_of_old_and_new(tmp_path: Path, written: str, meant: str) -> None:
    assert reading(tmp_path, f"channel_priority: {written}\n").priority == meant


def test_variables_in_values_are_put_in_and_unknown_ones_stay(tmp_path: Path) -> None:
    found = reading(
        tmp_path,
        "channel_alias: https://$USER_OF:${PASS_OF}@h.example/\n"
        "channels: [$NOT_THERE, '${MINE}']\nproxy_servers: {http: 'http://$HOST:1'}\n",
        USER_OF="me", PASS_OF="secret", MINE="own", HOST="proxy.example",
    )  # fmt: skip
    assert found.alias == "https://h.example"
    assert [(login.user, login.password) for login in found.logins] == [("me", "secret")]
    assert found.channels == ("$NOT_THERE", "own")
    assert found.proxies == {"http": "http://proxy.example:1"}


def test_no_address_keeps_a_login_and_none_is_shown(tmp_path: Path) -> None:
    found = reading(
        tmp_path,
        """\
channel_alias: https://u1:hush1@alias.example/t/hush2
channels: ['https://conda.example/t/hush3/mine', 'https://u2:hush%2F4@h.example/c/']
default_channels: ['https://u3:hush5@mirror.example/main']
custom_channels: {own: 'https://u4:hush6@own.example/t/hush7/at'}
custom_multichannels: {many: ['https://u5:hush8@many.example/a', plain]}
mirrored_channels: {twice: ['https://u6:hush9@m.example/t/hush10/a', 'https://n.example/a']}
allowlist_channels: ['https://u7:hush11@alias.example/x']
proxy_servers: {https: 'http://u8:hush12@proxy.example:3128'}
""",
    )
    shown = f"{found!r} {[repr(login) for login in found.logins]}"
    public = [
        str(getattr(found, name))
        for name in found.__struct_fields__
        if name not in {"logins", "proxies"}
    ]
    assert "hush" not in shown + "".join(public)
    secrets = {login.password for login in found.logins if login.password}
    assert secrets == {"hush1", "hush/4", "hush5", "hush6", "hush8", "hush9", "hush11"}
    actual = " ".join(login.actual or "" for login in found.logins)
    assert set(re.findall(r"/t/(\w+)", actual)) == {"hush2", "hush3", "hush7", "hush10"}
    assert found.alias == "https://alias.example"
    assert found.channels == ("https://conda.example/mine", "https://h.example/c")
    assert found.custom_channels["own"] == "https://own.example/at/own"
    assert found.multichannels == {"many": ("https://many.example/a", "plain")}


def test_tokens_of_anaconda_login_are_found(tmp_path: Path) -> None:
    write(tmp_path / ".config/binstar/https%3A%2F%2Fapi.anaconda.org.token", "hush\n")
    places = {(one.address, one.actual) for one in reading(tmp_path).logins}
    assert ("https://conda.anaconda.org/", "https://conda.anaconda.org/t/hush/") in places
    assert reading(tmp_path, "add_anaconda_token: false\n").logins == ()
    write(tmp_path / "bin/data/https%3A%2F%2Fbinstar.example%2Fapi.token", "other")
    (tmp_path / ".condarc").unlink()
    found = reading(tmp_path, BINSTAR_CONFIG_DIR=str(tmp_path / "bin"))
    assert {one.address for one in found.logins} == {
        "https://binstar.example/api/",
        "https://binstar.example/conda/",
    }


def test_certificates_of_files_and_of_requests(tmp_path: Path) -> None:
    bundle = write(tmp_path / "ca.pem", "x")
    assert reading(tmp_path, "ssl_verify: ~/ca.pem\n").verify == str(bundle)
    assert reading(tmp_path, "verify_ssl: no\n").verify is False
    assert reading(tmp_path, "ssl_verify: truststore\n").verify is True
    assert reading(tmp_path, "ssl_verify: true\n", REQUESTS_CA_BUNDLE="/b.pem").verify == "/b.pem"
    assert reading(tmp_path, "ssl_verify: false\n", REQUESTS_CA_BUNDLE="/b.pem").verify is False
    (tmp_path / ".condarc").unlink()
    assert reading(tmp_path, REQUESTS_CA_BUNDLE="/b.pem").verify == "/b.pem"


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "~\n", "---\n", "channels:\n", "channels: []\n", "channels: ~\n",
     "custom_channels:\n", "ssl_verify:\n", "unknown_key: {a: [b, {c: [d]}]}\n",
     "aggressive_update_packages: []\nenvs_dirs: [/x]\nshow_channel_urls: true\n"],
)  # fmt: skip
def test_what_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    found = reading(tmp_path, text)
    assert found == Configuration(home=str(tmp_path), files=found.files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("channels: [a\n", r":2:1: not YAML: .+"),
        ("channels:\n\t- a\n", r":2:1: not YAML: .+"),
        ("- a\n- b\n", r":1:1: must be a mapping, not a list"),
        ("conda-forge\n", r":1:1: must be a mapping, not text"),
        ("offline: false\nchannels: conda-forge\n", r":2:11: `channels` must be a list, not text"),
        ("channels:\n  a: b\n", r":2:3: `channels` must be a list, not a mapping"),
        ("channels:\n  - [a]\n", r":2:5: `channels` must hold texts, not a list"),
        ("channels:\n  -\n", r":2:4: `channels` must hold texts, not nothing"),
        ("channel_alias: [a]\n", r":1:16: `channel_alias` must be one value, not a list"),
        ("channel_alias: conda.example\n",
         r":1:16: `channel_alias` must be an address, not `conda.example`"),
        ("custom_channels: [a]\n", r":1:18: `custom_channels` must be a mapping, not a list"),
        ("custom_channels:\n  own: somewhere\n",
         r":2:8: the location of `own` must be an address, not `somewhere`"),
        ("custom_multichannels:\n  many: one\n",
         r":2:9: `custom_multichannels` must be a list, not text"),
        ("offline: perhaps\n", r":1:10: `offline` must be true or false, not `perhaps`"),
        ("channel_priority: high\n", r":1:19: `channel_priority` must be strict, .+ not `high`"),
        ("ssl_verify: /not/there.pem\n",
         r":1:13: `ssl_verify` names `/not/there.pem`, which isn't there"),
        ("proxy_servers: http://p.example\n",
         r":1:16: `proxy_servers` must be a mapping, not text"),
        ("proxy_servers: {http: 'ftp://u:hush@p.example'}\n",
         r":1:23: the proxy for http must be the address of one"),
        ("proxy_servers:\n  https: 'http://u:hush/x@p.example:1'\n",
         r":2:10: the proxy for https must be the address of one"),
        ("remote_read_timeout_secs: nan\n",
         r":1:27: `remote_read_timeout_secs` must be a number, not `nan`"),
        ("remote_max_retries: many\n", r":1:21: `remote_max_retries` must be a number, not `many`"),
        ("channels: ['https://u:hush/x@h.example/']\n",
         r":1:12: the address of a channel can't be understood"),
        ("channels: ['https://h.example:port/c']\n",
         r":1:12: the address of a channel can't be understood"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(CondaConfigurationInvalid) as caught:
        reading(tmp_path, text)
    message = caught.value.message
    assert re.fullmatch(re.escape(str(tmp_path / ".condarc")) + expected, message), message
    assert "hush" not in message


def test_a_variable_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(CondaConfigurationInvalid, match=r"^CONDA_OFFLINE: `offline` must be true"):
        reading(tmp_path, CONDA_OFFLINE="maybe")


def test_what_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_bytes(b"channels: [\xff\xfe]\n")
    with pytest.raises(CondaConfigurationInvalid, match="is not text in UTF-8"):
        reading(tmp_path)
    with (tmp_path / ".condarc").open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(CondaConfigurationInvalid, match="is larger than 1 MiB"):
        reading(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path / ".condarc", "channels: [a]\n").chmod(0)
    with pytest.raises(CondaConfigurationInvalid, match=r"can't be read: permission denied"):
        reading(tmp_path)


def test_what_has_no_effect_here_is_said(tmp_path: Path) -> None:
    found = reading(
        tmp_path,
        "client_ssl_cert: /c.pem\nchannel_settings:\n  - {channel: a, auth: b}\n"
        "proxy_servers: {'https://u:hush@h.example': 'http://p.example'}\n",
    )
    assert len(found.warnings) == 3
    assert "`client_ssl_cert` has no effect" in found.warnings[0]
    assert "`channel_settings` has no effect" in found.warnings[1]
    assert "the proxy for `h.example` alone has no effect" in found.warnings[2]
    assert "hush" not in "".join(found.warnings)
