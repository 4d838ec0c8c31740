"""The values of the input stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from pathlib import Path

    from runner.manifest.model import Step
    from runner.progress import Progress
    from runner.request import Request
    from runner.settings import Settings
    from runner.source.model import ProjectFiles, Source
    from runner.store.records import RecordedFile


class Placement(Struct, frozen=True):
    """A file or folder that is laid where the step finds it.

    Attributes:
        source: on this machine.
        target: relative to the project in the checkout; None with `outside`.
        outside: absolute, in the storage folder; None with `target`.
        origin: `ignored`, `download`, `run:<id>`.
        url: where a download came from, credentials removed.
        sha256: of the content, where it is known already.
        recorded: False for what a secret value names.
        mode: permission bits that it gets; None for those of `source`.
        replaces: whether it takes the place of what the project has there, at the same path.
    """

    source: Path
    origin: str
    target: str | None = None
    outside: Path | None = None
    url: str | None = None
    sha256: str | None = None
    recorded: bool = True
    mode: int | None = None
    replaces: bool = False


class Reading(Struct, frozen=True):
    """Something of the checkout that the step reads, digested once it is laid out.

    Attributes:
        glob: relative to the project; a plain path for a `whole`.
        entry: recorded as one folder (a path parameter) or file by file (a declared input).
        required: whether there must be something.
    """

    glob: str
    entry: Literal["whole", "files"]
    origin: str
    required: bool = True


class Prepared(Struct, frozen=True):
    """The inputs of a step, checked and fetched; nothing is laid out yet.

    Attributes:
        step: the step with every `path` parameter's argument resolved.
        placements: what must be laid.
        readings: what the checkout itself holds.
        digested: inputs from outside, digested.
        warnings: what is doubtful.
        downloads: addresses that a run would fetch, credentials removed; only after a check.
    """

    step: Step
    placements: tuple[Placement, ...] = ()
    readings: tuple[Reading, ...] = ()
    digested: tuple[RecordedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    downloads: tuple[str, ...] = ()


class Context(Struct, frozen=True):
    """What resolving needs to know.

    Attributes:
        local: the project's folder where a person works on it; None for a source from elsewhere.
        storage: where fetched values of path parameters are laid.
        fetch: False to check only.
        known_as: the source's address as a record has it.
    """

    request: Request
    source: Source
    files: ProjectFiles
    settings: Settings
    progress: Progress
    local: Path | None
    storage: Path
    fetch: bool
    known_as: str = ""

    @property
    def project(self) -> tuple[str, str]:
        """Its address and subdirectory, as records of its runs have them."""
        return self.known_as or self.source.url, self.source.subdirectory


class Gathered(Struct):
    """What was found so far."""

    placements: list[Placement] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    digested: list[RecordedFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
