"""The values of this room: an image as it was examined, and a container that is to be made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct, field
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Self

CODE: Final = "/mlflow/projects/code"  # where MLflow has a project's files


class Image(Struct, frozen=True):
    """An image as a step sees it.

    Attributes:
        id: `sha256:…` of its configuration.
        reference: `docker.io/library/python@sha256:…`, None for one that is only here.
        platform: `linux/amd64`.
        variables: what its `ENV` sets.
        entrypoint: what runs the step's command, None where there is none or it would not.
        left_out: the image's entrypoint, where it does not run a command.
        shell: what reads the command.
        python: path of its Python, for what reprun runs beside the step; None where there is none.
        git: whether it has git.
        user: its `USER`, "" for root.
        passwd, group: its users and groups, as the files have them.
        layers: digests of the layers' contents, the lowest first.
    """

    id: str
    reference: str | None
    platform: str
    variables: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()
    shell: Literal["bash", "sh"] = "bash"
    python: str | None = None
    git: bool = False
    user: str = ""
    passwd: str = ""
    group: str = ""
    layers: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """As `from_json` reads it."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: something else did.
        """
        fields = json.loads(content)
        try:
            entrypoint = fields.pop("entrypoint")
            return cls(
                entrypoint=None if entrypoint is None else tuple(entrypoint),
                left_out=tuple(fields.pop("left_out")),
                layers=tuple(fields.pop("layers")),
                **fields,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(str(error)) from error


class Mount(Struct, frozen=True):
    """A folder or file of this machine, or a named volume, inside a container.

    Attributes:
        source: absolute path, or a volume's name.
        target: absolute path inside.
        kind: `bind`, `volume`.
        options: further ones, as `docker run -v` takes them behind the second colon.
    """

    source: str
    target: str
    read_only: bool = False
    kind: Literal["bind", "volume"] = "bind"
    options: str = ""


class Vessel(Struct, frozen=True):
    """A container that is to be made for a step.

    Attributes:
        image: what it is made from.
        name: of the container.
        mounts: in the order in which they are made.
        user: `1000:1000`, None for the image's own.
        body: what a person added, as the engine's API has it.
        folder: of this run alone, on this machine; in the container it is `/reprun/run`.
        labels: how a container that was left behind is known.
        init: whether the engine's own first process reaps others and hands signals on.
        relay: port on loopback that leads to the endpoint, None for none.
    """

    image: Image
    name: str
    mounts: tuple[Mount, ...]
    user: str | None
    folder: Path
    body: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    relay: int | None = None
    init: bool = True
    platform: str | None = None
