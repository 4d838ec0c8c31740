"""The protocol that every kind of environment satisfies, and the values that it deals in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.conda.model import Channel
    from runner.containers.model import Image
    from runner.environments.contents import Seen
    from runner.manifest.model import EnvironmentReference
    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.model import ProjectFiles


UNMAPPED: Final = "unmapped"  # key of `Spec.extra`
LINK_SCRIPTS: Final = "link-scripts"  # a `Spec.context`
CONDA_LOCK: Final = "conda-lock"  # of `Lock.format`


class Package(Struct, frozen=True):
    """One package that an environment really holds.

    Attributes:
        name: normalised (PEP 503 for Python packages).
        source: where it came from if not an index: `git+https://…@commit`, `tree:<digest>`; for
            conda `channel::name=version=build`.
        sha256: of the wheel, sdist or archive it was installed from, where that is known.
        type: what sort of package it is, by the word that package URLs have: `pypi`, `conda`,
            `deb`, `apk`.
    """

    name: str
    version: str
    source: str | None = None
    sha256: str | None = None
    type: str = "pypi"


class Interpreter(Struct, frozen=True):
    """A Python interpreter on this machine.

    Attributes:
        path: the executable.
        version: `3.11.7`.
        build: implementation, compiler and build date, as `sys.version` has them.
        folders: where it looks for installed packages by itself, as far as that is known.
    """

    path: Path
    version: str
    build: str
    implementation: str = "cpython"
    folders: tuple[Path, ...] = ()


class LocalPackage(Struct, frozen=True):
    """A package that lies in the project itself, installed in a layer of the run.

    Attributes:
        path: POSIX, relative to the project.
        tree: digest of its folder, from `ProjectFiles.tree_digest`.
    """

    path: str
    tree: str
    editable: bool = False
    extras: tuple[str, ...] = ()


class Spec(Struct, frozen=True):
    """What the project asks for, before anything is resolved.

    Attributes:
        kind: the backend's `NAME`.
        python: version or specifier as the project has it (`3.10`, `>=3.9,<3.12`), None for any.
        requirements: requirement lines, in order, `-r` files read in, local packages taken out.
        build_requirements: `build_dependencies` of a `python_env.yaml`.
        local_packages: `.`, `-e .` and paths.
        lock_text: a lock that the project carries, used as it is; None where there is none.
        lock_format: `requirements`, `uv.lock`, `pylock.toml`, …; None where there is no lock.
        origin: the file that says so, for messages; None for an empty environment.
        as_of: RFC 3339 time: packages uploaded later are not seen; None for no such limit.
        extra: what else decides the resolution: `constraints` and `options` of requirement
            files, one per line; `own:<file>` → digest of what a local package says of itself;
            `unmapped` → `skip` where conda's packages that the index lacks are left out.
        warnings: what is doubtful about the project's own words.
        variables: set for the step, as `conda.yaml` has them.
        origins: name on the index → what the project calls it and where, where that differs.
        context: what an environment is made from beside the lock: the digest of what the project's
            Dockerfile can see of the project; `link-scripts` where conda packages' own scripts are
            run. None without either.
        words: digest of the project's own words alone, where this machine's settings have a say
            in `digest`: what a lock in the project is known by; None where they have none.
        conda: conda's own specifications, as written but for logins in a channel's address:
            `numpy=1.16`, `conda-forge::zlib`.
        channels: where their packages come from, in the order of their rank.
        digest: SHA-256 over what decides the resolution, the local packages' trees left out
            (their dependencies count, their code does not), like `warnings`, `variables`,
            `origins`, `context` and `words`: the key under which a lock is found.
    """

    kind: str
    python: str | None
    digest: str
    requirements: tuple[str, ...] = ()
    build_requirements: tuple[str, ...] = ()
    local_packages: tuple[LocalPackage, ...] = ()
    lock_text: str | None = None
    lock_format: str | None = None
    origin: str | None = None
    as_of: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    context: str | None = None
    words: str | None = None
    conda: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()


class Lock(Struct, frozen=True):
    """Exact pins with hashes; enough to build the same environment again.

    Attributes:
        kind: the backend's `NAME`.
        format: `requirements` (hashed), `uv.lock`, `pylock.toml`; `conda-lock`, `explicit` (of
            conda's own tools); `image` (a digest), `image-id`
            (an image that is on this machine only), `dockerfile`; `none` for an unlocked kind.
        text: the lock itself, kept verbatim in the record; no download addresses in ours.
        sha256: of `text`.
        python: exact version it is for (`3.11.7`), None where the kind has no interpreter.
        platform: such as `linux-x86_64`; `any` for a universal lock.
        locked: False for what can't be locked (`local`, what a Dockerfile installs).
        local_packages: installed on top, in a layer of the run.
        context: as `Spec.context`; not of the lock, but of the environment made from it.
        origin: the project's file that it is, or was made from.
        made: whether it was `resolved` now, `reused` from an earlier run, or came with the
            `project`.
    """

    kind: str
    format: str
    text: str
    sha256: str
    python: str | None
    platform: str
    locked: bool = True
    local_packages: tuple[LocalPackage, ...] = ()
    made: Literal["resolved", "reused", "project"] = "resolved"
    context: str | None = None
    origin: str | None = None


class Environment(Struct, frozen=True):
    """A finished environment.

    Attributes:
        hash: SHA-256 over kind, platform, interpreter build and lock: what was intended.
        fingerprint: SHA-256 over what is really in it: what was observed.
        path: its prefix; None for `local`.
        reused: whether it was there already.
        built_s: seconds that building took, 0 where it was reused.
    """

    kind: str
    hash: str
    lock: Lock
    path: Path | None
    interpreter: Interpreter | None
    packages: tuple[Package, ...]
    fingerprint: str
    reused: bool
    built_s: float = 0.0


class Activation(Struct, frozen=True):
    """How a step gets to see an environment.

    Attributes:
        path: directories put in front of `PATH`.
        variables: set for the step.
        bytecode: (directory of sources → directory that may keep their bytecode between runs).
        image: what the step's container is made from; None where it runs on the machine itself.
    """

    path: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    bytecode: Mapping[Path, Path] = field(default_factory=dict)
    image: Image | None = None


class Backend(Protocol):
    """One kind of environment; a module satisfies it, so a new kind is one file and one line."""

    NAME: str
    LOCKS: bool  # whether its environments can be locked at all
    AMENDS: bool  # whether another Python, further packages and a day mean something to it
    SCRIPTS: bool  # whether its packages may have scripts of their own, which are only run if asked

    def read(
        self,
        reference: EnvironmentReference,
        files: ProjectFiles,
        *,
        as_of: str | None,
        skip_unmapped: bool = False,
    ) -> Spec:
        """What the project asks for; `skip_unmapped` leaves out what only another kind has.

        Raises:
            EnvironmentFailure: the environment's file is missing or can't be understood.
        """

    def lock(
        self,
        spec: Spec,
        *,
        files: ProjectFiles,
        settings: Settings,
        progress: Progress,
        relock: bool = False,
    ) -> Lock:
        """Resolve `spec` into exact pins, with hashes.

        `relock` looks past what this machine has of it already.

        Raises:
            EnvironmentFailure: no such Python, no such package, a conflict, no network.
        """

    def peek(self, spec: Spec, *, settings: Settings) -> Lock | None:
        """The project's own lock, or that of a kind without locks; fetches and resolves nothing."""

    def interpreter(
        self,
        lock: Lock,
        *,
        exact: bool,
        settings: Settings,
        progress: Progress,
        fetch: bool = True,
    ) -> Interpreter | None:
        """The interpreter to build `lock` with; None for a kind that has none.

        Cheap when it was looked for before. `exact` refuses the nearest patch release; who only
        looks switches `fetch` off.

        Raises:
            NoSuchPython: there is none, and none can be fetched.
        """

    def create(
        self,
        lock: Lock,
        at: Path,
        *,
        interpreter: Interpreter | None,
        files: ProjectFiles,
        settings: Settings,
        progress: Progress,
    ) -> None:
        """Build the environment in place at `at`, an empty directory.

        Raises:
            EnvironmentFailure: a package fails to build or breaks its hash.
        """

    def health(self, lock: Lock, at: Path) -> str | None:
        """None, or why the environment at `at` can't be used; cheap, by stat."""

    def observe(self, at: Path, interpreter: Interpreter | None) -> Seen:
        """What is really there."""

    def mend(self, at: Path, *, progress: Progress) -> None:
        """Keep what was changed in the environment at `at` out of the one that replaces it."""

    def activate(self, at: Path) -> Activation:
        """How a step gets to see it."""
