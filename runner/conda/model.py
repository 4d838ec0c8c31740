"""The values that conda's side of the house deals in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Channel(Struct, frozen=True):
    """Where conda packages come from.

    Attributes:
        name: as a person writes it: `conda-forge`, `defaults`, an address.
        addresses: of its folders, without credentials; several for a channel of channels such as
            `defaults`, whose packages have one rank.
    """

    name: str
    addresses: tuple[str, ...]


class LockedPackage(Struct, frozen=True):
    """One package of a lock.

    Attributes:
        manager: who installs it.
        build: conda's build string, such as `py310h1234567_0`; None for pip's.
        url: where the archive was seen, without credentials. For pip's from git:
            `git+https://…@commit`.
        sha256: of the archive; None only where a project's own old lock has nothing but `md5`.
        depends: name → constraint, as the package itself says.
    """

    name: str
    version: str
    url: str
    manager: Literal["conda", "pip"] = "conda"
    build: str | None = None
    sha256: str | None = None
    md5: str | None = None
    depends: Mapping[str, str] = field(default_factory=dict)
