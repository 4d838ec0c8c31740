"""How channels are reached: the person's configuration of conda, and every login that counts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.conda import channels, configuration
from runner.conda.packages import Fetcher
from runner.conda.silence import Watch
from runner.conda.specification import channels_of
from runner.errors import EnvironmentFailure, SourceError

if TYPE_CHECKING:
    import rattler

    from runner.conda.configuration import Configuration
    from runner.conda.logins import Login
    from runner.settings import Settings
    from runner.source.model import ProjectFiles


class Access(NamedTuple):
    """What asking a channel needs."""

    configuration: Configuration
    logins: tuple[Login, ...]

    def client(self) -> rattler.Client:
        """A client for packages, whose download may take its time."""
        from runner.conda import client

        return client.client(self.configuration, self.logins)

    def gateway(self, settings: Settings, *, anew: bool = False) -> rattler.Gateway:
        """Asks channels for their indexes, which are kept in the cache home.

        `anew` asks for those too whose time to live isn't over.
        """
        import rattler

        from runner.conda import client

        default, others = client.source_configs(self.configuration, anew=anew)
        return rattler.Gateway(
            cache_dir=_indexes(settings),
            default_config=default,
            per_channel_config=others,
            client=self.client(),
        )

    @property
    def fetcher(self) -> Fetcher:
        """What fetches packages."""
        return Fetcher(self.client, self.configuration.patience)

    def watch(self, settings: Settings) -> Watch:
        """Notices that a gateway gets nothing any more."""
        return Watch(_indexes(settings), self.configuration.patience)


def _indexes(settings: Settings) -> Path:
    return settings.conda / "index"


def of_files(files: ProjectFiles, *paths: str | None) -> Access:
    """Access for the project's conda files and locks, whose channels may have logins of their own.

    Args:
        files: the project's.
        paths: those that aren't there, or are none, have no logins.

    Raises:
        EnvironmentFailure: conda's configuration can't be understood.
    """
    found = configuration.read(os.environ, Path.home())
    asked = [channel for path in filter(None, paths) for channel in _asked(files, path)]
    return Access(found, channels.logins(tuple(dict.fromkeys(asked)), found))


def _asked(files: ProjectFiles, path: str) -> tuple[str, ...]:
    """The channels that a conda file names, or those of a lock's addresses that have a login."""
    from runner.conda import lock_addresses, project_lock
    from runner.environments import conda_file

    # A lock says what it was made from: a file above the project, or of another tool's, as well.
    with contextlib.suppress(EnvironmentFailure, SourceError):
        text = (files.read(path) or b"").decode("utf-8", "replace")
        if project_lock.format_of(text) is not None:
            return lock_addresses.channels_with_logins(text)
        return channels_of(conda_file.read_conda_file(files, path))
    return ()
