"""A run's record as values; `encoding` and `decoding` have its JSON form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.environments.base import LocalPackage, Package
    from runner.executors.base import Resources
    from runner.manifest.model import BoundParameter
    from runner.source.model import Changes

SCHEMA = "run-1"

Status = Literal["running", "finished", "failed", "killed", "lost"]


class RecordedSource(Struct, frozen=True):
    """`Source`, without what only means something on this machine."""

    kind: str
    url: str
    commit: str | None
    tree: str
    subdirectory: str
    version: str | None
    branch: str | None
    pushed: bool | None
    remote: str | None
    changes: Changes | None
    submodules: Mapping[str, str]
    in_place: bool


class RecordedLock(Struct, frozen=True):
    """Which lock was used; the text itself lies beside the record as `lock`.

    Attributes:
        context: what the environment was made from beside the lock: the digest of what a
            Dockerfile's build took in of the project, or `link-scripts`; None without either.
    """

    sha256: str
    format: str
    made: str
    locked: bool
    context: str | None = None


class RecordedPython(Struct, frozen=True):
    """The interpreter the step ran with."""

    version: str
    build: str
    implementation: str
    path: str


class RecordedImage(Struct, frozen=True):
    """The image that the step's container was made from.

    Attributes:
        name: as the project names it, or its Dockerfile's path.
        id: digest of its configuration, the same wherever the image is.
        reference: its name and digest in a registry; None for one that was only here.
        platform: `linux/amd64`.
        only_here: it was pinned by its id, which means something on one machine alone.
    """

    id: str
    reference: str | None
    platform: str
    name: str | None = None
    only_here: bool = False


class RecordedMount(Struct, frozen=True):
    """What of the machine, beside the checkout, the step saw in its container.

    Attributes:
        source: absolute path, or one relative to the project; a volume's name, "" without one.
        target: absolute path inside.
    """

    source: str
    target: str
    read_only: bool


class RecordedContainer(Struct, frozen=True):
    """The container that the step ran in.

    Attributes:
        directory: the step's working directory, inside.
        user: `uid:gid`, None for the image's own or a chosen one.
        entrypoint: the image's, which ran the step's command; None for none.
        network: by name; None for the engine's usual one.
        volumes: what the project and the caller asked to see; of the machine, and not digested.
        settings: what they asked for beyond that, as the engine's API has it.
    """

    directory: str
    user: str | None
    entrypoint: tuple[str, ...] | None
    network: str | None
    volumes: tuple[RecordedMount, ...]
    settings: Mapping[str, object]


class RecordedEnvironment(Struct, frozen=True):
    """`Environment`: what was intended (`hash`, `lock`) and what was observed (`fingerprint`).

    Attributes:
        local_packages: the project's own packages, installed on top for this run alone.
        image: of a container; None where the step ran on the machine itself.
    """

    kind: str
    hash: str
    fingerprint: str
    lock: RecordedLock
    python: RecordedPython | None
    packages: tuple[Package, ...]
    platform: str
    local_packages: tuple[LocalPackage, ...] = ()
    image: RecordedImage | None = None


class Host(Struct, frozen=True):
    """The machine: what may change a result without anybody touching the project.

    Attributes:
        memory_bytes: physical memory.
        cpu_features: sorted flags of the first processor.
        gpus: (name, driver version) of each.
    """

    hostname: str
    system: str
    kernel: str
    libc: str
    machine: str
    cpu_model: str
    cpu_features: tuple[str, ...]
    cores: int
    memory_bytes: int
    gpus: tuple[tuple[str, str], ...] = ()


class Variable(Struct, frozen=True):
    """A variable the step saw: its keyed digest, its value only where it is known to be harmless.

    Attributes:
        digest: HMAC-SHA-256 under a key that never leaves this data home.
    """

    digest: str
    value: str | None = None


class RecordedFile(Struct, frozen=True):
    """An input or an output.

    Attributes:
        path: POSIX, relative to the project (`../` where it lies elsewhere in the source), or
            absolute for an input from outside. Bytes that aren't UTF-8 are kept as lone
            surrogates, as `os.fsdecode` makes them.
        sha256: of the content; of the target's text for a symlink; over the names and digests of
            all that a folder holds (`fingerprint.of_value`) for a folder.
        size: bytes.
        kind: `file`, `symlink`, or `folder` (an input only).
        mode: permission bits.
        origin: for an input: `source`, `ignored` (laid in although git ignores it), `given`
            (a `path` value), `download`, `run:<id>`; for an output: `declared` or `undeclared`;
            `logged` for what the step handed over through MLflow's calls.
        url: where a download came from, credentials removed.
    """

    path: str
    sha256: str
    size: int
    kind: Literal["file", "symlink", "folder"] = "file"
    mode: int = 0o644
    origin: str = ""
    url: str | None = None


class LoggedMetric(Struct, frozen=True):
    """A metric that the step logged; all its measurements are in the run's `logged.jsonl`.

    Attributes:
        last: the value of the greatest step; of equal steps that of the latest time.
        step, time: of `last`; the time in milliseconds since 1970.
        count: how many measurements there are.
        smallest, largest: NaN aside.
    """

    last: float
    step: int
    time: int
    count: int
    smallest: float
    largest: float


class Logged(Struct, frozen=True):
    """What the step logged through MLflow's calls.

    Attributes:
        parameters: name → text, as logged, where the run was not given the same value.
        tags: name → text; a very long text is cut off here only.
        artifacts: the files that it handed over, relative to `logged/` below the run.
        inputs: data sets, as MLflow describes them.
        models: logged models, as MLflow describes them.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, LoggedMetric] = field(default_factory=dict)
    artifacts: tuple[RecordedFile, ...] = ()
    inputs: tuple[Mapping[str, object], ...] = ()
    models: tuple[Mapping[str, object], ...] = ()


