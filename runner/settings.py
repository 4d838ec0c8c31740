"""Where reprun keeps things; frozen, read once from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(Struct, frozen=True):
    """The two homes, and what stands in for one of them.

    Attributes:
        data: what must not be lost: runs, objects, locks, index (`REPRUN_HOME`, else
            `$XDG_DATA_HOME/reprun`, else `~/.local/share/reprun`).
        cache: what may be deleted at any time (`REPRUN_CACHE`, else `REPRUN_HOME/cache` where
            `REPRUN_HOME` is set, else `$XDG_CACHE_HOME/reprun`, else `~/.cache/reprun`).
        scratch: where objects go while somebody only looks; None to keep them.
    """

    data: Path
    cache: Path
    scratch: Path | None = None

    @property
    def homes(self) -> tuple[Path, ...]:
        """Every folder that is ours, and so is never a part of a project."""
        return (self.data, self.cache, *(() if self.scratch is None else (self.scratch,)))

    @property
    def runs(self) -> Path:
        """One folder per run; its `record.json` is the truth."""
        return self.data / "runs"

    @property
    def objects(self) -> Path:
        """Each output file once, named by its SHA-256."""
        return (self.scratch or self.data) / "objects"

    @property
    def locks(self) -> Path:
        """Which lock a specification got."""
        return self.data / "locks"

    @property
    def index(self) -> Path:
        """The SQLite index of the records; can be rebuilt."""
        return self.data / "index.sqlite"

    @property
    def mirrors(self) -> Path:
        """One bare mirror per repository address."""
        return self.cache / "mirrors"

    @property
    def environments(self) -> Path:
        """Built environments, `<kind>/<digest>`."""
        return self.cache / "envs"

    @property
    def wheels(self) -> Path:
        """Wheels built from git and local dependencies."""
        return self.cache / "wheels"

    @property
    def conda(self) -> Path:
        """Unpacked conda packages by their archive's hash, and the channels' indexes."""
        return self.cache / "conda"

    @property
    def containers(self) -> Path:
        """What is noted of containers that steps run in, one folder per run."""
        return self.cache / "containers"

    @property
    def work(self) -> Path:
        """Checkouts, `<source>/<slot>`."""
        return self.cache / "work"


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `variables` (the process's environment unless given)."""
    environ = os.environ if variables is None else variables
    home = environ.get("REPRUN_HOME")
    data = Path(home) if home else _base(environ, "XDG_DATA_HOME", ".local/share") / "reprun"
    if cache := environ.get("REPRUN_CACHE"):
        cache_home = Path(cache)
    elif home:
        cache_home = data / "cache"
    else:
        cache_home = _base(environ, "XDG_CACHE_HOME", ".cache") / "reprun"
    return Settings(data=data.expanduser().absolute(), cache=cache_home.expanduser().absolute())


def _base(environ: Mapping[str, str], name: str, below_home: str) -> Path:
    given = environ.get(name, "")
    # The XDG base directory specification has relative paths ignored.
    return Path(given) if given.startswith("/") else Path.home() / below_home
