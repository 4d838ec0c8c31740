"""How channels are reached: the person's configuration of conda, and every login that counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.conda import channels, configuration
from runner.conda.packages import Fetcher
from runner.conda.specification import channels_of

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

    def gateway(self, settings: Settings) -> rattler.Gateway:
        """Asks channels for their indexes, which are kept in the cache home."""
        import rattler

        from runner.conda import client

        default, others = client.source_configs(self.configuration)
        return rattler.Gateway(
            cache_dir=settings.cache / "conda" / "index",
            default_config=default,
            per_channel_config=others,
            client=self.client(),
        )

    @property
    def fetcher(self) -> Fetcher:
        """What fetches packages."""
        return Fetcher(self.client)


def of_file(files: ProjectFiles, path: str | None) -> Access:
    """Access for the project's conda file at `path`, whose channels may have logins of their own.

    Raises:
        EnvironmentFailure: conda's configuration can't be understood.
    """
    from runner.environments import conda_file

    found = configuration.read(os.environ, Path.home())
    asked: tuple[str, ...] = ()
    if path is not None and files.read(path) is not None:
        asked = channels_of(conda_file.read_conda_file(files, path))
    return Access(found, channels.logins(asked, found))
