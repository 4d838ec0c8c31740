"""Makes py-rattler's client go to the network as the person's configuration of conda has it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlsplit

from runner.conda.logins import has_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rattler import SourceConfig
    from rattler.networking import Client
    from rattler.networking.fetch_repo_data import CacheAction

    from runner.conda.configuration import Configuration
    from runner.conda.logins import Login

OFFLINE: Final = "the configuration of conda says offline"
_STORE: Final = "RATTLER_AUTH_FILE"


def client(
    configuration: Configuration, logins: tuple[Login, ...] = (), *, seconds: int | None = None
) -> Client:
    """What asks servers for indexes and packages; of two logins for one place the first counts.

    `seconds` is for a whole answer, its body included, so it is of no use for large packages;
    py-rattler has no other limit: `silence` has.

    What is no login of conda's comes after those: rattler's own store (`rattler auth login`,
    `pixi auth login`) and `~/.netrc`. A password goes to its host, and there below its path only;
    py-rattler does not tell one port of a host from another. Where a redirect leads to another
    host, the password is left behind, but the address that led there, token included, is told
    (`Referer`), which can't be switched off.
    """
    from rattler import networking

    if configuration.offline:
        return networking.Client([networking.AddHeadersMiddleware(_refuse)])
    replaced = _replaced(configuration, logins)
    retries = max(configuration.retries, *(len(ones) - 1 for ones in replaced.values()), 0)
    if configuration.verify is False:
        return _unverified(configuration, logins, replaced, retries, seconds)
    with _variables(_told(configuration)):
        return networking.Client(
            [
                networking.RetryMiddleware(retries),
                networking.MirrorMiddleware(replaced),
                networking.AddHeadersMiddleware(_authorization(logins)),
                networking.AuthenticationMiddleware(),
                networking.OciMiddleware(),
                networking.GCSMiddleware(),
                networking.S3Middleware(),
            ],
            user_agent=_agent(),
            timeout=seconds,
        )


def source_configs(
    configuration: Configuration, *, anew: bool = False
) -> tuple[SourceConfig, dict[str, SourceConfig]]:
    """A gateway's `default_config` and `per_channel_config`: offline, only what is cached.

    Folders of this machine are read all the same. `anew` asks servers that said their index would
    hold for a while, too.
    """
    from rattler import SourceConfig

    online: CacheAction = "no-cache" if anew else "cache-or-fetch"
    here = SourceConfig(sharded_enabled=configuration.sharded)
    default = SourceConfig(
        zstd_enabled=configuration.compressed,
        sharded_enabled=configuration.sharded,
        cache_action="force-cache-only" if configuration.offline else online,
    )
    return default, {"file:///": here}


def _refuse(_host: str, _path: str) -> NoReturn:
    raise ConnectionError(OFFLINE)


def _agent() -> str:
    from runner.version import __version__

    return f"reprun/{__version__}"


def _replaced(configuration: Configuration, logins: tuple[Login, ...]) -> dict[str, list[str]]:
    """Address → addresses that are asked instead, all with a slash at their end."""
    found = {one.address: [one.actual] for one in reversed(logins) if one.actual}
    for name, mirrors in configuration.mirrors.items():
        if mirrors:
            key = name if has_scheme(name) else mirrors[0]
            found[f"{key}/"] = [_actual(f"{one}/", logins) for one in mirrors]
    return {key: ones for key, ones in found.items() if ones != [key]}


def _actual(address: str, logins: tuple[Login, ...]) -> str:
    """`address` with the token of the nearest login."""
    fitting = [one for one in logins if one.actual and address.startswith(one.address)]
    if not fitting:
        return address
    nearest = max(fitting, key=lambda one: len(one.address))
    return (nearest.actual or nearest.address) + address.removeprefix(nearest.address)


def _authorization(logins: tuple[Login, ...]) -> Callable[[str, str], dict[str, str] | None]:
    """What gives a request the header that its host and path ask for."""
    known = sorted(
        ((*_place(one), _basic(one)) for one in logins if one.user is not None),
        key=lambda entry: -len(entry[1]),
    )

    def headers(host: str, path: str) -> dict[str, str] | None:
        for at, below, value in known:
            if host.strip("[]").lower() == at and path.startswith(below):
                return {"Authorization": value}
        return None

    return headers


def _place(login: Login) -> tuple[str, str]:
    parts = urlsplit(login.actual or login.address)
    return parts.hostname or "", parts.path


def _basic(login: Login) -> str:
    pair = f"{login.user}:{login.password or ''}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _told(configuration: Configuration) -> dict[str, str]:
    """Variables that py-rattler's transport reads when a client is made."""
    told: dict[str, str] = {}
    for scheme, address in configuration.proxies.items():
        told |= {f"{scheme}_proxy": address, f"{scheme.upper()}_PROXY": address}
    if isinstance(configuration.verify, str):
        folder = Path(configuration.verify).is_dir()
        told["SSL_CERT_DIR" if folder else "SSL_CERT_FILE"] = configuration.verify
    return told


@contextlib.contextmanager
def _variables(told: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _unverified(
    configuration: Configuration,
    logins: tuple[Login, ...],
    replaced: Mapping[str, list[str]],
    retries: int,
    seconds: int | None,
) -> Client:
    """A client that looks at no certificate, which py-rattler makes of its own configuration only.

    That knows a login by its host alone, so of two paths' logins on one host the first counts.
    """
    from rattler import Config
    from rattler.networking import Client

    lines = ["tls-no-verify = true", "[mirrors]"]
    # JSON's texts and lists of texts are TOML's too.
    lines += [f"{json.dumps(key)} = {json.dumps(ones)}" for key, ones in replaced.items()]
    with _stored(logins) as store, _variables({**_told(configuration), **store}):
        return Client.from_config(
            Config.from_toml("\n".join(lines)), retries, user_agent=_agent(), timeout=seconds
        )


@contextlib.contextmanager
def _stored(logins: tuple[Login, ...]) -> Iterator[dict[str, str]]:
    """Logins in a file as rattler keeps them, for the moment in which a client reads it."""
    entries = {
        _place(one)[0]: {
            "BasicHTTP": {"username": one.user, "password": one.password or ""},
        }
        for one in reversed(logins)
        if one.user is not None
    }
    if not entries:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "logins.json")
        file.write_text(json.dumps(_own() | entries))
        yield {_STORE: str(file)}


def _own() -> dict[str, object]:
    """What the person's own file of that kind has."""
    try:
        found = json.loads(Path(os.environ[_STORE]).read_text())
    except (KeyError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
