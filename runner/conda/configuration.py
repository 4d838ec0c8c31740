"""What a person's own configuration of conda says of channels and of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct, field

from runner.conda.logins import Login  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Priority = Literal["strict", "flexible", "disabled"]

ALIAS: Final = "https://conda.anaconda.org"
DEFAULT_CHANNELS: Final = (
    "https://repo.anaconda.com/pkgs/main",
    "https://repo.anaconda.com/pkgs/r",
)
CUSTOM_CHANNELS: Final = {"pkgs/pro": "https://repo.anaconda.com/pkgs/pro"}
RETRIES: Final = 3
PATIENCE: Final = 60.0


class Configuration(Struct, frozen=True):
    """Conda's configuration, as far as it decides where packages come from.

    Not read, because py-rattler has nothing for it: `channel_settings` (plugins that log in),
    `client_ssl_cert` and `client_ssl_cert_key`, `remote_connect_timeout_secs` and proxies for one
    host; the first two and the last are told in `warnings`. Not read either: `migrated_…`, and
    whatever says how conda itself installs and shows things. No address here has credentials.

    Attributes:
        channels: names and addresses that come after those a project names; empty where the
            person has configured none.
        default_channels: what `defaults` stands for.
        alias: address below which channels lie that have nothing but a name.
        custom_channels: name → address.
        multichannels: name → names or addresses of what it is made of.
        mirrors: name or address → addresses that have the same packages, the first to try first.
        priority: whether a package is taken from the first channel only that has its name.
        verify: whether a server's certificate is looked at, or the file or folder of the
            authorities that are believed.
        proxies: scheme → address of the proxy, its credentials included.
        retries: after a first attempt.
        patience: seconds in which a server may say nothing.
        allowed: the only channels that may be used, where there are any.
        denied: channels that may not be used.
        compressed: whether `repodata.json.zst` is asked for.
        sharded: whether a channel's index is asked for in pieces.
        logins: every login that it has.
        home: the person's, for `~` in paths.
        files: what was read, the least important first.
        warnings: what was asked for and has no effect here.
    """

    home: str
    channels: tuple[str, ...] = ()
    default_channels: tuple[str, ...] = DEFAULT_CHANNELS
    alias: str = ALIAS
    custom_channels: Mapping[str, str] = field(default_factory=lambda: CUSTOM_CHANNELS)
    multichannels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    priority: Priority = "flexible"
    offline: bool = False
    verify: bool | str = True
    proxies: Mapping[str, str] = field(default_factory=dict)
    retries: int = RETRIES
    patience: float = PATIENCE
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    compressed: bool = True
    sharded: bool = True
    logins: tuple[Login, ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without the proxies, whose addresses may have credentials."""
        return f"Configuration(channels={self.channels!r}, files={self.files!r})"


def read(environ: Mapping[str, str], home: Path, *, root: Path | None = None) -> Configuration:
    """Read conda's files and `CONDA_…` variables, merged as conda merges them.

    The later over the earlier; lists are put together, the more important first; mappings key by
    key; `#!final`, `#!top` and `#!bottom` as conda's documentation, "Configuration", has them.
    Variables beat every file. `root` is where `/etc` and `/var` lie.

    Raises:
        CondaConfigurationInvalid: a file can't be read or understood, with file, line and column.
    """
    from pathlib import Path

    from runner.conda import anaconda_tokens, condarc

    files = list(condarc.paths(environ, home, root or Path("/")))
    bundle = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    if not files and not bundle and not condarc.of_variables(environ):
        return Configuration(home=str(home), logins=anaconda_tokens.read(environ, home))
    from runner.conda import settled

    return settled.settle(files, environ, home)