class Process(Struct, frozen=True):
    """Who looks after a running run: enough to tell whether it still does.

    Attributes:
        started: seconds between the machine's start and the process's, from `/proc/<pid>/stat`.
        boot: the machine's boot id; a process of an earlier boot is gone.
        namespace: the PID namespace that `pid` counts in; pids of another can't be judged.
    """

    host: str
    pid: int
    started: float
    boot: str = ""
    namespace: str = ""


class Run(Struct, frozen=True):
    """One run, as its record has it.

    Attributes:
        request: what was asked, credentials and secrets removed.
        parameters: in the order of the manifest.
        command: as given to the shell, secrets replaced by `***`.
        metrics: name → number; what the step logged last, and from the JSON files named under
            `metrics:`, which win.
        outputs: every file that the step made or changed.
        logged: what it logged through MLflow's calls; None where it logged nothing.
        logged_by: of a run that a step made by MLflow's calls, the run of that step: it has no
            command of its own. None otherwise.
        started, ended: RFC 3339, UTC, with milliseconds.
        container: what the step ran in; None for the machine itself.
        exit_code: the step's exit status, None while it runs or where it was lost.
        reason: why a run that isn't finished ended: one line.
        directory: where the record lies; not part of the JSON.
    """

    id: str
    status: Status
    request: Mapping[str, object]
    source: RecordedSource
    entry_point: str
    command: str
    parameters: tuple[BoundParameter, ...]
    environment: RecordedEnvironment
    host: Host
    variables: Mapping[str, Variable]
    started: str
    manifest_name: str | None = None
    name: str | None = None
    inputs: tuple[RecordedFile, ...] = ()
    outputs: tuple[RecordedFile, ...] = ()
    deleted: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    logged: Logged | None = None
    logged_by: str | None = None
    experiment: str | None = None
    experiment_id: str | None = None
    parent: str | None = None
    rerun_of: str | None = None
    group: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    resources: Resources | None = None
    warnings: tuple[str, ...] = ()
    process: Process | None = None
    container: RecordedContainer | None = None
    directory: Path | None = None

    @property
    def files(self) -> tuple[RecordedFile, ...]:
        """All that the run left: its outputs, and the artifacts that its step logged.

        An artifact that is an output, too, is there once; where only the path is the same, the
        artifact is called `logged/<path>`.
        """
        if self.logged is None or not self.logged.artifacts:
            return self.outputs
        made = {output.path: output.sha256 for output in self.outputs}
        return self.outputs + tuple(
            replace(file, path=f"logged/{file.path}") if file.path in made else file
            for file in self.logged.artifacts
            if made.get(file.path) != file.sha256
        )
