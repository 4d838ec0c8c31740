"""Names of images, as the engine and registries understand them.

The grammar is that of `distribution/reference`: `[registry/]repository[:tag][@digest]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from runner.errors import EnvironmentFailure

if TYPE_CHECKING:
    from typing import Self

HUB: Final = "docker.io"
_OFFICIAL: Final = "library"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LATEST: Final = "latest"


class Reference(Struct, frozen=True):
    """A name of an image, in full.

    Attributes:
        registry: host, and port where there is one: `docker.io`.
        repository: `library/python`.
        tag: None only where there is a digest.
        digest: `sha256:…` of the manifest, None where none is named.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/python`."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a name as a person writes it.

        Raises:
            EnvironmentFailure: it is none.
        """
        name, _, digest = text.partition("@")
        first, slash, rest = name.partition("/")
        with_host = bool(slash) and (
            "." in first or ":" in first or first == "localhost" or first != first.lower()
        )
        registry, path = (first, rest) if with_host else (HUB, name)
        path, _, tag = path.partition(":")
        if registry in {HUB, "index.docker.io"}:
            registry = HUB
            path = path if "/" in path else f"{_OFFICIAL}/{path}"
        _check(text, path, tag, digest)
        return cls(registry, path, tag or (None if digest else _LATEST), digest or None)


def is_image_id(text: str) -> bool:
    """Whether `text` is the id of an image on this machine: `sha256:…`."""
    return _DIGEST.fullmatch(text) is not None


def _check(text: str, path: str, tag: str, digest: str) -> None:
    why = None
    if not _REPOSITORY.fullmatch(path):
        lower = text.lower()
        why = f"write it in lower case: `{lower}`" if path != path.lower() else "write `NAME:TAG`"
    elif ("@" in text and not _DIGEST.fullmatch(digest)) or text.endswith("@"):
        why = "a digest is `@sha256:` and 64 hexadecimal digits"
    elif (tag and not _TAG.fullmatch(tag)) or text.endswith(":"):
        why = "a tag has letters, digits, `.`, `_` and `-`"
    if why is not None:
        raise EnvironmentFailure(f"`{text}` is no name of an image", why)
