"""The values that a manifest becomes: problems, parameters, entry points, the bound step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool | None
Severity = Literal["error", "warning"]


class Problem(Struct, frozen=True):
    """Something wrong (`error`) or doubtful (`warning`) in a manifest.

    Attributes:
        code: stable, such as `manifest.unknown-key`.
        file: the manifest's path inside the project.
        line: 1-based; 0 where the file as a whole is meant.
        column: 1-based, in characters; 0 where the file as a whole is meant.
        hint: one thing to do.
        entry_point: the only entry point that an error concerns; None where the manifest as a
            whole can't be used.
    """

    severity: Severity
    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    hint: str | None = None
    entry_point: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class Parameter(Struct, frozen=True):
    """A declared parameter.

    Attributes:
        type: the canonical type: `string`, `integer`, `float`, `boolean`, `path`, `uri`,
            `list[float]`, …; an unknown one is kept as written and checked as a string.
        declared_type: the type as the manifest has it (`str`, `int`, …), as MLflow reads it;
            None for `type: null`.
        default: the default's value as YAML reads it; None where there is none.
        default_text: the default as the command gets it, None where there is none.
        required: no default, so a value must be given (unless `optional`).
        secret: its value never reaches a record or a log.
    """

    name: str
    type: str = "string"
    declared_type: str | None = "string"
    default: object = None
    default_text: str | None = None
    required: bool = True
    optional: bool = False
    choices: tuple[Scalar, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    description: str | None = None
    secret: bool = False
    line: int = 0
    column: int = 0


class Input(Struct, frozen=True):
    """A declared input: files of the project (`glob`), or a download of a known digest.

    Attributes:
        glob: POSIX glob relative to the project; "" for a download.
        url: `http(s)` or `file` address, None for a glob.
        sha256: hexadecimal digest a download must have.
        path: where a download is laid, relative to the project.
    """

    glob: str = ""
    url: str | None = None
    sha256: str | None = None
    path: str | None = None


class Output(Struct, frozen=True):
    """A declared output: a POSIX glob relative to the project that must match after the step.

    Attributes:
        comparison: how `verify` compares it (`{"as": "json", "rtol": 1e-6}`); kept as written.
    """

    glob: str
    comparison: Mapping[str, object] = field(default_factory=dict)


class EntryPoint(Struct, frozen=True):
    """A declared entry point.

    Attributes:
        command: the template as MLflow reads it.
        metrics: POSIX globs of JSON files whose numbers become the run's metrics.
        env: variables the step gets (`NAME: value`) or keeps from the caller (`NAME: null`).
        timeout: seconds of wall time, None for no limit.
        resources: as written; executors read what they know.
    """

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    metrics: tuple[Output, ...] = ()
    env: Mapping[str, str | None] = field(default_factory=dict)
    timeout: float | None = None
    resources: Mapping[str, object] = field(default_factory=dict)
    description: str | None = None
    line: int = 0
    column: int = 0


class DockerEnvironment(Struct, frozen=True):
    """`docker_env` of a manifest.

    Attributes:
        image: beside a `dockerfile`, the name that the build gets; else what the steps run in.
        dockerfile: POSIX, relative to the project; never a folder.
        context: likewise, the folder that is built in; None for the project's own.
        variables: `environment` in order: (name, value), value None to copy the host's.
        as_written: the whole mapping as YAML reads it.
        with_code: name of an image that the project's files are to be put into (`--build-image`),
            None for none.
    """

    image: str | None = None
    dockerfile: str | None = None
    context: str | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()
    as_written: Mapping[str, object] = field(default_factory=dict)
    with_code: str | None = None


class EnvironmentReference(Struct, frozen=True):
    """Which environment the project asks for.

    Attributes:
        kind: `python_env`, `conda_env`, `docker_env`; `lock`, `requirements` or `pyproject` where
            only such a file is there; `empty` where nothing is.
        path: the file, POSIX and relative to the project; None for `docker_env` and `empty`.
        declared: whether the manifest names it (else it was found by its usual name).
    """

    kind: Literal[
        "python_env", "conda_env", "docker_env", "lock", "requirements", "pyproject", "empty"
    ]
    path: str | None = None
    docker: DockerEnvironment | None = None
    declared: bool = False
    line: int = 0
    column: int = 0


class Manifest(Struct, frozen=True):
    """A project's manifest as understood, errors excepted.

    Attributes:
        name: the project's name, None where it has none.
        path: the manifest's file name inside the project; None where there is none.
        sha256: digest of the file's bytes; None where there is no file.
        problems: every warning and error, in the order of the file.
    """

    name: str | None
    path: str | None
    sha256: str | None
    environment: EnvironmentReference
    entry_points: tuple[EntryPoint, ...] = ()
    problems: tuple[Problem, ...] = ()


HIDDEN = "***"  # stands where a secret value would


class BoundParameter(Struct, frozen=True):
    """A parameter with its value.

    Attributes:
        text: the value as written; what a record keeps.
        value: `text` read as `type`; a list for list types.
        argument: what the command gets: `text`, or a path once it is resolved.
        origin: `given`, or `default`.
        declared: False for a parameter that the entry point does not name (passed as `--key`).
    """

    name: str
    text: str
    value: object
    type: str
    argument: str
    origin: Literal["given", "default"]
    secret: bool = False
    declared: bool = True

    def secret_texts(self) -> set[str]:
        """What must not be shown or kept: a secret value as it was given, as it is passed, quoted.

        Empty for a value that is no secret.
        """
        if not self.secret:
            return set()
        from shlex import quote

        texts = {self.text, self.argument} - {""}
        return texts | {quote(text) for text in texts}


class Step(Struct, frozen=True):
    """An entry point with every parameter bound; `command.render` makes a command of it.

    Attributes:
        entry_point: the declaration (made up for a file that is run as an entry point).
    """

    entry_point: EntryPoint
    parameters: tuple[BoundParameter, ...]
